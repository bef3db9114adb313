"""The directory that checkpoints lie in: getting them, listing them, checking them.

A file in the store is trusted only while it has the right length, which is looked at on each use, and the
right digest, which is computed once and noted in `<file>.checked.json` with length and modification time.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

import filelock
import platformdirs

from samara.checkpoints.catalogue import CATALOGUE, find
from samara.checkpoints.record import Checkpoint
from samara.checkpoints.store.digests import digest_checkpoint, known_digest
from samara.errors import ChecksumMismatch, DownloadFailed
from samara.system.digests import Algorithm
from samara.system.files import make_folder
from samara.system.progress import Progress, under_name

State = Literal["here", "absent", "partial", "wrong size"]
FileVerdict = Literal["ok", "wrong size", "wrong hash", "not there", "nothing to compare with"]

_log = logging.getLogger(__name__)

_TRUE = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, kw_only=True)
class StoredCheckpoint:
    """One checkpoint of the catalogue, and what the store has of it."""

    checkpoint: Checkpoint
    path: Path
    state: State
    size_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What a check of one file gave; `detail` is a sentence for people."""

    checkpoint: Checkpoint
    path: Path
    verdict: FileVerdict
    detail: str

    @property
    def is_wrong(self) -> bool:
        """Whether the file must not be used."""
        return self.verdict in ("wrong size", "wrong hash", "not there")


class CheckpointStore:
    """The checkpoints on this machine.

    Attributes:
        directory: where they lie.
        offline: whether fetching is forbidden.
    """

    def __init__(self, directory: Path | None = None, offline: bool | None = None) -> None:
        """Choose the directory and whether fetching is allowed; nothing is made or fetched yet.

        Args:
            directory: None for SAMARA_HOME, or else this user's cache directory.
            offline: None for what SAMARA_OFFLINE or HF_HUB_OFFLINE say.
        """
        self.directory = directory if directory is not None else _default_directory()
        self.offline = offline if offline is not None else _is_offline()

    def path(self, checkpoint: Checkpoint) -> Path:
        """Where a checkpoint's file lies, or would lie."""
        if checkpoint.embedded:
            return Path(str(resources.files("samara.checkpoints") / "weights" / checkpoint.file_name))
        return self.directory / checkpoint.file_name

    def get(self, name: str, *, progress: Progress | None = None) -> Path:
        """Return the path of a checkpoint's file, fetching it first if it is not there.

        Args:
            name: a catalogue name or alias.
            progress: called during a download with the name, the bytes that are there and the bytes in all.

        Raises:
            UnknownCheckpoint: no such name.
            DownloadFailed: it is not there and cannot be fetched, or fetching is switched off.
            ChecksumMismatch: what the server gives is another file, or the file here is, and fetching is off.
        """
        checkpoint = find(name)
        verification = self.check(checkpoint)
        if not verification.is_wrong:
            return verification.path
        if checkpoint.embedded:
            raise ChecksumMismatch(f"{verification.detail} Reinstall samara.")
        self._check_can_fetch(checkpoint, verification)
        if verification.verdict != "not there":
            _log.warning("%s It is fetched again.", verification.detail)
        self._fetch(checkpoint, under_name(progress, checkpoint.name))
        return verification.path

    def entries(self) -> list[StoredCheckpoint]:
        """List the whole catalogue with what is here; looks at lengths, not at digests."""
        return [self._entry(checkpoint) for checkpoint in CATALOGUE]

    def verify(self, names: Iterable[str] | None = None) -> list[Verification]:
        """Compute the digests of files afresh and compare them with the catalogue.

        Args:
            names: catalogue names or aliases; None for every file that is here.
        """
        if names is not None:
            return [self.check(find(name), quick=False) for name in names]
        here = (checkpoint for checkpoint in CATALOGUE if self.path(checkpoint).is_file())
        return [self.check(checkpoint, quick=False) for checkpoint in here]

    def check(self, checkpoint: Checkpoint, *, quick: bool = True) -> Verification:
        """Compare a checkpoint's file with the catalogue.

        Args:
            checkpoint: a row of the catalogue.
            quick: believe the noted digest of a file that has not changed since.
        """
        path = self.path(checkpoint)
        verdict, detail = _compare(checkpoint, path, quick=quick)
        return Verification(checkpoint=checkpoint, path=path, verdict=verdict, detail=detail)

    def _entry(self, checkpoint: Checkpoint) -> StoredCheckpoint:
        path = self.path(checkpoint)
        size = path.stat().st_size if path.is_file() else None
        state: State = "here"
        if size is None:
            state = "partial" if path.with_name(f"{path.name}.part").is_file() else "absent"
        elif _file_size(checkpoint) not in (None, size):
            state = "wrong size"
        return StoredCheckpoint(checkpoint=checkpoint, path=path, state=state, size_bytes=size)

    def _check_can_fetch(self, checkpoint: Checkpoint, verification: Verification) -> None:
        here = f"put the file to {verification.path}"
        if checkpoint.url is None:
            raise DownloadFailed(f"{checkpoint.name} cannot be fetched: {checkpoint.note}, then {here}.")
        if not self.offline:
            return
        error = DownloadFailed if verification.verdict == "not there" else ChecksumMismatch
        raise error(
            f"{verification.detail} Fetching is switched off (SAMARA_OFFLINE or HF_HUB_OFFLINE); {here}, "
            f"it comes from {checkpoint.url}."
        )

    def _fetch(self, checkpoint: Checkpoint, progress: Progress | None) -> None:
        # Here, because httpx takes longer to import than listing the store takes.
        from samara.checkpoints.store.download import fetch
        from samara.checkpoints.store.partial_file import Expected

        path = self.path(checkpoint)
        digest = known_digest(checkpoint)
        expected = Expected(size_bytes=checkpoint.size_bytes, digest=digest)
        if checkpoint.archive_name is None:
            fetch(checkpoint.url or "", path, expected=expected, progress=progress)
            if digest is not None:
                _note_digest(path, *digest)
            return
        make_folder(self.directory, "set SAMARA_HOME to another")
        with filelock.FileLock(f"{path}.lock"):
            if not path.is_file():
                archive = self.directory / checkpoint.archive_name
                fetch(checkpoint.url or "", archive, expected=expected, progress=progress)
                _unpack(archive, path)


def _default_directory() -> Path:
    home = os.environ.get("SAMARA_HOME", "").strip()
    return Path(home).expanduser() if home else platformdirs.user_cache_path("samara") / "checkpoints"


def _is_offline() -> bool:
    return any(os.environ.get(name, "").strip().lower() in _TRUE for name in ("SAMARA_OFFLINE", "HF_HUB_OFFLINE"))


def _file_size(checkpoint: Checkpoint) -> int | None:
    """Length of the file in the store; the catalogue's is the zip's where there is one."""
    return None if checkpoint.archive_name else checkpoint.size_bytes


def _compare(checkpoint: Checkpoint, path: Path, *, quick: bool) -> tuple[FileVerdict, str]:
    if not path.is_file():
        return "not there", f"{checkpoint.name} is not at {path}."
    size, wanted = path.stat().st_size, _file_size(checkpoint)
    if wanted not in (None, size):
        return "wrong size", f"{path} has {size:,} bytes, {checkpoint.name} has {wanted:,}."
    if quick and checkpoint.embedded:
        return "ok", f"{path} has the size of {checkpoint.name}."
    known = None if checkpoint.archive_name else known_digest(checkpoint)
    if known is None:
        compared = "no digest is" if wanted is not None else "neither size nor digest is"
        return "nothing to compare with", f"{path} cannot be checked: {compared} known of {checkpoint.name}."
    algorithm, digest = known
    found = _noted_digest(path, algorithm) if quick else None
    if found is None:
        found = digest_checkpoint(path, algorithm)
        if not checkpoint.embedded:
            _note_digest(path, algorithm, found)
    if found != digest:
        return "wrong hash", f"{path} has the {algorithm} {found}, {checkpoint.name} has {digest}."
    return "ok", f"{path} has the {algorithm} of {checkpoint.name}."


def _unpack(archive_path: Path, path: Path) -> None:
    """Take the one checkpoint out of a zip that was just checked."""
    part = path.with_name(f"{path.name}.part")
    try:
        with zipfile.ZipFile(archive_path) as archive:
            inside = [info for info in archive.infolist() if Path(info.filename).name == path.name]
            if len(inside) != 1:
                raise DownloadFailed(f"{archive_path} should hold one {path.name}, it holds {len(inside)}.")
            with archive.open(inside[0]) as source, part.open("wb") as target:
                shutil.copyfileobj(source, target)
    except zipfile.BadZipFile as problem:
        raise DownloadFailed(f"{archive_path} is no zip archive, although its server calls it one.") from problem
    os.replace(part, path)
    archive_path.unlink()


def _note_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.checked.json")


def _note_digest(path: Path, algorithm: Algorithm, digest: str) -> None:
    status = path.stat()
    note = {"size": status.st_size, "mtime_ns": status.st_mtime_ns, algorithm: digest}
    try:
        _note_path(path).write_text(json.dumps(note), encoding="utf-8")
    except OSError:
        return  # a store that may only be read is checked again on each use, which is slower and as safe


def _noted_digest(path: Path, algorithm: Algorithm) -> str | None:
    try:
        note = json.loads(_note_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    status = path.stat()
    match note:
        case {"size": status.st_size, "mtime_ns": status.st_mtime_ns}:
            return str(note.get(algorithm, "")) or None
        case _:
            return None
