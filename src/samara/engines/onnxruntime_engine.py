"""The network in ONNX Runtime, on any processor."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import torch

from samara._version import __version__
from samara.engines.cache import cached
from samara.engines.decoding import decoder_of
from samara.engines.graph_engine import Array, GraphEngine, Run
from samara.engines.graphs import FORM, Graph, check_plain, decoder_graphs_of, encoder_graph_of
from samara.engines.loaded import Loaded, fingerprint
from samara.engines.quiet_libraries import import_onnxruntime, start
from samara.system.extras import require

GRAPH = "graph.onnx"

OPSET = 18
"""ONNX opset version: the newest that all recent runtimes support."""


def open_onnxruntime(loaded: Loaded) -> GraphEngine:
    """Convert a checkpoint, or use a cached conversion, and open it in ONNX Runtime.

    Raises:
        MissingExtra: ONNX Runtime is not installed.
        SettingsError: the network was adapted, see `check_plain`.
        OutputError: the cache directory cannot be written.
    """
    check_plain(loaded.sam, loaded.name)  # also if converted graphs are cached
    paths = {"image_encoder": _converted(loaded.fingerprint, functools.partial(encoder_graph_of, loaded))}
    # The family, too: EfficientViT-SAM's decoder has the shapes of SAM's and another epsilon in its norms.
    weights = f"{fingerprint(decoder_of(loaded.sam))}-{loaded.grid}-{loaded.variant.family}"
    for graph in decoder_graphs_of(loaded):
        paths[graph.name] = _converted(f"{weights}-{graph.name}", functools.partial(_itself, graph))
    return GraphEngine(loaded, {name: open_session(path) for name, path in paths.items()}, "float32")


def write_onnx(graph: Graph, path: Path) -> None:
    """Write a graph as ONNX; weights over a gigabyte go to a separate file next to it."""
    for library in ("onnx", "onnxscript"):
        require(library, "onnx", "ONNX export")
    with warnings.catch_warnings(), torch.no_grad(), _quiet_exporter():
        warnings.simplefilter("ignore")  # deprecations within PyTorch
        program = torch.onnx.export(
            graph.export(),
            f=None,
            input_names=[one.name for one in graph.inputs],
            output_names=list(graph.outputs),
            dynamic_shapes=tuple(
                one.varying for one in graph.inputs
            ),  # only the names: the sizes are part of the export
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
        assert program is not None, "without a file, the exporter returns the program"
        program.save(path)


@contextlib.contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silence PyTorch's exporter, which warns about every optional package."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _itself(graph: Graph) -> Graph:
    return graph


def _converted(weights: str, graph: Callable[[], Graph]) -> Path:
    """Return a graph as an ONNX file; `weights` identifies its source."""
    facts = [weights, torch.__version__, __version__, OPSET, FORM]
    name = f"onnx-{sha256(json.dumps(facts).encode()).hexdigest()[:24]}"
    return cached(name, lambda folder: write_onnx(graph(), folder / GRAPH)) / GRAPH


def open_session(path: Path) -> Run:
    """Open an ONNX file for running on this machine.

    Raises:
        DeviceError: see `start`.
    """
    runtime = import_onnxruntime()
    start("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]

    def run(*arrays: Array) -> list[Array]:
        results: list[Array] = session.run(None, dict(zip(names, arrays, strict=True)))
        return results

    return run
