"""The directory of checkpoints: downloading, listing and verifying them.

A file in the store is trusted only while it has the right length, which is checked on each use, and the right digest,
which is computed once and recorded in `<file>.checked.json` with length and modification time.
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
from samara.checkpoints.licences import licence_of
from samara.checkpoints.record import Checkpoint
from samara.checkpoints.store.added import AddedCheckpoint, AddedCheckpoints
from samara.checkpoints.store.digests import digest_checkpoint, known_digest
from samara.errors import ChecksumMismatch, DownloadFailed, LicenceNotAccepted
from samara.system.digests import Algorithm, digest_files
from samara.system.files import make_folder
from samara.system.progress import Progress, under_name

State = Literal["here", "absent", "partial", "wrong size"]
FileVerdict = Literal["ok", "wrong size", "wrong hash", "not there", "nothing to compare with"]

_log = logging.getLogger(__name__)

_TRUE = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, kw_only=True)
class StoredCheckpoint:
    """One checkpoint of the catalogue, and its state in the store."""

    checkpoint: Checkpoint
    path: Path
    state: State
    size_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The result of checking one file; `detail` is a sentence for the user."""

    name: str
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
        directory: folder of the files.
        offline: whether downloads are forbidden.
    """

    def __init__(self, directory: Path | None = None, offline: bool | None = None) -> None:
        """Choose the directory and whether downloads are allowed; creates and downloads nothing yet.

        Args:
            directory: None for SAMARA_HOME, or else this user's cache directory.
            offline: None to follow SAMARA_OFFLINE or HF_HUB_OFFLINE.
        """
        self.directory = directory if directory is not None else _default_directory()
        self.offline = offline if offline is not None else downloads_are_disabled()

    def path(self, checkpoint: Checkpoint) -> Path:
        """Return the path of a checkpoint's file, present or not."""
        if checkpoint.embedded:
            return Path(str(resources.files("samara.checkpoints") / "weights" / checkpoint.file_name))
        return self.directory / checkpoint.file_name

    def get(self, name: str, *, accept_licence: bool = False, progress: Progress | None = None) -> Path:
        """Return the path of a checkpoint's file, downloading it first if missing.

        Args:
            name: a catalogue name or alias.
            accept_licence: the user accepts a licence that forbids commercial use; only needed for a download.
            progress: called during a download with the name, the bytes done and the total.

        Raises:
            UnknownCheckpoint: the name is unknown.
            LicenceNotAccepted: the file is missing, and its licence must be accepted first.
            DownloadFailed: the file is missing and cannot be downloaded, or downloads are disabled.
            ChecksumMismatch: the server's file differs, or the local file does and downloads are disabled.
        """
        checkpoint = find(name)
        verification = self.check(checkpoint)
        if not verification.is_wrong:
            return verification.path
        if checkpoint.embedded:
            raise ChecksumMismatch(f"{verification.detail} Reinstall samara.")
        self._check_can_fetch(checkpoint, verification)
        if not accept_licence:
            _check_licence(checkpoint)
        if verification.verdict != "not there":
            _log.warning("%s Downloading it again.", verification.detail)
        self._fetch(checkpoint, under_name(progress, checkpoint.name))
        return verification.path

    def entries(self) -> list[StoredCheckpoint]:
        """List the whole catalogue with the state of each file; checks lengths, not digests."""
        return [self._entry(checkpoint) for checkpoint in CATALOGUE]

    def verify(self, names: Iterable[str] | None = None) -> list[Verification]:
        """Recompute the digests of files and compare them with the catalogue, or with those of when they were added.

        Args:
            names: catalogue names, aliases or names of added files; None for every file in the store.

        Raises:
            UnknownCheckpoint: a name is unknown.
        """
        added = {one.name: one for one in AddedCheckpoints(self.directory).entries()}
        if names is None:
            here = [checkpoint.name for checkpoint in CATALOGUE if self.path(checkpoint).is_file()]
            names = [*here, *added]
        own = [(name, added.get(name.strip().casefold())) for name in names]
        return [self.check(find(name), quick=False) if one is None else _verify_added(one) for name, one in own]

    def check(self, checkpoint: Checkpoint, *, quick: bool = True) -> Verification:
        """Compare a checkpoint's file with the catalogue.

        Args:
            checkpoint: a row of the catalogue.
            quick: trust the recorded digest of a file that has not changed since.
        """
        path = self.path(checkpoint)
        verdict, detail = _compare(checkpoint, path, quick=quick)
        return Verification(name=checkpoint.name, path=path, verdict=verdict, detail=detail)

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
        here = f"save the file as {verification.path}"
        if checkpoint.url is None:
            raise DownloadFailed(f"{checkpoint.name} cannot be downloaded: {checkpoint.note}, then {here}.")
        if not self.offline:
            return
        error = DownloadFailed if verification.verdict == "not there" else ChecksumMismatch
        raise error(
            f"{verification.detail} Downloads are disabled (SAMARA_OFFLINE or HF_HUB_OFFLINE); {here}, "
            f"available at {checkpoint.url}."
        )

    def _fetch(self, checkpoint: Checkpoint, progress: Progress | None) -> None:
        # Imported here, because importing httpx takes longer than listing the store.
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


def _check_licence(checkpoint: Checkpoint) -> None:
    licence = licence_of(checkpoint.licence)
    if licence.must_be_accepted:
        raise LicenceNotAccepted(
            f"{checkpoint.name} is under {licence.identifier}: {licence.consequence}. Read {licence.text}; if you "
            f"accept it, get {checkpoint.name} with `accept_licence=True`"
        )


def _default_directory() -> Path:
    home = os.environ.get("SAMARA_HOME", "").strip()
    return Path(home).expanduser() if home else platformdirs.user_cache_path("samara") / "checkpoints"


def downloads_are_disabled() -> bool:
    """Return whether the environment forbids downloads, with SAMARA_OFFLINE or HF_HUB_OFFLINE."""
    return any(os.environ.get(name, "").strip().lower() in _TRUE for name in ("SAMARA_OFFLINE", "HF_HUB_OFFLINE"))


def _file_size(checkpoint: Checkpoint) -> int | None:
    """Return the length of the file in the store; None for zips, whose catalogue length is that of the zip."""
    return None if checkpoint.archive_name else checkpoint.size_bytes


def _compare(checkpoint: Checkpoint, path: Path, *, quick: bool) -> tuple[FileVerdict, str]:
    if not path.is_file():
        return "not there", f"{checkpoint.name} is not at {path}."
    size, wanted = path.stat().st_size, _file_size(checkpoint)
    if wanted not in (None, size):
        return "wrong size", f"{path} has {size:,} bytes, but {checkpoint.name} has {wanted:,}."
    if quick and checkpoint.embedded:
        return "ok", f"{path} has the size of {checkpoint.name}."
    known = None if checkpoint.archive_name else known_digest(checkpoint)
    if known is None:
        compared = "no digest is" if wanted is not None else "neither size nor digest is"
        return "nothing to compare with", f"{path} cannot be checked: {compared} known for {checkpoint.name}."
    algorithm, digest = known
    found = _noted_digest(path, algorithm) if quick else None
    if found is None:
        found = digest_checkpoint(path, algorithm)
        if not checkpoint.embedded:
            _note_digest(path, algorithm, found)
    if found != digest:
        return "wrong hash", f"{path} has the {algorithm} {found}, but {checkpoint.name} has {digest}."
    return "ok", f"{path} has the {algorithm} of {checkpoint.name}."


def _verify_added(one: AddedCheckpoint) -> Verification:
    """Compare an added file with what it was when it was added."""
    path = Path(one.path)
    verdict: FileVerdict = "ok"
    if not path.is_file():
        verdict, detail = "not there", f"{path}, added as {one.name}, is gone."
    elif (digest := digest_files([path], "sha256")) != one.sha256:
        verdict, detail = "wrong hash", f"{path} has the sha256 {digest}, but had {one.sha256} when it was added."
    else:
        detail = f"{path} has the sha256 of when it was added as {one.name}."
    return Verification(name=one.name, path=path, verdict=verdict, detail=detail)


def _unpack(archive_path: Path, path: Path) -> None:
    """Extract the checkpoint from a verified zip."""
    part = path.with_name(f"{path.name}.part")
    try:
        with zipfile.ZipFile(archive_path) as archive:
            inside = [info for info in archive.infolist() if Path(info.filename).name == path.name]
            if len(inside) != 1:
                raise DownloadFailed(f"{archive_path} should contain one {path.name}, but contains {len(inside)}.")
            with archive.open(inside[0]) as source, part.open("wb") as target:
                shutil.copyfileobj(source, target)
    except zipfile.BadZipFile as problem:
        raise DownloadFailed(f"{archive_path} is not a zip archive, although the server says so.") from problem
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
        return  # a read-only store is verified again on each use, which is slower but as safe


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
