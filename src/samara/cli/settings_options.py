"""Options generated from the fields of settings: default, type and help are declared once, with the setting.

A command has a parameter for the settings, and `takes` replaces it by one option per field; the command receives
the parsed settings. A field's documentation up to the first full stop or semicolon is the
option's help, and its meaning of None the default.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeAlias, get_args, get_type_hints

import typer

Command: TypeAlias = Callable[..., None]
"""A function that typer runs."""

Settings: TypeAlias = Any  # Any: an instance of some dataclass

_UNSAID: Any = object()  # Any: stands for values of every type


@dataclass(frozen=True, kw_only=True)
class Setting:
    """An option generated from a field of settings; omitted attributes follow from the field.

    Attributes:
        field: name of the field.
        option: name of the command's parameter; None for that of the field.
        flags: spellings of the option; empty for `--` and the parameter's name.
        metavar: placeholder of the value in the help.
        panel: heading of the option in the help.
        help: text that replaces the field's documentation.
        least: smallest accepted number.
        kind: type for typer, if it differs from the field's.
        default: default that replaces the field's.
        read: function from typer's value to the field's.
        is_hidden: whether to leave the option out of the help.
    """

    field: str
    option: str | None = None
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    panel: str | None = None
    help: str | None = None
    least: float | None = None
    kind: Any = None  # Any: a type, or a union of types
    default: Any = _UNSAID
    read: Callable[[Any], Any] | None = None
    is_hidden: bool = False

    @property
    def name(self) -> str:
        """Name of the parameter."""
        return self.option or self.field

    def of(self, settings: Settings) -> inspect.Parameter:
        """Return the option as a parameter of the command."""
        default = getattr(settings, self.field) if self.default is _UNSAID else self.default
        kind = self.kind or kind_of(settings, self.field)
        if default is not None:
            kind = _without_none(kind)
        flags = self.flags or ((f"--{self.name.replace('_', '-')}",) if kind is bool else ())
        option = typer.Option(
            *flags,
            min=self.least,
            metavar=self.metavar,
            help=help_of(settings, self.field) if self.help is None else self.help,
            rich_help_panel=self.panel,
            hidden=self.is_hidden,
        )
        return inspect.Parameter(
            self.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
        )

    def value(self, settings: Settings, typed: Any) -> Any:  # Any: values of fields
        """Convert typer's value to the field's: 0 becomes None if the field can be None and its default is not."""
        if self.read is not None:
            return self.read(typed)
        can_be_none = type(None) in get_args(kind_of(settings, self.field))
        return None if can_be_none and typed == 0 and getattr(settings, self.field) is not None else typed


def in_panel(panel: str | None, *options: Setting) -> list[Setting]:
    """Put the options under one heading of the help."""
    return [replace(one, panel=panel) for one in options]


def takes(parameter: str, settings: Settings, *options: Sequence[Setting]) -> Callable[[Command], Command]:
    """Decorate a command: options replace a parameter, which receives the settings.

    Args:
        parameter: name of the command's parameter.
        settings: settings with the fields and defaults; fields without an option keep the values given here.
        options: groups of options.
    """
    return _taking(parameter, settings, options, lambda values: replace(settings, **values))


def takes_arguments(parameter: str, settings: Settings, *options: Sequence[Setting]) -> Callable[[Command], Command]:
    """Like `takes`, for settings that the library function takes as arguments: the command receives a dict by name."""
    return _taking(parameter, settings, options, lambda values: values)


def _taking(
    parameter: str,
    settings: Settings,
    options: Sequence[Sequence[Setting]],
    made_of: Callable[[dict[str, Any]], Any],  # Any: values of fields; the settings, or their values
) -> Callable[[Command], Command]:
    chosen = [one for group in options for one in group]

    def read(**typed: Any) -> Any:  # Any: what typer read
        return made_of({one.field: one.value(settings, typed[one.name]) for one in chosen})

    return in_place_of(parameter, [one.of(settings) for one in chosen], read)


def in_place_of(
    parameter: str, options: Sequence[inspect.Parameter], read: Callable[..., Any]
) -> Callable[[Command], Command]:
    """Decorate a command: options replace a parameter, which receives the result of `read`."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def reading_first(**typed: Any) -> None:  # Any: what typer read
            texts = {one.name: typed.pop(one.name) for one in options}
            command(**{parameter: read(**texts)}, **typed)

        signature = _with_options(inspect.signature(command, eval_str=True), parameter, options)
        reading_first.__signature__ = signature  # type: ignore[attr-defined]  # typer reads the signature from here
        reading_first.__annotations__ = {name: one.annotation for name, one in signature.parameters.items()}
        return reading_first

    return decorate


def _with_options(
    signature: inspect.Signature, parameter: str, options: Sequence[inspect.Parameter]
) -> inspect.Signature:
    kept = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in signature.parameters.values()]
    place = [one.name for one in kept].index(parameter)
    return signature.replace(parameters=[*kept[:place], *options, *kept[place + 1 :]])


def kind_of(settings: Settings, field: str) -> Any:  # Any: a type, or a union of types
    """Resolve the type of one field alone: types of other fields may be imported for type checkers only."""
    text = inspect.get_annotations(type(settings))[field]
    alone = type("Alone", (), {"__annotations__": {field: text}})
    return get_type_hints(alone, globalns=vars(sys.modules[type(settings).__module__]))[field]


def _without_none(kind: Any) -> Any:  # Any: a type, or a union of types
    others = [one for one in get_args(kind) if one is not type(None)]
    return others[0] if type(None) in get_args(kind) and len(others) == 1 else kind


def help_of(settings: Settings, field: str) -> str:
    """Return the first clause of a field's documentation as help of its option."""
    said = documentation_of(type(settings))[field]
    first = re.split(r"[;:] |\. |\.$", said, maxsplit=1)[0]
    first = re.sub(r", (?:each )?at least \d+$", "", first)
    none = re.search(r"\bNone for ((?:[^,;.]|\.\d)+)", said)
    if none and getattr(settings, field) is not None:
        return f"{_sentence(first)[:-1]}; 0: {none[1]}."
    return f"{_sentence(first)} Default: {none[1]}." if none else _sentence(first)


def _sentence(text: str) -> str:
    # A list of accepted values begins with a value, which keeps its case.
    is_list = re.match(r"\S+, ", text) is not None
    return f"{text if is_list else text[:1].upper() + text[1:]}."


def documentation_of(kind: type) -> dict[str, str]:
    """Return the documentation of each attribute of a class, each on one line."""
    lines = (inspect.getdoc(kind) or "").partition("\nAttributes:\n")[2].partition("\n\n")[0]
    entries = re.split(r"^    (?=\w+(?:, \w+)*: )", lines, flags=re.MULTILINE)[1:]
    said: dict[str, str] = {}
    for entry in entries:
        names, _, text = " ".join(entry.split()).partition(": ")
        said |= dict.fromkeys(names.split(", "), text)
    return said
