"""What all commands share: -o, --quiet, --verbose, --config, and help in which switches have no type."""

from __future__ import annotations

import copy
import functools
import inspect
import io
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from samara.cli.progress import without_bars
from samara.cli.sentences import as_options
from samara.cli.settings_options import Command

_IN_HELP = "samara.help"

RESULT_IS_PRINTED = frozenset({"doctor", "recommend"})
"""Commands whose result is what they print, so they cannot be quiet."""


def _plain(option: Any) -> Any:  # Any: typer's own parameter types, here and below
    """Show switches and arguments without their Python types; --out is also -o."""
    if getattr(option, "is_flag", False) and option.metavar is None:
        option.metavar = ""
    if "--out" in option.opts and "-o" not in option.opts:
        option.opts.append("-o")
    if option.param_type_name == "argument":
        option.display_type_rich = _no_type
    return option


def _no_type(ctx: Any) -> None:
    """Describe an argument without its Python type, such as "<list[str]>"."""
    del ctx


def _with_one_name(option: Any) -> Any:
    """Return a copy that the help shows without former and further names, which would be cut."""
    shown = copy.copy(option)
    long = [name for name in option.opts if name.startswith("--")][:1]
    shown.opts = [*long, *(name for name in option.opts if not name.startswith("--"))]
    return shown


class PlainCommand(TyperCommand):
    """A command whose options are as in all commands."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options and arguments, with that of the help."""
        options = [_plain(one) for one in super().get_params(ctx)]
        return [_with_one_name(one) for one in options] if ctx.meta.get(_IN_HELP) else options

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, with one name for each option."""
        ctx.meta[_IN_HELP] = True
        super().format_help(ctx, formatter)


class PlainGroup(TyperGroup):
    """A group of such commands."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options, with that of the help."""
        return [_plain(one) for one in super().get_params(ctx)]


def with_habits(command: Command, *, can_be_quiet: bool = True, has_config: bool = True) -> Command:
    """Give a command the options --quiet, --verbose and --config.

    Args:
        command: a function that typer runs.
        can_be_quiet: whether its result is more than what it prints.
        has_config: whether it has so many options that a file of them is worthwhile.
    """
    options = [_VERBOSE, *([_QUIET] if can_be_quiet else []), *([_CONFIG] if has_config else [])]

    @functools.wraps(command)
    def habitual(*, quiet: bool = False, verbose: bool = False, config: Path | None = None, **typed: Any) -> None:
        del config  # its callback has read it
        with _loudness(quiet=quiet and not typed.get("as_json"), verbose=verbose, bars=not quiet):
            command(**typed)

    habitual.__doc__ = _unwrapped(command.__doc__ or "")
    signature = inspect.signature(command, eval_str=True)
    kept = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in signature.parameters.values()]
    signature = signature.replace(parameters=[*kept, *options])
    habitual.__signature__ = signature  # type: ignore[attr-defined]  # typer reads the signature from here
    habitual.__annotations__ = {name: one.annotation for name, one in signature.parameters.items()}
    return habitual


def _unwrapped(text: str) -> str:
    """Put each paragraph on one line, which the help then wraps at the width of the terminal."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(text).split("\n\n"))


@contextmanager
def _loudness(*, quiet: bool, verbose: bool, bars: bool) -> Iterator[None]:
    """Show warnings, and details if verbose; hide what is printed if quiet."""
    logger, handler, started = logging.getLogger("samara"), _Told(), time.monotonic()
    before = logger.level
    logger.setLevel(logging.INFO if verbose else logging.WARNING)
    logger.addHandler(handler)
    try:
        with nullcontext() if bars else without_bars(), redirect_stdout(io.StringIO()) if quiet else nullcontext():
            yield
        logger.info("done in %.1f s", time.monotonic() - started)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


class _Told(logging.Handler):
    """Writes log records on stderr as the command's own sentences."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"samara: {as_options(record.getMessage())}\n")


def _read_config(ctx: typer.Context, value: Path | None) -> None:
    if value is not None and not ctx.resilient_parsing:
        from samara.cli.config_file import options_from

        ctx.default_map = options_from(value, ctx.command)


def _option(name: str, kind: Any, default: Any, option: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


_QUIET = _option(
    "quiet",
    bool,
    False,
    typer.Option("--quiet", "-q", help="Print only warnings, errors and --json; show no progress."),
)
_VERBOSE = _option(
    "verbose",
    bool,
    False,
    typer.Option("--verbose", "-v", help="Also show which files and engines are used, and how long it takes."),
)
_CONFIG = _option(
    "config",
    Path | None,
    None,
    typer.Option(
        "--config",
        metavar="FILE",
        is_eager=True,
        callback=_read_config,
        help="Read options from a TOML file, such as points-per-side = 16; those on the command line win.",
    ),
)
