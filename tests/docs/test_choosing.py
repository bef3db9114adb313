"""The document about choosing: its tables are the product's, its commands and its code run."""

from __future__ import annotations

import re
import shlex

import pytest
from typer.testing import CliRunner

from docs.update_choosing import DOCUMENT, updated
from samara.cli.main import app
from samara.recommendation.estimates import GPU_MARGIN
from samara.recommendation.evidence import MIN_IMAGES, MIN_OBJECTS, WIDEST_INTERVAL
from samara.recommendation.ranking import TIE
from samara.recommendation.target import LAPTOP_CORES, USABLE
from samara.recommendation.throughput import APPLE_GPUS

TEXT = DOCUMENT.read_text()
COMMANDS = [line.split("#")[0].strip() for line in TEXT.splitlines() if line.startswith("    samara ")]


def test_tables_are_up_to_date():
    assert updated(TEXT) == TEXT, "run `make docs`"


def test_there_are_commands():
    assert len(COMMANDS) == 7


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command, monkeypatch, tmp_path):
    monkeypatch.setenv("SAMARA_HOME", str(tmp_path))
    result = CliRunner().invoke(app, shlex.split(command)[1:])
    assert result.exit_code == 0, result.output


def test_the_code_runs_as_pasted(capsys):
    (code,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    exec(code, {})
    assert capsys.readouterr().out.startswith("Use efficientvit_sam_xl0 for interactive annotation on a GPU of 6 GB")


def test_numbers_in_the_prose_are_those_of_the_code():
    assert f"closer than {TIE}" in TEXT
    assert f"GPU's memory {USABLE['cuda']:.0%} count".replace("%", " %") in TEXT
    assert f"main memory {USABLE['cpu']:.0%}".replace("%", " %") in TEXT
    assert f"with {GPU_MARGIN - 1:.0%} for the allocator".replace("%", " %") in TEXT
    assert LAPTOP_CORES == 4
    assert f"at least {MIN_OBJECTS} objects in at least {MIN_IMAGES} images" in TEXT
    assert f"95 % interval of at most {WIDEST_INTERVAL:g}" in TEXT
    for chip in APPLE_GPUS:
        assert f"{chip.name} ({chip.gigabytes:g} GB)" in " ".join(TEXT.split())
