"""The `samara` command: sub-commands, and errors as one sentence on stderr."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Annotated

import typer

from samara._version import __version__
from samara.cli.commands import CommandsOnDemand
from samara.errors import SamaraError

app = typer.Typer(
    cls=CommandsOnDemand,
    name="samara",
    help="Every Segment Anything checkpoint behind one interface.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"samara {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Every Segment Anything checkpoint behind one interface."""


def run() -> None:
    """Run the command; the exit status is 0 only if everything was done and all output was written."""
    try:
        status = _status_of_app()
        if sys.stdout is not None:
            sys.stdout.flush()  # a later flush would fail outside this try
    except SamaraError as error:
        from samara.cli.sentences import as_options

        status = _failed(as_options("; ".join([str(error), *getattr(error, "__notes__", ())])))
    except BrokenPipeError:
        status = 1  # typer's status; the reader closed the pipe and wants no message
    except OSError as error:
        status = _failed(_sentence(error))
    if status:
        _drop_what_cannot_be_written()
    raise SystemExit(status)


def _status_of_app() -> int | str | None:
    try:
        app(prog_name="samara", standalone_mode=True)
    except SystemExit as exit_:
        return exit_.code
    return 0


def _failed(sentence: str) -> int:
    with suppress(OSError):  # stderr is closed too
        sys.stderr.write(f"samara: {sentence}\n")
        sys.stderr.flush()
    return 1


def _sentence(error: OSError) -> str:
    """Turn an operating system error into a sentence; a last resort, since long commands check before they start."""
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is not None:
        return f"{error.filename}: {reason}; choose another place, or free space or fix its permissions"
    return f"the output cannot be written: {reason}; redirect it elsewhere"


def _drop_what_cannot_be_written() -> None:
    """Redirect full or closed outputs to the null device, so that Python does not complain at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
