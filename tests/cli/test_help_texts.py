"""Texts of options and arguments: whole sentences that say what samara does with the value."""

from __future__ import annotations

import re

import click
import pytest
import typer

from samara.cli.main import app

VERBS = re.compile(
    "(Accept|Add|Allow|Also|Annotate|Answer|Assign|Begin|Benchmark|Cache|Calibrate|Call|Click|Compare|Compute|Copy|Create|Cut"
    "|Delete|Divide|Doubt|Download|Draw|Drop|Encode|Examine|Export|Fetch|Fold|Forget|Get|Give|Identify|Ignore|Install|Keep"
    "|Leave|Let|Limit|Listen|Look|Map|Measure|Note|Number|Only|Open|Pass|Prepare|Print|Prompt|Put|Read|Recommend|Record|Refuse|Remove|Replace"
    r"|Recompute|Require|Resize|Resume|Retry|Return|Run|Save|Say|Search|Segment|Serve|Show|Start|Stop|Take|Tint|Train|Use|Validate|Verify|Write)\b"
)


def texts_of(command, path=()):
    """Yield command, parameter and text of every visible parameter."""
    if hasattr(command, "list_commands"):
        for name in command.list_commands(click.Context(command)):
            yield from texts_of(command.get_command(click.Context(command), name), (*path, name))
        return
    for parameter in command.params:
        if not getattr(parameter, "hidden", False):
            yield " ".join(path), parameter.name, getattr(parameter, "help", None) or ""


TEXTS = list(texts_of(typer.main.get_command(app)))


def test_there_are_texts():
    assert len(TEXTS) > 200


@pytest.mark.parametrize(("command", "parameter", "text"), TEXTS, ids=lambda value: value if " " not in value else None)
def test_a_text_is_a_sentence(command, parameter, text):
    assert VERBS.match(text), f"{text!r} does not begin with what samara does"
    assert text.endswith(".")
    assert not re.search(r"\be\.g\.$|\bMax\.", text), f"{text!r} is cut, or abbreviated"
