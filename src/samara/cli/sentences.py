"""Sentences of Python as commands say them: with options in place of arguments.

What a Python caller can do about an error stands in backticks, as it is written in Python: an argument (`formats`,
`resume=True`), a field of settings (`AnnotationSettings(tile=...)`) or a call (`samara.annotate(..., resume=True)`).
Here it becomes what somebody who typed a command can do.
"""

from __future__ import annotations

import ast
import re
import shlex

# Options that are not called as the argument, or as the field of the class.
_CALLED = {
    "formats": "--format",
    "image_folder": "--images",
    "skip_bad": "--skip-bad-annotations",
    "vram_gb": "--vram",
    "ram_gb": "--ram",
    "image_count": "--count",
    "timeout_s": "--timeout",
    "points": "--point",
    "boxes": "--box",
    "calibration_reading": "--value-range or --frame",
    "WriterOptions.images": "--export-images",
    "WriterOptions.image_url_prefix": "--label-studio-prefix",
}

# What stands in sentences without backticks.
_OTHERS = (
    (re.compile(r'value_range="auto"'), "--value-range auto"),
    (re.compile(r"value_range=\(lo, hi\)"), "--value-range BLACK,WHITE"),
    (re.compile(r"value_range=\((-?\w[^\s,()]*), (-?\w[^\s,()]*)\)"), r"--value-range \1,\2"),
    (re.compile(r"\bleave value_range out\b"), "leave --value-range out"),
    (re.compile(r"\bframe=(\d+)"), r"--frame \1"),
    (re.compile(r": samara\.load\([^()]*, base=\.\.\.\)"), "; name that with --base NAME|FILE"),
    (re.compile(r"\bleave the base out\b"), "leave --base out"),
    (re.compile(r", or use samara\.load\([^()]*, download=True\)"), ""),
    (
        re.compile(r"use samara\.load\(that checkpoint, lora=('[^']*'|\"[^\"]*\")\)"),
        r"give that checkpoint with --checkpoint, and --lora \1",
    ),
    (
        re.compile(r"more than max_pixels=(\d+), and was not decoded; raise max_pixels"),
        r"more than \1, and was not decoded; annotate it with a larger --max-pixels",
    ),
)


def as_options(sentence: str) -> str:
    """An error as commands say it: with their options in place of Python's arguments."""
    sentence = re.sub(r"`([^`]+)`", lambda quoted: _typed(quoted[1]) or quoted[0], sentence)
    for argument, option in _OTHERS:
        sentence = argument.sub(option, sentence)
    return sentence


def _typed(python: str) -> str | None:
    """What is typed instead; None for what is no Python of the kinds above, such as a command."""
    try:
        parsed = ast.parse(python).body
    except (SyntaxError, ValueError):
        return None
    match parsed:
        case [ast.Expr(ast.Name(name))]:
            return _option(name)
        case [ast.Assign([ast.Name(name)], value)]:
            return _option(name, value)
        case [ast.Expr(ast.Call(ast.Name(owner), [], [*fields]))]:
            return " ".join(_option(one.arg or "", one.value, owner) for one in fields)
        case [ast.Expr(ast.Call(ast.Attribute(ast.Name("samara"), verb), [ast.Constant()], [*arguments]))]:
            options = [_option(one.arg or "", one.value) for one in arguments]
            return f"`{' '.join(['samara', verb.replace('_', '-'), '...', *options])}`"
    return None


def _option(name: str, value: ast.expr | None = None, owner: str = "") -> str:
    usual = f"--{name.replace('_', '-')}"
    option = _CALLED.get(f"{owner}.{name}", _CALLED.get(name, usual))
    text = "" if value is None else _text(value)
    return f"{option} {text}" if text else option


def _text(value: ast.expr) -> str:
    """A value as it is typed; nothing for that of a switch, and for one that is not said."""
    match value:
        case ast.Constant(str(text)):
            return text
        case ast.Constant(said):
            return "" if said is True or said is ... else str(said)
        case ast.Tuple(items) | ast.List(items):
            return ",".join(map(_text, items))
        case ast.Dict(keys, values):
            pairs = (f"{_text(key)}={_text(one)}" for key, one in zip(keys, values, strict=True) if key is not None)
            return shlex.quote(",".join(pairs))
    return ast.unparse(value)
