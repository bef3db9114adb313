"""The network in OpenVINO, on Intel, AMD and Arm processors."""

from __future__ import annotations

import functools
import json
import threading
import warnings
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from samara._version import __version__
from samara.engines.cache import cached
from samara.engines.calibration import FLOATING, calibrated, calibration_files
from samara.engines.decoding import decoder_of
from samara.engines.graph_engine import Array, GraphEngine, Run
from samara.engines.graphs import FORM, Graph, check_plain, decoder_graphs_of, encoder_graph_of
from samara.engines.loaded import Loaded, fingerprint
from samara.engines.quiet_libraries import import_openvino, start
from samara.errors import DeviceError
from samara.system.devices import Precision
from samara.system.machine import processor_name

HINTS: dict[Precision, str] = {"float32": "f32", "bfloat16": "bf16", "float16": "f16", "int8": "f32"}
"""OpenVINO's names of precisions; with int8, that of the parts left in floating point."""

GRAPH = "graph.xml"

Model = Any
"""`openvino.Model` or `openvino.CompiledModel`; the library is optional."""

Change = Callable[[Model], Model]


def open_openvino(loaded: Loaded) -> GraphEngine:
    """Convert a checkpoint, or use a cached conversion, and compile it for this machine.

    Raises:
        MissingExtra: OpenVINO, or for int8 NNCF, is not installed.
        DeviceError: this processor does not support the precision.
        SettingsError: the network was adapted, see `check_plain`.
        OutputError: the cache directory cannot be written.
    """
    check_plain(loaded.sam, loaded.name)  # also if converted graphs are cached
    hint = HINTS[loaded.precision]
    # The decoder stays in floating point: it is fast, and mask quality depends on it.
    decoder_precision: Precision = "float32" if loaded.precision == "int8" else loaded.precision
    paths = {"image_encoder": _encoder_path(loaded)}
    # The family, too: EfficientViT-SAM's decoder has the shapes of SAM's and another epsilon in its norms.
    weights = f"{fingerprint(decoder_of(loaded.sam))}-{loaded.grid}-{loaded.variant.family}"
    for index, name in enumerate(_decoder_names(loaded)):
        paths[name] = _converted(f"{weights}-{name}", functools.partial(_decoder_graph, loaded, index))
    return GraphEngine(loaded, {name: compile_model(path, hint) for name, path in paths.items()}, decoder_precision)


def _encoder_path(loaded: Loaded) -> Path:
    make_graph = functools.partial(encoder_graph_of, loaded)
    if loaded.precision != "int8":
        return _converted(loaded.fingerprint, make_graph)
    images = loaded.calibration or calibration_files(())

    read_as = loaded.calibration_reading.facts() if loaded.calibration else {}
    weights = f"{loaded.fingerprint}-{json.dumps(read_as)}" if read_as else loaded.fingerprint
    return _converted(weights, make_graph, images=images, change=functools.partial(calibrated, loaded))


def convert(graph: Graph) -> Model:
    """Convert a graph to an OpenVINO model, which shares the network's memory."""
    openvino = import_openvino()
    shapes = [[-1 if isinstance(size, str) else size for size in one.shape] for one in graph.inputs]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # deprecations within PyTorch
        model = openvino.convert_model(graph.export(), input=[openvino.PartialShape(shape) for shape in shapes])
    for port, one in zip(model.inputs, graph.inputs, strict=True):
        port.get_tensor().set_names({one.name})
    for port, name in zip(model.outputs, graph.outputs, strict=True):
        port.get_tensor().set_names({name})
    return model


def _decoder_names(loaded: Loaded) -> tuple[str, ...]:
    has_details = loaded.sam.mask_decoder.detail_layers is not None
    return ("look", "draw", "details") if has_details else ("look", "draw")


def _decoder_graph(loaded: Loaded, index: int) -> Graph:
    return decoder_graphs_of(loaded)[index]


def _converted(
    weights: str, graph: Callable[[], Graph], *, images: tuple[str, ...] = (), change: Change | None = None
) -> Path:
    """Return a graph as an OpenVINO file; `weights` and `images` identify its source."""
    openvino = import_openvino()

    def make(folder: Path) -> None:
        model = convert(graph())
        openvino.save_model(change(model) if change else model, folder / GRAPH, compress_to_fp16=False)

    digests = [sha256(Path(path).read_bytes()).hexdigest() for path in images]
    versions = [openvino.__version__, torch.__version__, __version__]
    facts = [weights, digests, FLOATING if change else None, versions, FORM]
    return cached(f"openvino-{sha256(json.dumps(facts).encode()).hexdigest()[:24]}", make) / GRAPH


def compile_model(path: Path, hint: str) -> Run:
    """Compile a converted graph for this machine; `hint` is a value of `HINTS`.

    Raises:
        DeviceError: the processor does not support the precision, or see `start`.
    """
    start("openvino")
    settings = {
        "INFERENCE_PRECISION_HINT": hint,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    compiled = import_openvino().Core().compile_model(path, "CPU", settings)
    _check_hint(compiled, hint)
    return _runner(compiled)


def _check_hint(compiled: Model, hint: str) -> None:
    """Refuse a precision that OpenVINO would silently replace by float32."""
    used = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    if used != hint:
        asked = next(name for name, word in HINTS.items() if word == hint)
        raise DeviceError(
            f"this processor ({processor_name()}) does not support {asked}, OpenVINO would use {used}; use float32"
        )


def _runner(compiled: Model) -> Run:
    request = compiled.create_infer_request()
    ports = tuple(range(len(compiled.outputs)))
    one_at_a_time = threading.Lock()

    def run(*arrays: Array) -> list[Array]:
        with one_at_a_time:
            results = request.infer(list(arrays), share_inputs=True)
            return [results[port] for port in ports]

    return run
