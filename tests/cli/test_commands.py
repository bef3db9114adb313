"""The table of the commands: complete, as the commands themselves say, and without their modules."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import samara.cli
from samara.cli.commands import COMMANDS
from samara.cli.main import app

NO_COMMANDS = {
    *(
        "__init__",
        "commands",
        "config_file",
        "habits",
        "interrupts",
        "main",
        "options",
        "dry_run",
        "progress",
        "sentences",
        "tables",
    ),
    "settings_options",
}


def test_every_file_of_a_command_has_its_row():
    files = {path.stem for path in Path(samara.cli.__file__).parent.glob("*.py")} - NO_COMMANDS
    assert files == {name.replace("-", "_") for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name):
    command = get_command(app).commands[name]
    assert command.name == name
    assert COMMANDS[name] == " ".join(command.help.split("\n\n")[0].split())


def test_the_help_shows_the_table():
    shown = " ".join(CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout.split())
    for name, sentence in COMMANDS.items():
        assert f"{name} {sentence}" in shown


def test_names_that_are_none():
    commands = get_command(app).commands
    assert len(commands) == len(COMMANDS)
    assert "segmemt" not in commands
    assert commands["segment"] is commands["segment"]
    result = CliRunner().invoke(app, ["segmemt"])
    assert result.exit_code == 2
    assert "Did you mean 'segment'" in " ".join(result.output.split())


@pytest.mark.parametrize(("arguments", "loaded"), [(["--help"], set()), (["doctor", "--help"], {"doctor"})])
def test_help_imports_the_command_that_is_asked_for(arguments, loaded):
    code = """import sys
from samara.cli.main import app
app(sys.argv[1:], standalone_mode=False)
print(*(name for name in sys.modules if name.startswith("samara.cli.")))"""
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    modules = {name.removeprefix("samara.cli.") for name in result.stdout.splitlines()[-1].split()}
    assert modules & {name.replace("-", "_") for name in COMMANDS} == loaded
