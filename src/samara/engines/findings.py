"""Stored findings of `samara doctor` on this machine, so that `engine="auto"` is free when loading a checkpoint.

A finding is valid for one machine (processor, cores, instruction sets), one set of library versions, one variant and
one input size; if any of these changes, "auto" means torch until doctor runs again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from samara.engines.cache import cache_directory
from samara.engines.kinds import ENGINES, TORCH
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


def record(variant: str, input_size: int, findings: Sequence[Finding]) -> Path:
    """Store findings, replacing earlier ones.

    Raises:
        OutputError: the cache directory cannot be written.
    """
    path = _path(variant, input_size)
    make_folder(path.parent, "set SAMARA_CACHE to one that can")
    write_atomically(path, json.dumps([asdict(finding) for finding in findings]).encode())
    return path


def recorded(variant: str, input_size: int) -> tuple[Finding, ...]:
    """Return the findings for this machine; empty if doctor was never run, or its file is damaged."""
    try:
        entries = json.loads(_path(variant, input_size).read_text())
        return tuple(Finding(**entry) for entry in entries)
    except (OSError, ValueError, TypeError):
        return ()


def fastest_engine(variant: str, input_size: int, precision: Precision, device: str) -> str:
    """Return the engine that "auto" means: the fastest one found to agree, torch without findings."""
    found = [
        finding
        for finding in recorded(variant, input_size)
        if finding.agrees
        and finding.precision == precision
        and finding.engine in ENGINES
        and ENGINES[finding.engine].is_installed
        and device in ENGINES[finding.engine].device_types
    ]
    # Findings are for the CPU; other devices only run torch.
    if device != "cpu" or not found:
        return TORCH.name
    return min(found, key=lambda finding: finding.encoder_s + finding.decoder_s).engine


def _path(variant: str, input_size: int) -> Path:
    facts = [variant, input_size, processor_name(), usable_cores(), instruction_sets(), installed_versions()]
    facts.append({precision: asdict(limits) for precision, limits in LIMITS.items()})  # what "agrees" meant
    return cache_directory() / f"doctor-{sha256(json.dumps(facts).encode()).hexdigest()[:16]}.json"
