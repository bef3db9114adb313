"""From a loaded checkpoint to the engine that runs it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from weakref import WeakKeyDictionary

from samara.engines.compiled_engine import CompiledTorchEngine
from samara.engines.engine import Engine
from samara.engines.graph_engine import GraphEngine
from samara.engines.kinds import ONNXRUNTIME, OPENVINO, TORCH, TORCH_COMPILE, engine_kind
from samara.engines.loaded import Loaded
from samara.engines.onnxruntime_engine import open_onnxruntime
from samara.engines.openvino_engine import open_openvino
from samara.engines.torch_engine import TorchEngine
from samara.errors import SettingsError


def _open_torch(loaded: Loaded) -> Engine:
    return TorchEngine(loaded.sam, loaded.device, loaded.precision, hq_token_only=loaded.hq_token_only)


def _open_compiled(loaded: Loaded) -> Engine:
    return CompiledTorchEngine(loaded.sam, loaded.device, loaded.precision, hq_token_only=loaded.hq_token_only)


_OPENERS: dict[str, Callable[[Loaded], Engine]] = {
    TORCH.name: _open_torch,
    TORCH_COMPILE.name: _open_compiled,
    OPENVINO.name: open_openvino,
    ONNXRUNTIME.name: open_onnxruntime,
}

# A compiled network is as large as the network, so predictors of one checkpoint share it.
_opened: WeakKeyDictionary[Loaded, Engine] = WeakKeyDictionary()
_opening = threading.Lock()


def open_engine(loaded: Loaded) -> Engine:
    """Open the engine of a loaded checkpoint, reusing it as long as the checkpoint is unchanged.

    Raises:
        SettingsError: the engine is unknown, or does not run adapted networks.
        MissingExtra: its library is not installed.
        DeviceError: the processor does not support the precision.
        OutputError: the cache directory for converted networks cannot be written.
    """
    opener = _OPENERS[engine_kind(loaded.engine).name]
    with _opening:
        if loaded not in _opened or not _is_current(_opened[loaded]):
            _opened[loaded] = opener(loaded)
        return _opened[loaded]


def _is_current(engine: Engine) -> bool:
    """Return whether an engine's conversion of the network is still valid."""
    if not isinstance(engine, GraphEngine):
        return True
    try:
        engine.check_current("image encoder")
        engine.check_current("mask decoder")
    except SettingsError:
        return False
    return True
