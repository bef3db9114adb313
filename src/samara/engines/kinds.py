"""The engines that samara knows, as a table: what each needs, where it runs and what it computes in."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata

from samara.errors import DeviceError, MissingExtra, SettingsError
from samara.system.devices import Precision, choose_device, choose_precision
from samara.system.extras import is_installed


@dataclass(frozen=True)
class EngineKind:
    """One engine.

    Attributes:
        name: what `Loaded.engine` says.
        libraries: import names of what it needs besides torch.
        extra: samara's extra that installs them; None for what is always there.
        device_types: where it runs, first part of a torch device's name.
        precisions: what it can compute in.
    """

    name: str
    libraries: tuple[str, ...]
    extra: str | None
    device_types: tuple[str, ...]
    precisions: tuple[Precision, ...]

    @property
    def is_installed(self) -> bool:
        """Whether everything that it needs is there; nothing is imported."""
        return all(is_installed(library) for library in self.libraries)

    @property
    def install_command(self) -> str | None:
        """What installs it; None for what is always there."""
        return None if self.extra is None else f"pip install 'samara[{self.extra}]'"

    @property
    def version(self) -> str | None:
        """Of the library that runs the network; None if it is not there."""
        library = self.libraries[0] if self.libraries else TORCH.name
        return metadata.version(library) if is_installed(library) else None


TORCH = EngineKind("torch", (), None, ("cpu", "cuda", "mps"), ("float32", "bfloat16", "float16"))
# On processors its kernels were not looked at; OpenVINO is there for them.
TORCH_COMPILE = EngineKind("torch-compile", (), None, ("cuda",), ("float32", "bfloat16", "float16"))
OPENVINO = EngineKind("openvino", ("openvino",), "openvino", ("cpu",), ("float32", "bfloat16", "float16", "int8"))
ONNXRUNTIME = EngineKind("onnxruntime", ("onnxruntime", "onnx", "onnxscript"), "onnx", ("cpu",), ("float32",))

ENGINES = {kind.name: kind for kind in (TORCH, TORCH_COMPILE, OPENVINO, ONNXRUNTIME)}

AUTO = "auto"
"""The fastest engine that `samara doctor` found to agree with torch on this machine; torch if it never looked."""


@dataclass(frozen=True)
class EnginePlace:
    """Where and in what a network runs.

    Attributes:
        engine: a name of `ENGINES`, or `AUTO` where that is still to be looked up.
        device: e.g. "cpu" or "cuda:0".
        precision: what to compute in.
    """

    engine: str
    device: str
    precision: Precision


def choose_place(engine: str, device: str, precision: str) -> EnginePlace:
    """Resolve what was asked for to what is there, or say what is missing.

    Args:
        engine: a name of `ENGINES`, or `AUTO`.
        device: see `choose_device`; "auto" means the CPU for an engine that runs nowhere else.
        precision: see `choose_precision`; "auto" means what is fast on the device and known to the engine.

    Raises:
        SettingsError: no such engine or precision, or a precision that the engine does not compute in.
        DeviceError: no such device, or not with this engine.
        MissingExtra: the engine's library is not installed.
    """
    kind = TORCH if engine == AUTO else engine_kind(engine)
    for library in kind.libraries:
        if not is_installed(library):
            raise MissingExtra(f"the engine {kind.name} needs {library}, which is not there; {kind.install_command}")
    if device == "auto" and kind.device_types == ("cpu",):
        device = "cpu"
    chosen = choose_device(device)
    if chosen.split(":")[0] not in kind.device_types:
        raise DeviceError(f"the engine {kind.name} runs on {' or '.join(kind.device_types)}, not on {chosen}")
    wanted = choose_precision(precision, chosen)
    if precision == "auto" and wanted not in kind.precisions:
        wanted = "float32"
    if wanted not in kind.precisions:
        able = [other.name for other in ENGINES.values() if wanted in other.precisions]
        raise SettingsError(
            f"the engine {kind.name} does not compute in {wanted}, only in {', '.join(kind.precisions)}; "
            f"for {wanted} choose the engine {' or '.join(able)}"
        )
    return EnginePlace(engine, chosen, wanted)


def engine_kind(name: str) -> EngineKind:
    """Look an engine up.

    Raises:
        SettingsError: there is no such engine.
    """
    if name not in ENGINES:
        raise SettingsError(f"there is no engine {name!r}; use {AUTO}, {', '.join(ENGINES)}")
    return ENGINES[name]
