"""Locations of record files on this machine: measuring commands register them, recommendations read them.

Only paths are stored, one per line in `measurements.txt` in samara's directory; deleted or moved files are ignored.
"""

from __future__ import annotations

from pathlib import Path

from samara.checkpoints.store.store import CheckpointStore
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
        here = [line for line in known if Path(line).is_file()]
        write_atomically(_list(), "".join(f"{line}\n" for line in (*here, place)).encode())


def remembered() -> list[Record]:
    """Return the records of all registered files that still exist.

    Raises:
        RecordError: A file is damaged; the message names it.
    """
    return [record for line in _noted() for record in read_records(Path(line))]


def _noted() -> list[str]:
    return _list().read_text(encoding="utf-8").splitlines() if _list().is_file() else []


def _list() -> Path:
    return CheckpointStore().directory / NAME
