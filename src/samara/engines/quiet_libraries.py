"""OpenVINO, NNCF and ONNX Runtime without their reports to their makers, and where their threads are.

All three send usage data over the network by default and leave an identifier in the user's home (OpenVINO and NNCF by
way of the package openvino_telemetry; ONNX Runtime from its own library, unless a variable of the environment says no).
Samara works on images that may be confidential and sends nothing that was not asked for, so it switches the reports
off in its own process before it imports these libraries. Where a program imported them itself, its choice stands.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType

from samara.errors import DeviceError
from samara.system.extras import require

ONNXRUNTIME_SWITCH = "ORT_DISABLE_TELEMETRY"


def import_openvino() -> ModuleType:
    """OpenVINO.

    Raises:
        MissingExtra: it is not installed.
    """
    with _without_openvino_telemetry():
        require("openvino", "openvino", "the engine openvino")
        importlib.import_module("openvino.tools.ovc")
    return importlib.import_module("openvino")


def import_nncf() -> ModuleType:
    """NNCF, which quantises for OpenVINO.

    Raises:
        MissingExtra: it is not installed.
    """
    import_openvino()
    with _without_openvino_telemetry(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies, about each other
        require("nncf", "openvino", "int8")
    return importlib.import_module("nncf")


def import_onnxruntime() -> ModuleType:
    """ONNX Runtime.

    Raises:
        MissingExtra: it is not installed.
    """
    os.environ.setdefault(ONNXRUNTIME_SWITCH, "1")
    require("onnxruntime", "onnx", "the engine onnxruntime")
    return importlib.import_module("onnxruntime")


@contextlib.contextmanager
def _without_openvino_telemetry() -> Iterator[None]:
    """Let the import of openvino_telemetry fail, which OpenVINO and NNCF take as a no."""
    name = "openvino_telemetry"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # Python's own way to say that there is no such module
    try:
        yield
    finally:
        del sys.modules[name]


_started_in: dict[str, int] = {}


def start(library: str) -> None:
    """Note that a library makes threads in this process now, and say so where it cannot any more.

    Raises:
        DeviceError: it did in a process from which this one was forked; it would wait here for threads that stayed
            behind.
    """
    if _started_in.setdefault(library, os.getpid()) != os.getpid():
        raise DeviceError(
            f"{library} was in use when this process was forked, and its threads stayed behind; start "
            'processes with "spawn", or use the engine torch'
        )
