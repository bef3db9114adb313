"""The table of engines: libraries, devices and precisions of each."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata

from samara.errors import DeviceError, MissingExtra, SettingsError
from samara.system.devices import Precision, choose_device, choose_precision
from samara.system.extras import is_installed


@dataclass(frozen=True)
class PrecisionNeed:
    """A library that one precision of an engine needs besides the engine's own.

    Attributes:
        precision: the precision.
        library: its import name.
        extra: samara's extra that installs it.
    """

    precision: Precision
    library: str
    extra: str

    @property
    def missing(self) -> str | None:
        """What to install, as the end of a sentence; None if it is installed."""
        if is_installed(self.library):
            return None
        return f"{self.library}, which is not installed; pip install 'samara[{self.extra}]'"


INT8_ON_GPUS = PrecisionNeed("int8", "torchao", "torchao")
INT8_ON_CPUS = PrecisionNeed("int8", "nncf", "openvino")

ONLY_ON: dict[Precision, str] = {"tf32": "cuda"}
"""Precisions that only one type of device has."""


@dataclass(frozen=True)
class EngineKind:
    """One engine.

    Attributes:
        name: value of `Loaded.engine`.
        libraries: import names of the libraries it needs besides torch.
        extra: samara's extra that installs them; None if it is always available.
        device_types: supported devices, by the first part of a torch device's name.
        precisions: supported precisions; not every device has all of them, see `precisions_on`.
        needs: libraries that some of the precisions need.
    """

    name: str
    libraries: tuple[str, ...]
    extra: str | None
    device_types: tuple[str, ...]
    precisions: tuple[Precision, ...]
    needs: tuple[PrecisionNeed, ...] = ()

    def precisions_on(self, device: str) -> tuple[Precision, ...]:
        """Return the supported precisions that this type of device has, whether or not this one does."""
        return tuple(one for one in self.precisions if ONLY_ON.get(one, type_of(device)) == type_of(device))

    def missing_for(self, precision: Precision) -> str | None:
        """Return what to install for a precision, as the end of a sentence; None if nothing is missing."""
        return next((need.missing for need in self.needs if need.precision == precision), None)

    @property
    def is_installed(self) -> bool:
        """Whether all its libraries are installed; nothing is imported."""
        return all(is_installed(library) for library in self.libraries)

    @property
    def install_command(self) -> str | None:
        """The command that installs it; None if it is always available."""
        return None if self.extra is None else f"pip install 'samara[{self.extra}]'"

    @property
    def version(self) -> str | None:
        """Version of the library that runs the network; None if it is not installed."""
        library = self.libraries[0] if self.libraries else TORCH.name
        return metadata.version(library) if is_installed(library) else None


TORCH = EngineKind("torch", (), None, ("cpu", "cuda", "mps"), ("float32", "tf32", "bfloat16", "float16"))
# Its kernels were not evaluated on CPUs, for which there is OpenVINO.
TORCH_COMPILE = EngineKind(
    "torch-compile", (), None, ("cuda",), ("float32", "tf32", "bfloat16", "float16", "int8"), (INT8_ON_GPUS,)
)
OPENVINO = EngineKind(
    "openvino", ("openvino",), "openvino", ("cpu",), ("float32", "bfloat16", "float16", "int8"), (INT8_ON_CPUS,)
)
ONNXRUNTIME = EngineKind("onnxruntime", ("onnxruntime", "onnx", "onnxscript"), "onnx", ("cpu",), ("float32",))

ENGINES = {kind.name: kind for kind in (TORCH, TORCH_COMPILE, OPENVINO, ONNXRUNTIME)}

AUTO = "auto"
"""The fastest engine that `samara doctor` found to agree with torch on this machine; torch if it was never run."""


@dataclass(frozen=True)
class EnginePlace:
    """Where a network runs, and in which precision.

    Attributes:
        engine: a name of `ENGINES`, or `AUTO` if still to be resolved.
        device: e.g. "cpu" or "cuda:0".
        precision: compute precision.
    """

    engine: str
    device: str
    precision: Precision


def choose_place(engine: str, device: str, precision: str) -> EnginePlace:
    """Resolve the requested engine, device and precision.

    Args:
        engine: a name of `ENGINES`, or `AUTO`.
        device: see `choose_device`; "auto" means the CPU for an engine that runs nowhere else.
        precision: see `choose_precision`; "auto" means a precision that is fast on the device and supported by the
            engine.

    Raises:
        SettingsError: the engine or precision is unknown, or the engine does not support the precision.
        DeviceError: the device is missing, or the engine does not support it.
        MissingExtra: a library of the engine, or of the precision, is not installed.
    """
    kind = TORCH if engine == AUTO else engine_kind(engine)
    for library in kind.libraries:
        if not is_installed(library):
            raise MissingExtra(
                f"the engine {kind.name} needs {library}, which is not installed; {kind.install_command}"
            )
    if device == "auto" and kind.device_types == ("cpu",):
        device = "cpu"
    chosen = choose_device(device)
    if type_of(chosen) not in kind.device_types:
        raise DeviceError(f"the engine {kind.name} runs on {' or '.join(kind.device_types)}, not on {chosen}")
    wanted = choose_precision(precision, chosen)
    if precision == "auto" and wanted not in kind.precisions:
        wanted = "float32"
    if wanted not in kind.precisions:
        able = [other for other in ENGINES.values() if wanted in other.precisions]
        here = [other.name for other in able if type_of(chosen) in other.device_types]
        raise SettingsError(
            f"the engine {kind.name} does not support {wanted}, only {', '.join(kind.precisions_on(chosen))}; "
            f"for {wanted} choose the engine {' or '.join(here or [other.name for other in able])}"
        )
    missing = kind.missing_for(wanted)
    if missing is not None:
        raise MissingExtra(f"{wanted} of the engine {kind.name} needs {missing}")
    return EnginePlace(engine, chosen, wanted)


def type_of(device: str) -> str:
    """Return the type of a torch device's name: "cuda" of "cuda:1"."""
    return device.split(":")[0]


def engine_kind(name: str) -> EngineKind:
    """Look up an engine.

    Raises:
        SettingsError: the engine is unknown.
    """
    if name not in ENGINES:
        raise SettingsError(f"there is no engine {name!r}; use {AUTO}, {', '.join(ENGINES)}")
    return ENGINES[name]
