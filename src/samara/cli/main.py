"""The `samara` command: sub-commands, and errors as one sentence on stderr."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import samara
from samara.cli import (
    annotate,
    checkpoints,
    compare,
    doctor,
    evaluate,
    export,
    export_annotations,
    finetune,
    recommend,
    segment,
)
from samara.errors import SamaraError

app = typer.Typer(
    name="samara",
    help="Every Segment Anything checkpoint behind one interface.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("segment")(segment.segment)
app.command("annotate")(annotate.annotate)
app.command("export-annotations")(export_annotations.export_annotations)
app.command("evaluate")(evaluate.evaluate)
app.command("compare")(compare.compare)
app.command("finetune")(finetune.finetune)
app.command("export")(export.export)
app.command("doctor")(doctor.doctor)
app.command("recommend")(recommend.recommend)
app.add_typer(checkpoints.app, name="checkpoints")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"samara {samara.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Every Segment Anything checkpoint behind one interface."""


def run() -> None:
    """Entry point: exit status 0 only if everything asked for was done."""
    try:
        app()
    except SamaraError as error:
        sys.stderr.write(f"samara: {error}\n")
        raise SystemExit(1) from None
