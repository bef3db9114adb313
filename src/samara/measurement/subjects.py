"""Checkpoints to measure, identified without loading them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from samara.checkpoints.choice import Choice
from samara.checkpoints.identification.identify import identify
from samara.checkpoints.identified import identified
from samara.checkpoints.load import (
    PARTS_FOR_A_BASE,
    path_of,
    resolve,
    runnable_variant,
    trained_size,
)
from samara.checkpoints.reading.folders import files_of
from samara.checkpoints.record import Checkpoint
from samara.checkpoints.store.digests import digest_checkpoint
from samara.checkpoints.store.store import CheckpointStore
from samara.errors import ChecksumMismatch, SettingsError, WrongCheckpoint
from samara.measurement.records.records import Subject
from samara.networks.variants import Variant
from samara.segmentation.automatic.settings import points_per_side_of
from samara.system.devices import choose_device, choose_precision


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Execution options of checkpoints.

    Attributes:
        device, precision, engine: see `samara.load`.
        base: see `samara.load`; ignored for complete files.
        preset: see `samara.load`; ignored for names of the catalogue, which say how their images are prepared.
    """

    device: str = Choice.device
    precision: str = Choice.precision
    engine: str = Choice.engine
    base: str | None = None
    preset: str | None = Choice.preset


@dataclass(frozen=True, kw_only=True)
class CheckpointUnderTest:
    """One checkpoint to measure.

    Attributes:
        checkpoint: argument of `samara.load`.
        subject: the checkpoint as described in records.
        file_bytes: size of its file, including its base, on disk or by the catalogue; None if unknown.
        base: path of the checkpoint that supplies what its file lacks; None for a complete file.
        base_sha256: digest of that file.
        preset: its preset, if one was chosen for it.
        own_points_per_side: points per side of its own grid of "everything"; None if it needs no grid, or finds nothing
            without a prompt.
    """

    checkpoint: str
    subject: Subject
    file_bytes: int | None
    base: str | None = None
    base_sha256: str | None = None
    preset: str | None = None
    own_points_per_side: int | None

    def points_per_side(self, chosen: int | None) -> int | None:
        """Return the points per side of the grid that it uses: the chosen ones, or its own; None without a grid."""
        return self.own_points_per_side and (chosen or self.own_points_per_side)


def find_checkpoints(checkpoints: Sequence[str], running: RunSettings) -> list[CheckpointUnderTest]:
    """Find checkpoints; see `find_checkpoint`.

    Raises:
        SettingsError: A base is given, but all files are complete; or a preset, but there are no files.
    """
    found = [find_checkpoint(checkpoint, running) for checkpoint in checkpoints]
    if running.base is not None and all(one.base is None for one in found):
        raise SettingsError(f"{', '.join(checkpoints)}: no file that needs a base; leave the base out")
    if running.preset is not None and all(one.preset is None for one in found):
        raise SettingsError(f"{', '.join(checkpoints)}: no file that a preset applies to; leave the preset out")
    return found


def find_checkpoint(checkpoint: str, running: RunSettings, store: CheckpointStore | None = None) -> CheckpointUnderTest:
    """Find a checkpoint; a catalogue entry without its file gets random weights.

    Args:
        checkpoint: catalogue name or alias, or path of a file.
        running: execution options.
        store: checkpoint store; None for the default directory.

    Raises:
        UnknownCheckpoint: There is no such name or file.
        UnrecognisedCheckpoint, UnsafeCheckpoint, WrongCheckpoint: Samara cannot run the file.
        ChecksumMismatch: A file in the store is not the published one.
        DeviceError, SettingsError: See `samara.load`.
    """
    entry, path = resolve(checkpoint)
    if entry is not None and path is None:
        path = _stored(entry, store or CheckpointStore())
    if path is None:
        assert entry is not None, "resolve returns an entry or a path"
        return _candidate(entry.name, entry.name, _runnable(entry), entry, None, running)
    lacks = running.base is not None and identify(path).part in PARTS_FOR_A_BASE
    base = path_of(running.base, store=store) if running.base is not None and lacks else None
    preset = running.preset if entry is None else None
    identity, entry, name = identified(path, base, entry, preset)
    found = replace(_candidate(checkpoint, name, runnable_variant(identity), entry, path, running), preset=preset)
    return found if base is None else _on(base, found)


def _on(base: Path, part: CheckpointUnderTest) -> CheckpointUnderTest:
    """Return a candidate whose file holds part of a network, combined with its base."""
    size = (part.file_bytes or 0) + _length(base)
    return replace(part, base=str(base), base_sha256=digest_checkpoint(base, "sha256"), file_bytes=size)


def _length(path: Path) -> int:
    return sum(file.stat().st_size for file in files_of(path))


def _stored(entry: Checkpoint, store: CheckpointStore) -> Path | None:
    verification = store.check(entry)
    if verification.verdict == "not there":
        return None
    if verification.is_wrong:
        raise ChecksumMismatch(f"{verification.detail} It was not measured; run `samara checkpoints get {entry.name}`.")
    return verification.path


def _runnable(entry: Checkpoint) -> Variant:
    variant = entry.network
    if not variant.is_runnable:
        raise WrongCheckpoint(f"samara cannot run {variant.title}; `samara checkpoints list` shows what it runs")
    return variant


def _candidate(
    checkpoint: str, name: str, variant: Variant, entry: Checkpoint | None, path: Path | None, running: RunSettings
) -> CheckpointUnderTest:
    device = choose_device(running.device)
    subject = Subject(
        checkpoint=name,
        variant=variant.name,
        weights="random" if path is None else "file",
        sha256=None if path is None else digest_checkpoint(path, "sha256"),
        engine=running.engine,
        precision=choose_precision(running.precision, device),
        device=device,
        input_size=trained_size(variant, entry),
    )
    stated = entry.size_bytes if entry is not None and not entry.archive_name else None
    size = stated if path is None else _length(path)
    return CheckpointUnderTest(
        checkpoint=checkpoint,
        subject=subject,
        file_bytes=size,
        own_points_per_side=points_per_side_of(variant, subject.input_size),
    )
