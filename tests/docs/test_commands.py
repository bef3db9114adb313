"""Every command that the documents show exists, with its options and their values."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from samara.cli.main import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
COMMAND = re.compile(r"^(?:    |\$ )?(samara (?:[a-z-]+)(?: .*)?)$", re.MULTILINE)


def shown():
    """Each as a parameter of the test."""
    found = []
    for document in DOCUMENTS:
        text = re.sub(r" \\\n\s*", " ", document.read_text())  # one command on several lines
        for command in COMMAND.findall(text):
            if " ... " in command or command.endswith(" ..."):
                continue  # leaves something out
            found.append(pytest.param(command, id=f"{document.stem}: {command}"))
    return found


@pytest.mark.parametrize("command", shown())
def test_it_is_understood(command):
    arguments = shlex.split(command, comments=True)[1:]
    found = get_command(app)
    while isinstance(found, TyperGroup):
        name = arguments.pop(0)
        assert name in found.commands, f"there is no command {name!r}"
        found = found.commands[name]
    found.make_context(name, arguments)  # parses, and runs nothing


def test_there_are_many():
    assert len(shown()) > 25
