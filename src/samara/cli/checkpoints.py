"""`samara checkpoints`: the catalogue, the local store, and the identification of files."""

from __future__ import annotations

import functools
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from samara.checkpoints.licences import licence_of
from samara.cli.habits import PlainCommand, PlainGroup, with_habits
from samara.cli.progress import download_bar

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
        typer.Option("--commercial", help="Only checkpoints a product may include without licence conditions."),
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
        _print_entries(entries, added)


@app.command("get", cls=PlainCommand, epilog="Example: samara checkpoints get mobile_sam")
@functools.partial(with_habits, can_be_quiet=False, has_config=False)
def get_checkpoint(
    name: Annotated[str, typer.Argument(help="A name or alias of `samara checkpoints list`.")],
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
    file: Annotated[Path, typer.Argument(help="A checkpoint file, which is identified; no code in it is run.")],
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
    name: Annotated[str, typer.Argument(help="A name that was given with `samara checkpoints add`.")],
    directory: Directory = None,
) -> None:
    """Forget a file that was added; its copy in the store is deleted, your own file is not."""
    from samara.checkpoints.store.added import AddedCheckpoints
    from samara.checkpoints.store.store import CheckpointStore

    gone = AddedCheckpoints(CheckpointStore(directory).directory).remove(name)
    typer.echo(f"{gone.name} is forgotten; {gone.path} is {'deleted' if gone.is_copy else 'where it was'}")


@app.command("identify", cls=PlainCommand, epilog="Example: samara checkpoints identify sam_vit_b_01ec64.pth --hash")
def identify_file(
    file: Annotated[Path, typer.Argument(help="Any file; no code in it is run.")],
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
    names: Annotated[list[str] | None, typer.Argument(help="Names; default: everything in the store.")] = None,
    as_json: AsJson = False,
    directory: Directory = None,
) -> None:
    """Compute the digests of files in the store; exit status 1 if one is wrong or missing."""
    from samara.checkpoints.store.store import CheckpointStore

    verifications = CheckpointStore(directory).verify(names or None)
    if as_json:
        typer.echo(json.dumps([_verification_record(each) for each in verifications], indent=2))
    else:
        _print_verifications(verifications)
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
        "name": verification.checkpoint.name,
        "path": str(verification.path),
        "verdict": verification.verdict,
        "detail": verification.detail,
    }


def _print_entries(entries: list[StoredCheckpoint], added: list[AddedCheckpoint]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from samara.networks.variants import VARIANTS

    table = Table(
        box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0)
    )  # 80 columns hold the longest rows
    for heading in ("name", "licence", "commercial", "runs", "here"):
        table.add_column(heading, no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    for entry in entries:
        row = entry.checkpoint
        runs = "yes" if VARIANTS[row.variant].is_runnable else "not yet"
        here = {"here": "yes", "absent": "-"}.get(entry.state, entry.state)
        commercial = licence_of(row.licence).commercial
        table.add_row(row.name, row.licence, commercial, runs, here, _megabytes(entry.size_bytes or row.size_bytes))
    for one in added:
        table.add_row(one.name, "?", "unknown", "yes", one.state, _megabytes(one.size_bytes))
    console = Console()
    console.print(table)
    notes: dict[str, list[str]] = {}
    for entry in entries:
        notes.setdefault(entry.checkpoint.note, []).append(entry.checkpoint.name)
    for note, names in notes.items():
        if note:
            console.print(f"[dim]{', '.join(names)}: {note}[/]", soft_wrap=True)
    for one in added:
        console.print(f"[dim]{one.name}: added from {escape(one.path)}: {escape(one.description)}[/]", soft_wrap=True)
    for licence in sorted({entry.checkpoint.licence for entry in entries}):
        console.print(f"[dim]{licence}: {licence_of(licence).consequence}[/]", soft_wrap=True)


def _print_verifications(verifications: list[Verification]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("name", "verdict", "detail"):
        table.add_column(heading, overflow="fold")
    for each in verifications:
        style = "red" if each.is_wrong else "green" if each.verdict == "ok" else "yellow"
        table.add_row(each.checkpoint.name, f"[{style}]{each.verdict}[/]", escape(each.detail))
    Console().print(table)


def _megabytes(size_bytes: int | None) -> str:
    return "?" if size_bytes is None else f"{size_bytes / 1e6:,.1f} MB"
