"""`samara records`: the measurements that recommendations on this machine take into account."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samara.cli.habits import PlainCommand, PlainGroup
from samara.cli.tables import Column, terminal_width, text_table
from samara.errors import RecordError

if TYPE_CHECKING:
    from samara.measurement.records.records import Record

app = typer.Typer(
    name="records",
    help="List or forget the measurements that `samara recommend` takes into account.",
    no_args_is_help=True,
    add_completion=False,
    cls=PlainGroup,
)

COLUMNS = (
    Column("file", keeps_end=True),
    Column("records", right=True),
    Column("checkpoints", right=True, rank=2),
    Column("quality", right=True),
    Column("from", rank=1),
    Column("to"),
)


@app.command("list", cls=PlainCommand, epilog="Example: samara records list --json")
def list_records(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show the record files of `compare`, `evaluate` and `recommend --images` on this machine."""
    from samara.measurement.records.history import remembered_files

    rows = [facts_of(file) for file in remembered_files()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        typer.echo("no records are remembered")
        return
    typer.echo(table_of(rows, terminal_width()))
    typer.echo("quality: measurements with enough objects to count, see docs/choosing.md")


@app.command("forget", cls=PlainCommand, epilog="Example: samara records forget comparison")
def forget_records(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE...", help="Forget these files or folders of `samara records list`."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Forget all of them.")] = False,
) -> None:
    """Take record files off the list; the files themselves stay."""
    from samara.measurement.records.history import forget, remembered_files

    if bool(files) == everything:
        raise RecordError("say which records to forget, files or folders, or --all; `samara records list` shows them")
    for file in forget(remembered_files() if everything else files or ()):
        typer.echo(f"forgotten: {file} (the file stays)")


def facts_of(file: Path) -> dict[str, Any]:  # Any: JSON values
    """Return what a record file holds; without numbers if it is gone or damaged."""
    from samara.measurement.records.record_file import read_records

    try:
        records = read_records(file)
    except RecordError as error:
        return {"file": str(file), "problem": str(error)}
    return {"file": str(file)} | ({"problem": "the file is gone"} if not file.is_file() else _summary(records))


def _summary(records: Sequence[Record]) -> dict[str, Any]:  # Any: JSON values
    from samara.recommendation.evidence import counts

    days = sorted(record.when[:10] for record in records)
    return {
        "records": len(records),
        "checkpoints": sorted({record.subject.checkpoint for record in records}),
        "quality": sum(counts(record) for record in records),
        "from": days[0] if days else None,
        "to": days[-1] if days else None,
    }


def table_of(rows: Sequence[dict[str, Any]], width: int) -> str:  # Any: JSON values
    """One line for each file."""
    cells = [
        [f"{row['file']} ({row['problem']})", "", "", "", "", ""]
        if "problem" in row
        else [
            row["file"],
            f"{row['records']:,}",
            f"{len(row['checkpoints']):,}",
            f"{row['quality']:,}",
            row["from"] or "",
            row["to"] or "",
        ]
        for row in rows
    ]
    return text_table(COLUMNS, cells, width=width, rest="--json")
