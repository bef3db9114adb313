"""Locations of record files on this machine: measuring commands register them, recommendations read them.

Only paths are stored, one per line in `measurements.txt` in samara's directory; deleted or moved files are ignored.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from samara.checkpoints.store.store import CheckpointStore
from samara.errors import RecordError
from samara.measurement.records.record_file import read_records
from samara.measurement.records.records import Record
from samara.system.files import write_atomically

NAME = "measurements.txt"


def remember(records: Path) -> None:
    """Register a record file, which need not exist yet.

    Raises:
        OutputError: Samara's directory cannot be written to.
    """
    place, known = str(records.resolve()), _noted()
    if place not in known:
        _write([*(line for line in known if Path(line).is_file()), place])


def remembered() -> list[Record]:
    """Return the records of all registered files that still exist.

    Raises:
        RecordError: A file is damaged; the message names it.
    """
    return [record for line in _noted() for record in read_records(Path(line))]


def remembered_files() -> tuple[Path, ...]:
    """Return the registered record files, also those that no longer exist."""
    return tuple(Path(line) for line in _noted())


def forget(files: Iterable[str | os.PathLike[str]]) -> tuple[Path, ...]:
    """Take record files off the list, so that recommendations no longer read them; the files stay.

    Args:
        files: registered files, or folders that they are in.

    Returns:
        The files that were taken off.

    Raises:
        RecordError: one of them is neither a registered file nor a folder with one; nothing is forgotten.
        OutputError: Samara's directory cannot be written to.
    """
    gone: dict[Path, None] = {}
    for given in files:
        place = Path(given).resolve()
        found = [file for file in remembered_files() if place in (file, file.parent)]
        if not found:
            raise RecordError(f"{given} is not among the remembered records; `samara records list` shows them")
        gone |= dict.fromkeys(found)
    _write([str(file) for file in remembered_files() if file not in gone])
    return tuple(gone)


def _noted() -> list[str]:
    return _list().read_text(encoding="utf-8").splitlines() if _list().is_file() else []


def _write(lines: list[str]) -> None:
    write_atomically(_list(), "".join(f"{line}\n" for line in lines).encode())


def _list() -> Path:
    return CheckpointStore().directory / NAME
