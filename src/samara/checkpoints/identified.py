"""What a checkpoint file is, beyond its tensors: its row in the catalogue, its name, and its preset."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

from samara.checkpoints.catalogue import CATALOGUE, Checkpoint
from samara.checkpoints.identification.identify import FINE_TUNED_KEY, METADATA_KEY, Identity, identify
from samara.engines.loaded import Loaded
from samara.errors import SettingsError, WrongCheckpoint
from samara.networks.presets import PRESETS, preset_by_name_of_file, with_preset
from samara.networks.variants import Variant


def identified(
    path: Path, base: Path | None, entry: Checkpoint | None, preset: str | None = None
) -> tuple[Identity, Checkpoint | None, str]:
    """Identify a file, overlaid on its base if given; return its identity, catalogue entry and display name.

    The identity's network has the preset: the given one, or that of the file, or else that of the entry.

    Args:
        path: path of the file.
        base: path of the checkpoint that provides the rest; None for a complete file.
        entry: catalogue entry of the file, if already known.
        preset: preset that the user chose; None for none.

    Raises:
        SettingsError: the file is complete and needs no base, or there is no such preset.
        UnrecognisedCheckpoint, UnsafeCheckpoint: see `load`.
    """
    identity, entry, name = _identified(path, base, entry)
    network = identity.network and with_preset(identity.network, _preset_of(identity, entry, preset))
    return replace(identity, network=network), entry, named_with(name, preset)


def _identified(path: Path, base: Path | None, entry: Checkpoint | None) -> tuple[Identity, Checkpoint | None, str]:
    # With the digest: the published thresholds, input size and licence apply only if it is exactly that file.
    identity = identify(path, check_hash=True)
    if base is None:
        entry = entry or entry_of(identity)
        return identity, entry, name_of_file(path, identity, entry)
    if identity.part == "whole":
        raise SettingsError(f"{path} is a complete checkpoint and needs no base; leave the base out")
    lower = identify(base, check_hash=True)
    identity = identify(path, base=lower.path)
    beneath = entry_of(lower)
    name = f"{path.name} on {name_of_file(lower.path, lower, beneath)}"
    return identity, beneath if lower.variant == identity.variant else None, name


def _preset_of(identity: Identity, entry: Checkpoint | None, chosen: str | None) -> str | None:
    stated = identity.preset
    if chosen is None and stated is not None and stated not in PRESETS:
        raise WrongCheckpoint(
            f"{identity.path} wants the preset {stated[:60]!r}, which this version of samara lacks; pass one of "
            f"{', '.join(PRESETS)}"
        )
    return chosen or stated or (entry.preset if entry else None)


def named_with(name: str, preset: str | None) -> str:
    """Return the display name of a checkpoint with a preset that the user chose."""
    return name if preset is None else f"{name} with preset {preset}"


def warn_of_preset(identity: Identity, variant: Variant) -> None:
    """Warn the caller of `samara.load` that a file's name suggests a preset, and none is in use."""
    if variant.preset is not None:
        return
    preset = preset_by_name_of_file([identity.path.name, *identity.metadata.values()], variant)
    if preset is not None:
        warnings.warn(
            f"{identity.path} seems to be {preset.title}, whose images are prepared differently, but its tensors are "
            f"those of {variant.title}: pass `preset={preset.name!r}`, or `preset='sam'` if it is another",
            stacklevel=5,
        )


def entry_of(identity: Identity) -> Checkpoint | None:
    """Return the catalogue entry that a file is or claims to be derived from; None for others."""
    name = identity.metadata.get(METADATA_KEY) or identity.checkpoint
    known = {entry.name: entry for entry in CATALOGUE}
    entry = known.get(name or "")
    return entry if entry and entry.variant == identity.variant else None


def origin_of(loaded: Loaded) -> str:
    """Return the catalogue name of a checkpoint or of its ultimate origin; its own name if there is none."""
    path = loaded.provenance.path
    entry = None if path is None else entry_of(identify(path, check_hash=True))
    return entry.name if entry else loaded.name


def name_of_file(path: Path, identity: Identity, entry: Checkpoint | None) -> str:
    """Return the display name of a checkpoint file, by the entry that it is or was derived from."""
    if entry is None:
        return path.name
    return f"{path.name} (fine-tuned from {entry.name})" if FINE_TUNED_KEY in identity.metadata else entry.name
