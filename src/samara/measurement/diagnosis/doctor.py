"""`samara doctor`: every engine in every precision against PyTorch in float32, on this machine, with one checkpoint."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from samara.checkpoints.choice import Choice, WeightsFrom
from samara.checkpoints.load_chosen import loaded_from
from samara.engines.findings import Finding, record
from samara.engines.kinds import ENGINES, TORCH, EngineKind
from samara.engines.loaded import Loaded
from samara.errors import DeviceError, MissingExtra, SettingsError
from samara.measurement.diagnosis.agreement import STEPS, Agreement, EngineAnswers, ask, compare_answers
from samara.system import machine
from samara.system.devices import Precision, choose_device, computes_in_bfloat16, limited_threads, multiplies_in_tf32
from samara.system.machine import Machine
from samara.system.progress import Progress

Verdict = Literal["agrees", "close", "drifts"]


@dataclass(frozen=True)
class Check:
    """One engine in one precision.

    Attributes:
        engine: name of the engine.
        precision: precision of the engine.
        device: device of the engine.
        agreement: agreement with PyTorch in float32 on the CPU; None if the engine could not run.
        agrees: whether every mask is close to PyTorch's, by `LIMITS`; None if the engine could not run.
        encoder_s: time of one image through the image encoder, in seconds.
        decoder_s: time of a single prompt through the mask decoder.
        decoder_many_s: time per prompt among many on one image.
        speed: encoder time of PyTorch in float32 on the CPU / that of this engine; above 1 is faster.
        note: reason why it could not run.
    """

    engine: str
    precision: Precision
    device: str
    agreement: Agreement | None = None
    agrees: bool | None = None
    encoder_s: float | None = None
    decoder_s: float | None = None
    decoder_many_s: float | None = None
    speed: float | None = None
    note: str | None = None

    @property
    def verdict(self) -> Verdict | None:
        """agrees; close: rounding changes some mask visibly; drifts: a fault. None if the engine could not run."""
        if self.agreement is None or self.agrees is None:
            return None
        if self.agrees:
            return "agrees"
        return "close" if self.agreement.is_rounding(self.precision) else "drifts"

    @property
    def seconds(self) -> float:
        """Seconds of one image and one prompt, which decide which engine is the fastest; 0 if it could not run."""
        return (self.encoder_s or 0.0) + (self.decoder_s or 0.0)


@dataclass(frozen=True)
class Diagnosis:
    """Findings of `samara doctor`.

    Attributes:
        machine: this machine.
        checkpoint: name of the checkpoint.
        weights: "file" or "random"; with random weights the masks are noise, so agreement is not meaningful and not
            recorded.
        input_size: side length of the network input in pixels.
        threads: CPU threads used.
        missing: engines that are not installed, with their install commands.
        checks: checks in the order of the engine table.
        recorded: whether `engine="auto"` now follows these findings.
    """

    machine: Machine
    checkpoint: str
    weights: str
    input_size: int
    threads: int
    missing: dict[str, str]
    checks: tuple[Check, ...]
    recorded: bool

    @property
    def is_healthy(self) -> bool:
        """Whether no engine drifts."""
        return all(check.verdict != "drifts" for check in self.checks)

    @property
    def fastest(self) -> Check | None:
        """The fastest of the engines that agree; None if none does."""
        agreeing = [check for check in self.checks if check.verdict == "agrees"]
        return min(agreeing, key=lambda check: check.seconds, default=None)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        verdicts = [{"verdict": check.verdict} for check in self.checks]
        document = dataclasses.asdict(self) | {"healthy": self.is_healthy}
        document["checks"] = [check | own for check, own in zip(document["checks"], verdicts, strict=True)]
        return document | {"fastest": None if self.fastest is None else dataclasses.asdict(self.fastest)}


def doctor(
    checkpoint: str | os.PathLike[str] | Loaded = Choice.checkpoint,
    *,
    base: str | os.PathLike[str] | None = Choice.base,
    lora: str | os.PathLike[str] | None = Choice.lora,
    preset: str | None = Choice.preset,
    device: str = Choice.device,
    input_size: int | None = Choice.input_size,
    weights: WeightsFrom = Choice.weights,
    threads: int | None = None,
    download: bool = Choice.download,
    progress: Progress | None = None,
) -> Diagnosis:
    """Compare every engine and precision with PyTorch in float32, on this machine.

    The findings determine the choice of `engine="auto"` for this kind of network on each examined device, and of
    `precision="auto"` with it.

    Args:
        checkpoint: a catalogue name, a file, or what `samara.load` gave (on the CPU, in float32, engine torch).
        base: see `samara.load`, also for the next four arguments.
        lora: low-rank updates to merge.
        preset: preparation of the images, if the file cannot tell.
        device: device to examine: "cpu", "cuda", "cuda:1" or "mps"; "auto" for the CPU and, if there is one, the CUDA
            GPU.
        input_size: side length of the input in pixels; None for the checkpoint's own.
        weights: "random" measures speed without the file.
        threads: CPU threads to use; None for all.
        download: download the checkpoint if it is missing.
        progress: called as the work advances.

    Raises:
        CheckpointError, SettingsError: See `samara.load`.
        DeviceError: This machine has no such device.
        OutputError: The cache directory cannot be written.
    """
    how = {"base": base, "lora": lora, "preset": preset, "input_size": input_size}
    how |= {"weights": weights, "download": download}
    devices = devices_of(device)
    with limited_threads(threads):
        loaded = loaded_from(checkpoint, progress, device="cpu", precision="float32", **how)
        return examine(loaded, devices, progress=progress)


def devices_of(asked: str) -> tuple[str, ...]:
    """Return the devices to examine; for "auto" the CPU and, if there is one, the CUDA GPU.

    Raises:
        DeviceError: This machine has no such device.
    """
    chosen = choose_device(asked)
    return tuple(dict.fromkeys(("cpu", chosen))) if asked == "auto" else (chosen,)


def examine(loaded: Loaded, devices: Sequence[str] = ("cpu",), *, progress: Progress | None = None) -> Diagnosis:
    """Compare every available engine and precision on some devices with PyTorch in float32 on the CPU.

    Args:
        loaded: checkpoint on the CPU, in float32, with the torch engine.
        devices: devices to examine.
        progress: called as the work advances.

    Raises:
        OutputError: The cache directory cannot be written.
    """
    places = list(_places(devices))
    expected = ask(loaded, step=_counter("torch float32", progress))
    checks = []
    for kind, precision, device, note in places:
        name = f"{kind.name} {precision}"
        if note is not None:
            checks.append(Check(kind.name, precision, device, note=note))
        elif (kind, precision, device) == (TORCH, "float32", "cpu"):
            checks.append(_check(kind.name, precision, device, expected, expected))
        else:
            checks.append(_examined(loaded, kind, precision, device, expected, _counter(name, progress)))
    recorded = loaded.provenance.weights == "file"
    for device in devices if recorded else ():
        record(loaded.variant.name, loaded.input_size, _findings(checks, device), device)
    return Diagnosis(
        machine=machine.detect_machine(),
        checkpoint=loaded.name,
        weights=loaded.provenance.weights,
        input_size=loaded.input_size,
        threads=torch.get_num_threads(),
        missing={kind.name: kind.install_command or "" for kind in ENGINES.values() if not kind.is_installed},
        checks=tuple(checks),
        recorded=recorded,
    )


def _counter(name: str, progress: Progress | None) -> Callable[[], None]:
    steps = itertools.count(1)

    def step() -> None:
        done = next(steps)
        if progress is not None:
            progress(name, done, STEPS)

    return step


def _places(devices: Sequence[str]) -> Iterator[tuple[EngineKind, Precision, str, str | None]]:
    """Yield engine, precision and device of every check, with a note if it is known not to run."""
    if "cpu" not in devices:
        yield TORCH, "float32", "cpu", None  # what the others are compared with
    for kind in ENGINES.values():
        if not kind.is_installed:
            continue
        for device in devices:
            if device.split(":")[0] in kind.device_types:
                yield from (
                    (kind, precision, device, _obstacle(kind, precision, device))
                    for precision in kind.precisions_on(device)
                )


def _obstacle(kind: EngineKind, precision: Precision, device: str) -> str | None:
    if kind == TORCH and precision == "bfloat16" and not computes_in_bfloat16(device):
        return "not supported by this CPU"
    if kind == TORCH and precision == "float16" and device == "cpu":
        return "slower than float32 on CPUs"
    if precision == "tf32" and not multiplies_in_tf32(device):
        return "not supported by this GPU"
    missing = kind.missing_for(precision)
    return None if missing is None else f"needs {missing}"


def _examined(
    loaded: Loaded,
    kind: EngineKind,
    precision: Precision,
    device: str,
    expected: EngineAnswers,
    step: Callable[[], None],
) -> Check:
    # The original must stay on its device.
    network = loaded.sam if device == "cpu" else copy.deepcopy(loaded.sam).to(device)
    candidate = dataclasses.replace(loaded, network=network, device=device, engine=kind.name, precision=precision)
    try:
        return _check(kind.name, precision, device, ask(candidate, step=step), expected)
    except (DeviceError, MissingExtra, SettingsError) as error:
        return Check(kind.name, precision, device, note=str(error))
    except RuntimeError as error:  # a GPU without enough memory, a compiler that is not there
        return Check(kind.name, precision, device, note=(str(error).strip() or type(error).__name__).splitlines()[0])


def _check(engine: str, precision: Precision, device: str, found: EngineAnswers, expected: EngineAnswers) -> Check:
    agreement = compare_answers(found, expected)
    return Check(
        engine=engine,
        precision=precision,
        device=device,
        agreement=agreement,
        agrees=agreement.is_within(precision),
        encoder_s=found.encoder_s,
        decoder_s=found.decoder_s,
        decoder_many_s=found.decoder_many_s,
        speed=expected.encoder_s / found.encoder_s,
    )


def _findings(checks: list[Check], device: str) -> list[Finding]:
    return [
        Finding(check.engine, check.precision, check.agrees, check.encoder_s, check.decoder_s)
        for check in checks
        if check.device == device
        and check.agrees is not None
        and check.encoder_s is not None
        and check.decoder_s is not None
    ]
