"""Importing OpenVINO, NNCF and ONNX Runtime without telemetry, and guarding their threads against forks.

All three send usage data over the network by default and store an identifier in the user's home (OpenVINO and NNCF
through the package openvino_telemetry; ONNX Runtime from its own library, unless an environment variable disables it).
Samara processes images that may be confidential and sends nothing unasked, so it disables telemetry in its own process
before importing these libraries. If a program has already imported them, its choice stands.
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
    """Import OpenVINO.

    Raises:
        MissingExtra: it is not installed.
    """
    with _without_openvino_telemetry():
        require("openvino", "openvino", "the engine openvino")
        importlib.import_module("openvino.tools.ovc")
    return importlib.import_module("openvino")


def import_nncf() -> ModuleType:
    """Import NNCF, which quantises for OpenVINO.

    Raises:
        MissingExtra: it is not installed.
    """
    import_openvino()
    with _without_openvino_telemetry(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from its dependencies
        require("nncf", "openvino", "int8")
    return importlib.import_module("nncf")


def import_onnxruntime() -> ModuleType:
    """Import ONNX Runtime.

    Raises:
        MissingExtra: it is not installed.
    """
    os.environ.setdefault(ONNXRUNTIME_SWITCH, "1")
    require("onnxruntime", "onnx", "the engine onnxruntime")
    return importlib.import_module("onnxruntime")


@contextlib.contextmanager
def _without_openvino_telemetry() -> Iterator[None]:
    """Make the import of openvino_telemetry fail, which OpenVINO and NNCF treat as telemetry disabled."""
    name = "openvino_telemetry"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # makes Python treat the module as missing
    try:
        yield
    finally:
        del sys.modules[name]


_started_in: dict[str, int] = {}


def start(library: str) -> None:
    """Record that a library starts threads in this process, and raise if a fork makes it unusable.

    Raises:
        DeviceError: it already started threads in the process this one was forked from, and would wait for them
            forever.
    """
    if _started_in.setdefault(library, os.getpid()) != os.getpid():
        raise DeviceError(
            f"{library} was in use when this process was forked, and threads do not survive a fork; start "
            'processes with "spawn", or use the engine torch'
        )
