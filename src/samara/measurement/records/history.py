"""Where records of measurements lie on this machine: commands that measure note their file, a recommendation reads it.

Only the places are noted, one path a line in `measurements.txt` of samara's directory; a file that was deleted or moved
is forgotten.
"""

from __future__ import annotations

from pathlib import Path

from samara.checkpoints.store.store import CheckpointStore
from samara.measurement.records.record_file import read_records
from samara.measurement.records.records import Record
from samara.system.files import write_atomically

NAME = "measurements.txt"


def remember(records: Path) -> None:
    """Note a file of records, which may not be there yet.

    Raises:
        OutputError: samara's directory cannot be written to.
    """
    place, known = str(records.resolve()), _noted()
    if place not in known:
        here = [line for line in known if Path(line).is_file()]
        write_atomically(_list(), "".join(f"{line}\n" for line in (*here, place)).encode())


def remembered() -> list[Record]:
    """The records of all noted files that are still there.

    Raises:
        RecordError: one of them is damaged; the message names it.
    """
    return [record for line in _noted() for record in read_records(Path(line))]


def _noted() -> list[str]:
    return _list().read_text(encoding="utf-8").splitlines() if _list().is_file() else []


def _list() -> Path:
    return CheckpointStore().directory / NAME
