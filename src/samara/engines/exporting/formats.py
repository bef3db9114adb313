"""The export formats: how to write each, and how to run it in its own runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samara.engines.calibration import calibrated
from samara.engines.graph_engine import Run
from samara.engines.graphs import Graph
from samara.engines.loaded import Loaded
from samara.engines.onnxruntime_engine import open_session, write_onnx
from samara.engines.openvino_engine import compile_model, convert
from samara.engines.quiet_libraries import import_openvino
from samara.system.devices import Precision


@dataclass(frozen=True)
class ExportFormat:
    """One format.

    Attributes:
        name: value of `--format`.
        ending: suffix of the files to open in a runtime.
        libraries: import names of the libraries that write and check it.
        extra: samara's extra that installs them.
        precisions: supported precisions of the weights; the mask decoder is never int8.
        write: function that writes a graph of a checkpoint in a precision to a path.
        open: function that opens a written graph for running.
    """

    name: str
    ending: str
    libraries: tuple[str, ...]
    extra: str
    precisions: tuple[Precision, ...]
    write: Callable[[Loaded, Graph, Precision, Path], None]
    open: Callable[[Path], Run]


def _write_onnx(loaded: Loaded, graph: Graph, precision: Precision, path: Path) -> None:
    del loaded, precision  # only float32 is supported
    write_onnx(graph, path)


def _write_openvino(loaded: Loaded, graph: Graph, precision: Precision, path: Path) -> None:
    model: Any = convert(graph)  # Any: openvino.Model; the library is optional
    if precision == "int8" and graph.name == "image_encoder":
        model = calibrated(loaded, model)
    import_openvino().save_model(model, path, compress_to_fp16=precision == "float16")


def _open_openvino(path: Path) -> Run:
    return compile_model(path, "f32")


FORMATS = {
    one.name: one
    for one in (
        ExportFormat(
            "onnx", ".onnx", ("onnx", "onnxscript", "onnxruntime"), "onnx", ("float32",), _write_onnx, open_session
        ),
        ExportFormat(
            "openvino",
            ".xml",
            ("openvino",),
            "openvino",
            ("float32", "float16", "int8"),
            _write_openvino,
            _open_openvino,
        ),
    )
}
