"""Checkpoint files that the user added to the store under names of their own: a table in `added.json`."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from samara.checkpoints.catalogue import CATALOGUE
from samara.errors import ChecksumMismatch, SettingsError, UnknownCheckpoint
from samara.system.digests import digest_files
from samara.system.files import durable_file, locked, make_folder, write_durably

_TABLE = "added.json"
_COPIES = "added"
_NAME = re.compile(r"[\w.+-]+")

AddedState = Literal["added", "missing", "changed"]


@dataclass(frozen=True, kw_only=True)
class AddedCheckpoint:
    """A checkpoint file with a name.

    Attributes:
        name: what `checkpoint="NAME"` calls it; lower case.
        path: absolute path of the file.
        sha256: its SHA-256, 64 hexadecimal digits.
        size_bytes: its length.
        mtime_ns: its modification time when it was added, by which a change is noticed.
        is_copy: whether the file belongs to the store.
        description: what it was recognised as.
    """

    name: str
    path: str
    sha256: str
    size_bytes: int
    mtime_ns: int
    is_copy: bool
    description: str

    @property
    def state(self) -> AddedState:
        """Whether the file is there and has its length and time of when it was added."""
        try:
            status = os.stat(self.path)
        except OSError:
            return "missing"
        return "added" if (status.st_size, status.st_mtime_ns) == (self.size_bytes, self.mtime_ns) else "changed"

    def checked_path(self) -> Path:
        """Return the path of the file, after comparing the digest if the file looks changed.

        Raises:
            UnknownCheckpoint: the file is gone.
            ChecksumMismatch: it has another content.
        """
        again = f"`samara checkpoints remove {self.name}` forgets it"
        if self.state == "missing":
            raise UnknownCheckpoint(f"{self.name} was added from {self.path}, which is gone; put it back, or {again}")
        if self.state == "changed" and digest_files([Path(self.path)], "sha256") != self.sha256:
            raise ChecksumMismatch(
                f"{self.path} has changed since it was added as {self.name}; {again}, then add it anew"
            )
        return Path(self.path)


class AddedCheckpoints:
    """The added checkpoints of a store.

    Attributes:
        directory: folder of the store.
    """

    def __init__(self, directory: Path) -> None:
        """Name the store; reads nothing yet."""
        self.directory = directory

    def entries(self) -> list[AddedCheckpoint]:
        """List them by name."""
        return [self._read()[name] for name in sorted(self._read())]

    def find(self, name: str) -> AddedCheckpoint | None:
        """Return the one of a name, ignoring case; None if there is none."""
        return self._read().get(name.strip().casefold())

    def add(self, name: str, file: Path, description: str, *, copy: bool = False) -> AddedCheckpoint:
        """Add a file, or its copy.

        Args:
            name: letters, digits and ". _ + -"; no name of the catalogue.
            file: the checkpoint file.
            description: what it was recognised as.
            copy: keep a copy in the store, instead of only noting where the file is.

        Raises:
            SettingsError: the name is not accepted, or belongs to another file.
            OutputError: the store cannot be written.
        """
        name = _accepted(name)
        with self._changing() as table:
            known = table.get(name)
            digest = digest_files([file], "sha256")
            if known is not None and known.sha256 != digest:
                raise SettingsError(
                    f"{name} is already the name of {known.path}; choose another, or run "
                    f"`samara checkpoints remove {name}` first"
                )
            place = self._copied(file, name) if copy else Path(os.path.abspath(file))
            status = place.stat()
            table[name] = AddedCheckpoint(
                name=name,
                path=str(place),
                sha256=digest,
                size_bytes=status.st_size,
                mtime_ns=status.st_mtime_ns,
                is_copy=copy,
                description=description,
            )
            return table[name]

    def remove(self, name: str) -> AddedCheckpoint:
        """Forget an added checkpoint, and delete its copy if there is one; the user's own file stays.

        Raises:
            UnknownCheckpoint: none has this name.
        """
        with self._changing() as table:
            gone = table.pop(name.strip().casefold(), None)
            if gone is None:
                names = f"added are {', '.join(sorted(table))}" if table else "none was added"
                raise UnknownCheckpoint(f"no checkpoint was added as {name!r}; {names}")
        if gone.is_copy:
            Path(gone.path).unlink(missing_ok=True)
        return gone

    def _copied(self, file: Path, name: str) -> Path:
        place = self.directory / _COPIES / f"{name}{file.suffix}"
        make_folder(place.parent, "set SAMARA_HOME to another")
        with durable_file(place) as partial:
            shutil.copyfile(file, partial)
        return place

    def _read(self) -> dict[str, AddedCheckpoint]:
        try:
            rows = json.loads((self.directory / _TABLE).read_text(encoding="utf-8"))
            return {row["name"]: AddedCheckpoint(**row) for row in rows}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise SettingsError(
                f"{self.directory / _TABLE} cannot be read ({str(error)[:80]}); correct it, or delete it and add the "
                "files anew"
            ) from error

    @contextmanager
    def _changing(self) -> Iterator[dict[str, AddedCheckpoint]]:
        """Read the table, let the block change it, and save it, excluding other processes."""
        path = self.directory / _TABLE
        with locked(path):
            table = self._read()
            yield table
            rows: list[dict[str, Any]] = [asdict(table[name]) for name in sorted(table)]
            write_durably(path, json.dumps(rows, indent=2).encode("ascii"))


def _accepted(name: str) -> str:
    name = name.strip().casefold()
    if not _NAME.fullmatch(name):
        raise SettingsError(f"{name!r} cannot be the name of a checkpoint; use letters, digits and . _ + -")
    if name in {known for row in CATALOGUE for known in (row.name, *row.aliases)}:
        raise SettingsError(f"{name} is a checkpoint of the catalogue; choose another name")
    return name
