"""A file of records: one JSON line each, appended to and never rewritten; files of several machines can be joined."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from samara.errors import RecordError
from samara.measurement.records.json_lines import append_lines, read_lines
from samara.measurement.records.records import Record


def append_records(path: Path, records: Sequence[Record]) -> None:
    """Append records; a reader sees each of them whole or not at all.

    Raises:
        OutputError: the folder or disk does not take them.
    """
    append_lines(path, [record.to_json() for record in records])


def read_records(path: str | os.PathLike[str]) -> list[Record]:
    """Read a file of records in the order in which they were measured; none if there is no file.

    An unfinished last line, all that a crash can leave, is left out.

    Raises:
        RecordError: a line is damaged, or of a newer format; the message names it.
    """
    records = []
    for number, line in enumerate(read_lines(Path(path)), start=1):
        try:
            records.append(Record.from_json(line))
        except RecordError as error:
            raise RecordError(f"{path}, line {number}: {error}") from error
    return records


def measured_jobs(records: Iterable[Record]) -> set[str]:
    """Jobs that need not be done again: those with records, none of which says that it failed in the end."""
    failed: dict[str, bool] = {}
    for record in records:
        failed[record.job] = record.status == "failed"
    return {job for job, is_failed in failed.items() if not is_failed}
