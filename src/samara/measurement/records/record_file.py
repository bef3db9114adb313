"""Record file: one JSON line per record, append-only; files of several machines can be concatenated."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from samara.errors import RecordError
from samara.measurement.records.json_lines import append_lines, read_lines
from samara.measurement.records.records import Record


def append_records(path: Path, records: Sequence[Record]) -> None:
    """Append records; a reader sees each record completely or not at all.

    Raises:
        OutputError: The records cannot be written.
    """
    append_lines(path, [record.to_json() for record in records])


def read_records(path: str | os.PathLike[str]) -> list[Record]:
    """Read a record file in order of measurement; no records if the file does not exist.

    Ignores an unfinished last line, which a crash may leave.

    Raises:
        RecordError: A line is damaged or of a newer format; the message names it.
    """
    records = []
    for number, line in enumerate(read_lines(Path(path)), start=1):
        try:
            records.append(Record.from_json(line))
        except RecordError as error:
            raise RecordError(f"{path}, line {number}: {error}") from error
    return records


def measured_jobs(records: Iterable[Record]) -> set[str]:
    """Return the finished jobs: those whose newest records include no failure."""
    failed: dict[str, bool] = {}
    for record in records:
        failed[record.job] = record.status == "failed"
    return {job for job, is_failed in failed.items() if not is_failed}
