"""Options of a command from a TOML file: a key for each option, by its long name."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any

from samara.errors import SettingsError


def options_from(path: Path, command: Any) -> dict[str, Any]:  # Any: typer's own command and parameter types
    """Read the options of a command.

    Args:
        path: the TOML file. Paths in it are relative to the working directory, as on the command line.
        command: the command.

    Returns:
        Values by name of the command's parameter, as they would be typed.

    Raises:
        SettingsError: the file cannot be read, a key is no option of the command, or a value does not fit.
    """
    known = {
        flag.removeprefix("--"): option
        for option in command.params
        if option.param_type_name == "option" and option.name != "config"
        for flag in option.opts
        if flag.startswith("--")
    }
    values: dict[str, Any] = {}
    for key, value in _document(path).items():
        name = key.replace("_", "-")
        if name not in known:
            near = _near(name, known)
            raise SettingsError(f"{path} sets {key!r}, which is no option of `samara {command.name}`; {near}")
        if known[name].name in values:
            raise SettingsError(f"{path} sets {name!r} twice, in two spellings; remove one")
        values[known[name].name] = _as_typed(path, name, value, known[name])
    return values


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}; name a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        how = 'write lines such as points-per-side = 16 or out = "masks"'
        raise SettingsError(f"{path} is not TOML ({error}); {how}") from error


def _near(name: str, known: dict[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"it has {', '.join(sorted(name for name, option in known.items() if not option.hidden))}"


def _as_typed(path: Path, name: str, value: Any, option: Any) -> Any:
    if option.is_flag:
        if not isinstance(value, bool):
            raise SettingsError(f"{path} sets {name} to {value!r}, but it is a switch; write true or false")
        return value
    if option.multiple:
        return [_text(path, name, one) for one in (value if isinstance(value, list) else [value])]
    return _text(path, name, value)


def _text(path: Path, name: str, value: Any) -> str:
    """Return a value as text; a list with commas, as in --box 10,20,30,40."""
    if isinstance(value, list):
        return ",".join(_text(path, name, one) for one in value)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise SettingsError(f"{path} sets {name} to {value!r}; write a text in quotes, a number, or a list of them")
    return str(value)
