"""`samara checkpoints`: the catalogue, the local store, and the identification of files."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from samara.checkpoints.licences import licence_of
from samara.cli.habits import PlainCommand, PlainGroup, with_habits
from samara.cli.progress import download_bar
from samara.cli.tables import Column, filled, terminal_width, text_table

if TYPE_CHECKING:
    from samara.checkpoints.store.added import AddedCheckpoint
    from samara.checkpoints.store.store import StoredCheckpoint, Verification

app = typer.Typer(
    name="checkpoints",
    help="List, fetch, add, identify and verify checkpoint files.",
    no_args_is_help=True,
    add_completion=False,
    cls=PlainGroup,
)

ENTRY_COLUMNS = (
    Column("name"),
    Column("licence"),
    Column("commercial"),
    Column("runs", rank=1),
    Column("here"),
    Column("size", right=True),
)
VERDICT_COLUMNS = (Column("name"), Column("verdict"), Column("detail"))

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Directory = Annotated[
    Path | None,
    typer.Option(
        "--dir", metavar="DIR", help="Use this store. Default: SAMARA_HOME, or the user's cache.", file_okay=False
    ),
]


@app.command("list", cls=PlainCommand, epilog="Example: samara checkpoints list --json")
def list_checkpoints(
    as_json: AsJson = False,
    directory: Directory = None,
    commercial: Annotated[
        bool,
        typer.Option(
            "--commercial", help="Show only checkpoints that a product may include without licence conditions."
        ),
    ] = False,
) -> None:
    """Show every published checkpoint: licence, size, and whether it is on this machine."""
    from samara.checkpoints.store.added import AddedCheckpoints
    from samara.checkpoints.store.store import CheckpointStore

    store = CheckpointStore(directory)
    entries = [entry for entry in store.entries() if entry.checkpoint.is_free_for_commerce or not commercial]
    added = [] if commercial else AddedCheckpoints(store.directory).entries()  # their licences are unknown
    if as_json:
        records = [*map(_entry_record, entries), *({**asdict(one), "state": one.state} for one in added)]
        typer.echo(json.dumps(records, indent=2))
    else:
        typer.echo(entries_text(entries, added, terminal_width()))


@app.command("get", cls=PlainCommand, epilog="Example: samara checkpoints get mobile_sam")
@functools.partial(with_habits, can_be_quiet=False, has_config=False)
def get_checkpoint(
    name: Annotated[str, typer.Argument(help="Get this name or alias of `samara checkpoints list`.")],
    directory: Directory = None,
    accept_licence: Annotated[
        bool,
        typer.Option("--accept-licence", help="Accept a licence that forbids commercial use, which a download needs."),
    ] = False,
) -> None:
    """Download a checkpoint into the store, resuming a partial download; print its path."""
    from samara.checkpoints.catalogue import find
    from samara.checkpoints.store.store import CheckpointStore

    with download_bar(name) as progress:
        path = CheckpointStore(directory).get(name, accept_licence=accept_licence, progress=progress)
    typer.echo(path)
    licence = licence_of(find(name).licence)
    if licence.commercial != "free":
        typer.echo(f"samara: {find(name).name} is under {licence.identifier}: {licence.consequence}", err=True)


@app.command("add", cls=PlainCommand, epilog="Example: samara checkpoints add runs/cells.safetensors --name cells")
def add_file(
    file: Annotated[Path, typer.Argument(help="Add this checkpoint file, which is identified; no code in it is run.")],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Call it this. Default: the file's name without suffix.")
    ] = None,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy it into the store, instead of noting where it is.")
    ] = False,
    directory: Directory = None,
) -> None:
    """Give a file a name, which --checkpoint then takes."""
    from samara.checkpoints.add import add_checkpoint

    added = add_checkpoint(file, name, copy=copy, directory=directory)
    typer.echo(f"{added.name}: {added.description}; use it as in `samara segment photo.jpg --checkpoint {added.name}`")


@app.command("remove", cls=PlainCommand, epilog="Example: samara checkpoints remove cells")
def remove_file(
    name: Annotated[str, typer.Argument(help="Remove this name, which was given with `samara checkpoints add`.")],
    directory: Directory = None,
) -> None:
    """Forget a file that was added; its copy in the store is deleted, your own file is not."""
    from samara.checkpoints.store.added import AddedCheckpoints
    from samara.checkpoints.store.store import CheckpointStore

    gone = AddedCheckpoints(CheckpointStore(directory).directory).remove(name)
    typer.echo(f"{gone.name} is forgotten; {gone.path} is {'deleted' if gone.is_copy else 'where it was'}")


@app.command("identify", cls=PlainCommand, epilog="Example: samara checkpoints identify sam_vit_b_01ec64.pth --hash")
def identify_file(
    file: Annotated[Path, typer.Argument(help="Identify this file; no code in it is run.")],
    as_json: AsJson = False,
    check_hash: Annotated[bool, typer.Option("--hash", help="Compare digests with the catalogue.")] = False,
) -> None:
    """Identify a checkpoint file by its content, never by its name."""
    from samara.checkpoints.identification.identify import identify

    identity = identify(file, check_hash=check_hash)
    if as_json:
        typer.echo(json.dumps({**asdict(identity), "path": str(identity.path)}, indent=2))
    else:
        typer.echo(f"{identity.path}: {identity.description}.")


@app.command("verify", cls=PlainCommand, epilog="Example: samara checkpoints verify sam_vit_b mobile_sam")
def verify_checkpoints(
    names: Annotated[
        list[str] | None, typer.Argument(help="Verify these names. Default: everything in the store.")
    ] = None,
    as_json: AsJson = False,
    directory: Directory = None,
) -> None:
    """Compute the digests of files in the store; exit status 1 if one is wrong or missing."""
    from samara.checkpoints.store.store import CheckpointStore

    verifications = CheckpointStore(directory).verify(names or None)
    if as_json:
        typer.echo(json.dumps([_verification_record(each) for each in verifications], indent=2))
    else:
        typer.echo(verifications_text(verifications, terminal_width()))
    if any(each.is_wrong for each in verifications):
        raise typer.Exit(1)


def _entry_record(entry: StoredCheckpoint) -> dict[str, object]:
    return {
        **asdict(entry.checkpoint),
        "commercial": licence_of(entry.checkpoint.licence).commercial,
        "path": str(entry.path),
        "state": entry.state,
        "here_bytes": entry.size_bytes,
    }


def _verification_record(verification: Verification) -> dict[str, object]:
    return {
        "name": verification.name,
        "path": str(verification.path),
        "verdict": verification.verdict,
        "detail": verification.detail,
    }


def entries_text(entries: Sequence[StoredCheckpoint], added: Sequence[AddedCheckpoint], width: int) -> str:
    """Format the catalogue and the added checkpoints: one line each, then notes and what the licences mean."""
    rows = [_entry_cells(entry) for entry in entries]
    rows += [[one.name, "?", "unknown", "yes", one.state, _megabytes(one.size_bytes)] for one in added]
    notes: dict[str, list[str]] = {}
    for entry in entries:
        if entry.checkpoint.note:
            notes.setdefault(entry.checkpoint.note, []).append(entry.checkpoint.name)
    remarks = [f"{', '.join(names)}: {note}" for note, names in notes.items()]
    remarks += [f"{one.name}: added from {one.path}: {one.description}" for one in added]
    licences = sorted({entry.checkpoint.licence for entry in entries})
    remarks += [f"{_short(licence)}: {licence_of(licence).consequence}" for licence in licences]
    table = text_table(ENTRY_COLUMNS, rows, width=width, rest="--json")
    return "\n".join([table, "", *(filled(remark, width, below="  ") for remark in remarks)])


def _entry_cells(entry: StoredCheckpoint) -> list[str]:
    row = entry.checkpoint
    runs = "yes" if row.network.is_runnable else "not yet"
    here = {"here": "yes", "absent": "-"}.get(entry.state, entry.state)
    size = _megabytes(entry.size_bytes or row.size_bytes)
    return [row.name, _short(row.licence), licence_of(row.licence).commercial, runs, here, size]


def _short(licence: str) -> str:
    return licence.removeprefix("LicenseRef-")  # SPDX's mark of those that it does not list


def verifications_text(verifications: Sequence[Verification], width: int) -> str:
    """Format verdicts: one line for each file."""
    rows = [[each.name, each.verdict, each.detail] for each in verifications]
    return text_table(VERDICT_COLUMNS, rows, width=width, rest="--json")


def _megabytes(size_bytes: int | None) -> str:
    return "?" if size_bytes is None else f"{size_bytes / 1e6:,.1f} MB"
