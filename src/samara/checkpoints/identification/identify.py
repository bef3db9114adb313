"""Identification of a checkpoint file: family, variant and part, from names and shapes, never from the file's name."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from samara.checkpoints.catalogue import CATALOGUE
from samara.checkpoints.identification.families import NetworkPart, Recognition, recognise
from samara.checkpoints.identification.key_tables import is_made_anew, is_optional
from samara.checkpoints.identification.stored_normalisation import NAMES as NORMALISATION
from samara.checkpoints.identification.stored_normalisation import (
    OddNormalisationError,
    normalisation_note,
    with_stored_normalisation,
)
from samara.checkpoints.reading.layout import FileFormat, FileLayout
from samara.checkpoints.reading.rename import with_part_prefix
from samara.checkpoints.reading.state_dicts import read_layout, read_state_dict
from samara.checkpoints.record import Checkpoint
from samara.checkpoints.store.digests import digest_checkpoint, known_digest
from samara.errors import UnrecognisedCheckpoint
from samara.networks.class_names import fitting_names, names_in_file
from samara.networks.variant import FAMILY_TITLES
from samara.networks.variants import VARIANTS, Family, Variant
from samara.system.digests import Algorithm

METADATA_KEY = "samara"
"""Metadata entry with the name of the checkpoint that the file is, or was derived from."""

FINE_TUNED_KEY = "fine_tuned"
"""Metadata entry (JSON) of a file that was fine-tuned from that checkpoint."""

PRESET_KEY = "preset"
"""Metadata entry with the name of the preset that the weights were trained with, see `samara.networks.presets`."""

# Entries of a state dict that are not parameters: batch norm statistics, SAM's fixed frequencies.
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "positional_encoding_gaussian_matrix")

_PART_TITLES: Mapping[NetworkPart, str] = {
    "whole": "",
    "image_encoder": ", image encoder only",
    "prompt_encoder": ", prompt encoder only",
    "mask_decoder": ", mask decoder only",
    "prompt_encoder+mask_decoder": ", prompt encoder and mask decoder without image encoder",
    "lora": ", without their checkpoint",
    "other": ", incomplete",
}


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The identity of a checkpoint file.

    Attributes:
        path: the file.
        format: its container.
        family: kind of network.
        variant: name in `samara.networks.variants`, or of a variant derived from the file's own shapes; None if the
            size cannot be determined.
        network: the variant with the file's own numbers (input size, widths, normalisation); None if the size is
            unknown or samara has no network for it.
        checkpoint: name in the catalogue, if the file has that row's size (and digest, if checked).
        parameters: number of trained parameters, without buffers.
        keys: number of entries of the state dict, with buffers.
        dtypes: element types, the most frequent first.
        part: the part of the network that the file contains.
        metadata: the file's own text metadata.
        preset: name of the preset that the metadata states, or that of the base; None if neither does.
        missing: names that the variant needs and the file lacks.
        unexpected: names that the variant does not have.
        misshapen: names of tensors with another shape than the variant's.
        mistyped: names of tensors that should be floating point and are not, e.g. quantised weights.
        classes: number of classes of a detector; None for families without classes.
        description: a summary in one sentence, without a full stop.
    """

    path: Path
    format: FileFormat
    family: Family
    variant: str | None
    network: Variant | None
    checkpoint: str | None
    parameters: int
    keys: int
    dtypes: tuple[str, ...]
    part: NetworkPart
    metadata: Mapping[str, str]
    preset: str | None
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: tuple[str, ...]
    mistyped: tuple[str, ...]
    classes: int | None
    description: str


def identify(
    path: str | os.PathLike[str], *, check_hash: bool = False, base: str | os.PathLike[str] | None = None
) -> Identity:
    """Identify a checkpoint, reading only headers and running no code; `samara.load` uses the same result.

    Args:
        path: path of the file, or of a folder or index written by Hugging Face's libraries.
        check_hash: name a published checkpoint only if the file's digest matches, which takes seconds per gigabyte;
            otherwise the size decides.
        base: path of a checkpoint to overlay with the file's tensors; None for the file alone.

    Raises:
        UnrecognisedCheckpoint: it is not a checkpoint, damaged, or of an unknown family; the message says which.
        UnsafeCheckpoint: loading it could run code; nothing was run.
    """
    layout = read_layout(Path(path))
    preset = layout.metadata.get(PRESET_KEY)
    if base is not None:
        beneath = read_layout(Path(base))
        preset = preset or beneath.metadata.get(PRESET_KEY)
        layout = replace(layout, tensors={**beneath.tensors, **with_part_prefix(layout.tensors)})
    classes = names_in_file(layout.metadata.get("names"))
    found = recognise({name: info.shape for name, info in layout.tensors.items()}, classes)
    if found is None:
        raise UnrecognisedCheckpoint(f"{layout.path} {_what_else(layout)}.")
    paths = [Path(one) for one in (base, path) if one is not None]
    network = found.network and _with_own_normalisation(layout, found.network, paths)
    checkpoint = None if base is not None else _published(layout, found, check_hash=check_hash)
    mistyped = _mistyped(layout, found)
    return Identity(
        path=layout.path,
        format=layout.format,
        family=found.family,
        variant=found.variant,
        network=network,
        checkpoint=checkpoint.name if checkpoint else None,
        parameters=_parameters(layout),
        keys=len(layout.tensors),
        dtypes=_dtypes(layout),
        part=found.part,
        metadata=layout.metadata,
        preset=preset,
        missing=found.faults.missing,
        unexpected=found.faults.unexpected,
        misshapen=found.faults.misshapen,
        mistyped=mistyped,
        classes=found.classes,
        description=_describe(layout, found, network, mistyped, checkpoint, check_hash=check_hash),
    )


def _with_own_normalisation(layout: FileLayout, network: Variant, paths: Sequence[Path]) -> Variant:
    if not set(NORMALISATION) & layout.tensors.keys():
        return network
    stored = dict(item for path in paths for item in read_state_dict(path, as_float32=True, only=NORMALISATION).items())
    try:
        return with_stored_normalisation(network, stored)
    except OddNormalisationError as problem:
        raise UnrecognisedCheckpoint(f"{layout.path} cannot be used: {problem}.") from problem


def _mistyped(layout: FileLayout, found: Recognition) -> tuple[str, ...]:
    if found.network is None:
        return ()
    floats = ("float", "bfloat")
    return tuple(
        name
        for name, info in layout.tensors.items()
        if not info.dtype.startswith(floats) and not is_optional(name) and not is_made_anew(name)
    )


def _parameters(layout: FileLayout) -> int:
    return sum(info.elements for name, info in layout.tensors.items() if not name.endswith(_BUFFERS))


def _dtypes(layout: FileLayout) -> tuple[str, ...]:
    present = [info.dtype for info in layout.tensors.values()]
    return tuple(sorted(set(present), key=lambda dtype: (-present.count(dtype), dtype)))


def _published(layout: FileLayout, found: Recognition, *, check_hash: bool) -> Checkpoint | None:
    """Find the row of the catalogue that this file is, by length and, where asked for, by digest."""
    digests: dict[Algorithm, str] = {}  # each is computed once, however many rows have one
    for row in CATALOGUE:
        if row.variant != found.variant or row.archive_name or row.size_bytes not in (None, layout.size_bytes):
            continue
        known = known_digest(row)
        if check_hash and known is not None:
            algorithm, expected = known
            if algorithm not in digests:
                digests[algorithm] = digest_checkpoint(layout.path, algorithm)
            if digests[algorithm] == expected:
                return row
        elif not check_hash and row.size_bytes is not None:
            return row
    return None


def _describe(
    layout: FileLayout,
    found: Recognition,
    network: Variant | None,
    mistyped: tuple[str, ...],
    checkpoint: Checkpoint | None,
    *,
    check_hash: bool,
) -> str:
    name = f"{found.title} ({found.variant})" if found.variant else f"{found.title} of no known variant"
    if found.variant is None and found.note:
        name = found.title
    faults = _faults(found, mistyped)
    types = " and ".join(_dtypes(layout))
    parts = [
        f"{'looks like ' if faults else ''}{name}{_PART_TITLES[found.part]}",
        f"{_parameters(layout):,} parameters in {len(layout.tensors)} tensors of {types}",
        _classes(layout, found),
        f"under {layout.wrapper!r}" if layout.wrapper else "",
        *_not_taken(layout),
        "names translated from Hugging Face's transformers" if layout.from_transformers else "",
        found.note,
        normalisation_note(network, found.network) if network and found.network else "",
        f"but {faults}" if faults else "",
        _provenance(checkpoint, found, check_hash=check_hash),
        _origin(layout),
        f"with the preset {reprlib.repr(layout.metadata[PRESET_KEY])}" if PRESET_KEY in layout.metadata else "",
    ]
    return ", ".join(part for part in parts if part)


def _classes(layout: FileLayout, found: Recognition) -> str:
    """Describe the number of classes of a detector, and whether their names are missing."""
    if not found.classes:
        return ""
    usual = VARIANTS[found.variant].class_names if found.variant else ()
    _, note = fitting_names(layout.metadata.get("names"), found.classes, usual)
    return note or (f"{found.classes} classes" if found.classes > 1 else "")


def _not_taken(layout: FileLayout) -> list[str]:
    """Describe other networks in the file; their names are untrusted."""
    parts = []
    if layout.others:
        where = ", ".join(repr(other[:60]) for other in layout.others[:3])
        parts.append(f"next to {'another network' if len(layout.others) == 1 else 'other networks'} under {where}")
    if layout.left_out:
        tensors = "tensor that is" if len(layout.left_out) == 1 else "tensors that are"
        parts.append(f"without {len(layout.left_out)} {tensors} not part of it (first: {layout.left_out[0][:80]})")
    return parts


def _faults(found: Recognition, mistyped: tuple[str, ...]) -> str:
    kinds = {
        "missing": found.faults.missing,
        "not expected": found.faults.unexpected,
        "of another shape": found.faults.misshapen,
        "not floating point": mistyped,
    }
    return " and ".join(
        f"{len(names)} {'key is' if len(names) == 1 else 'keys are'} {kind} (first: {names[0]})"
        for kind, names in kinds.items()
        if names
    )


def _provenance(checkpoint: Checkpoint | None, found: Recognition, *, check_hash: bool) -> str:
    if checkpoint is not None:
        return f"the published {checkpoint.name}{'' if check_hash else ' by its size'}"
    comparable = any(row.variant == found.variant and known_digest(row) for row in CATALOGUE)
    return "not one of the published files by its digest" if check_hash and comparable else ""


def _origin(layout: FileLayout) -> str:
    """Return what a fine-tuned file claims to be derived from; its text is untrusted."""
    if FINE_TUNED_KEY not in layout.metadata:
        return ""
    return f"fine-tuned from {reprlib.repr(layout.metadata.get(METADATA_KEY, 'an unnamed checkpoint'))}"


def _what_else(layout: FileLayout) -> str:
    """Describe a readable file without a known network, and what to do."""
    if not layout.tensors:
        beside = ", ".join(layout.beside[:6]) or "nothing"
        if {"state", "param_groups"} <= set(layout.beside) or any(key.startswith("optim") for key in layout.beside):
            return f"contains optimiser state ({beside}) but no network; use the file with the weights"
        return f"contains no network, only: {beside}; use the file with the weights"
    first = ", ".join(list(layout.tensors)[:3])
    what = "a YOLO detector without masks" if "model.0.conv.weight" in layout.tensors else "another network"
    return (
        f"contains {what} ({len(layout.tensors)} tensors, the first: {first}); samara supports "
        f"{', '.join(FAMILY_TITLES.values())}"
    )
