"""Options from a TOML file: the command line wins, and what is not understood is told."""

import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from samara.cli.main import app
from samara.errors import SettingsError


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 64), (90, 120, 60)).save("a.png")
    return tmp_path


def segment(text, *arguments):
    with open("options.toml", "w", encoding="utf-8") as file:
        file.write(text)
    return CliRunner().invoke(app, ["segment", "a.png", "--config", "options.toml", *arguments])


@pytest.mark.usefixtures("small_inputs")
def test_options_of_all_kinds(place):
    text = 'point = ["10,20", [30, 40]]\nseparate = true\nout = "results"\nsave = ["json", "labels"]\ninput_size = 256'
    done = segment(text)
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (place / "results").iterdir()) == ["annotations.json", "labels"]
    info = json.loads((place / "results" / "annotations.json").read_text())["info"]
    assert [one["points"] for one in info["prompts"]] == [[[10, 20]], [[30, 40]]]
    assert info["input_size"] == 256


@pytest.mark.usefixtures("small_inputs")
def test_the_command_line_wins(place):
    done = segment('point = ["10,20"]\nout = "results"\nsave = "labels"', "-o", "mine", "--save", "json")
    assert done.exit_code == 0, done.output
    assert [path.name for path in (place / "mine").iterdir()] == ["annotations.json"]
    assert not (place / "results").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "points-per-sid = 2",
            "which is no option of `samara segment`; did you mean points-per-side",
        ),
        ("xyzzy = 2", "which is no option of `samara segment`; it has answer, base,"),
        ("[segment]\nout = 'x'", "sets 'segment', which is no option"),
        ("separate = 'yes'", "sets separate to 'yes', but it is a switch; write true or false"),
        ("out = true", "sets out to True; write a text in quotes"),
        ("input-size = 256\ninput_size = 512", "sets 'input-size' twice"),
        ("out = masks", "is not TOML"),
    ],
)
def test_what_is_not_understood(place, text, message):
    done = segment(text)
    assert isinstance(done.exception, SettingsError)
    assert message in str(done.exception)


def test_a_value_is_checked_like_that_of_an_option(place):
    done = segment("points-per-side = 'many'")
    assert done.exit_code == 2
    assert "points-per-side" in done.output


def test_a_file_that_is_not_there(place):
    done = CliRunner().invoke(app, ["segment", "a.png", "--config", "nosuch.toml"])
    assert str(done.exception) == "nosuch.toml cannot be read: No such file or directory; name a TOML file"


def test_required_options_may_stand_in_the_file(place):
    (place / "annotate.toml").write_text('out = "store"\n')
    done = CliRunner().invoke(app, ["annotate", "nosuch.png", "--config", "annotate.toml"])
    assert "Missing option" not in done.output
