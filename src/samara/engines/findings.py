"""Stored findings of `samara doctor` on this machine, so that `engine="auto"` is free when loading a checkpoint.

A finding is valid for one machine (processor, cores, instruction sets) and one of its devices, by the GPU's name, for
one set of library versions, one variant and one input size; if any of these changes, "auto" means torch until doctor
runs again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

import torch

from samara.engines.cache import cache_directory
from samara.engines.kinds import ENGINES, TORCH, EnginePlace
from samara.engines.limits import LIMITS
from samara.system.devices import Precision
from samara.system.files import make_folder, write_atomically
from samara.system.machine import installed_versions, instruction_sets, processor_name, usable_cores


@dataclass(frozen=True)
class Finding:
    """One engine in one precision, measured.

    Attributes:
        engine: name of the engine.
        precision: precision it computed in.
        agrees: whether its error is within the limits of the precision.
        encoder_s: time of the image encoder for one image, in seconds.
        decoder_s: time of the mask decoder for one prompt, in seconds.
    """

    engine: str
    precision: Precision
    agrees: bool
    encoder_s: float
    decoder_s: float


UNASKED: tuple[Precision, ...] = ("float32", "bfloat16", "float16")
"""Precisions that may be chosen for a user who asked for none; int8 loses more and has to be asked for."""


def record(variant: str, input_size: int, findings: Sequence[Finding], device: str = "cpu") -> Path:
    """Store findings about a device, replacing earlier ones.

    Raises:
        OutputError: the cache directory cannot be written.
    """
    path = _path(variant, input_size, device)
    make_folder(path.parent, "set SAMARA_CACHE to one that can")
    write_atomically(path, json.dumps([asdict(finding) for finding in findings]).encode())
    return path


def recorded(variant: str, input_size: int, device: str = "cpu") -> tuple[Finding, ...]:
    """Return the findings for a device of this machine; empty if doctor never ran on it, or its file is damaged."""
    try:
        entries = json.loads(_path(variant, input_size, device).read_text())
        return tuple(Finding(**entry) for entry in entries)
    except (OSError, ValueError, TypeError):
        return ()


def fastest_place(variant: str, input_size: int, place: EnginePlace, *, any_precision: bool) -> EnginePlace:
    """Return what `AUTO` means on a device: the fastest engine found to agree with torch; torch without findings.

    Args:
        variant: name of the variant.
        input_size: side of the network input in pixels.
        place: device, and the precision that was asked for or is usual on the device.
        any_precision: whether the precision may be another, because none was asked for.
    """
    found = [
        finding
        for finding in recorded(variant, input_size, place.device)
        if finding.agrees
        and (finding.precision in UNASKED if any_precision else finding.precision == place.precision)
        and finding.engine in ENGINES
        and ENGINES[finding.engine].is_installed
        and place.device.split(":")[0] in ENGINES[finding.engine].device_types
    ]
    if not found:
        return replace(place, engine=TORCH.name)
    best = min(found, key=lambda finding: finding.encoder_s + finding.decoder_s)
    return replace(place, engine=best.engine, precision=best.precision)


def _path(variant: str, input_size: int, device: str) -> Path:
    facts = [variant, input_size, processor_name(), usable_cores(), instruction_sets(), installed_versions()]
    facts.append({precision: asdict(limits) for precision, limits in LIMITS.items()})  # what "agrees" meant
    facts += _accelerator(device)
    return cache_directory() / f"doctor-{sha256(json.dumps(facts).encode()).hexdigest()[:16]}.json"


def _accelerator(device: str) -> list[str]:
    """Return what identifies a device beside the processor; nothing for the processor itself."""
    kind = torch.device(device).type
    if kind == "cuda":
        return [torch.cuda.get_device_name(device)]
    return [] if kind == "cpu" else [kind]
