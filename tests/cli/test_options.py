"""Options that several commands have."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from typer.main import get_command
from typer.testing import CliRunner

import samara
from samara.cli.main import app
from samara.cli.options import DataReading, read_reading, reads_data
from samara.cli.sentences import as_options
from samara.datasets.reading.findings import ReadingRules
from samara.errors import SettingsError, WrongCheckpoint
from samara.images.settings import AS_THEY_ARE, ImageReading


@pytest.mark.parametrize("name", ["annotate", "compare", "evaluate", "finetune", "recommend", "segment"])
def test_a_device_is_said_the_same_way_everywhere(name):
    (device,) = (option for option in get_command(app).commands[name].params if option.name == "device")
    assert (device.opts, device.default, device.help) == (
        ["--device"],
        "auto",
        "Run on auto, cpu, cuda, cuda:N or mps.",
    )


@pytest.mark.parametrize("name", ["annotate", "compare", "evaluate"])
def test_a_precision_likewise(name):
    (precision,) = (option for option in get_command(app).commands[name].params if option.name == "precision")
    assert (precision.default, precision.help) == ("auto", "Compute in auto, float32, tf32, bfloat16 or float16.")


@pytest.mark.parametrize("name", ["export_images", "split", "categories", "only_categories", "label_studio_prefix"])
def test_exports_are_asked_for_the_same_way(name):
    commands = get_command(app).commands
    (ours,) = (option for option in commands["annotate"].params if option.name == name)
    (theirs,) = (option for option in commands["export-annotations"].params if ours.opts[0] in option.opts)
    assert (ours.default, ours.help, ours.metavar) == (theirs.default, theirs.help, theirs.metavar)


READERS = ["annotate", "compare", "evaluate", "export", "finetune", "segment"]


@pytest.mark.parametrize("option", ["value_range", "frame"])
def test_how_images_are_read_is_said_the_same_way_everywhere(option):
    commands = get_command(app).commands
    found = [next(one for one in commands[name].params if one.name == option) for name in READERS]
    assert {(one.opts[0], one.help, one.default) for one in found} == {
        (f"--{option.replace('_', '-')}", found[0].help, None)
    }


def test_the_texts_of_how_images_are_read():
    assert read_reading(None, None) == AS_THEY_ARE
    assert read_reading("auto", 2).facts() == {"value_range": "auto", "frame": 2}
    assert read_reading("-1,4095.5", None).value_range == (-1, 4095.5)
    for text, told in (("4095", "write BLACK,WHITE or auto"), ("5,1", "BLACK must be less than WHITE")):
        with pytest.raises(SettingsError, match=f"--value-range '{text}'.*{told}"):
            read_reading(text, None)


@pytest.fixture
def decoder(tmp_path, mini):
    """A file that holds a mask decoder alone."""
    state = mini.sam.state_dict()
    torch.save({name: value for name, value in state.items() if name.startswith("mask_dec")}, tmp_path / "dec.pth")
    return tmp_path / "dec.pth"


LOADING = ["annotate", "doctor", "evaluate", "export", "finetune", "segment"]


@pytest.mark.parametrize("name", LOADING)
def test_parts_and_updates_are_given_the_same_way_everywhere(name):
    commands = get_command(app).commands
    for option in ("base", "lora"):
        ours, first = (
            next(one for one in commands[command].params if one.name == option) for command in (name, "segment")
        )
        assert (ours.opts, ours.default, ours.help) == ([f"--{option}"], None, first.help)


def test_a_part_is_completed(decoder, tmp_path, truck):
    call = ["segment", str(truck), "--point", "500,375", "--out", str(tmp_path / "out"), "--checkpoint", str(decoder)]
    refused = CliRunner().invoke(app, call)
    assert isinstance(refused.exception, WrongCheckpoint)
    sentence = as_options(str(refused.exception))
    assert sentence.endswith("it also needs the checkpoint that it belongs to; name that with --base NAME|FILE")
    result = CliRunner().invoke(app, [*call, "--base", "samara_mini"])
    assert result.exit_code == 0, result.output
    assert "by dec.pth on samara_mini" in result.output
    with pytest.raises(SettingsError) as error:
        samara.load("samara_mini", base="samara_mini")
    assert as_options(str(error.value)).endswith("needs no base; leave --base out")


def test_commands_hand_bases_and_updates_on(decoder, tmp_path, monkeypatch):
    given = []

    def load(checkpoint, **settings):
        given.append((checkpoint, settings["base"], str(settings["lora"])))
        raise SettingsError("enough")

    monkeypatch.setattr("samara.checkpoints.load.load", load)
    which = ["--checkpoint", "dec.pth", "--base", "vit_b", "--lora", "updates.pth"]
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    for call in (
        ["segment", str(tmp_path / "a.png"), "--out", str(tmp_path / "segmented")],
        ["annotate", str(tmp_path / "a.png"), "--out", str(tmp_path / "annotated")],
        ["export", "--out", str(tmp_path / "exported")],
        ["doctor"],
    ):
        result = CliRunner().invoke(app, [*call, *which])
        assert str(result.exception) == "enough", call
    assert given == [("dec.pth", "vit_b", "updates.pth")] * 4


def test_segment_reads_images_for_calibration_as_the_others(tmp_path, monkeypatch):
    given = []

    def load(checkpoint, **settings):
        given.append((settings["calibration"], settings["calibration_reading"]))
        raise SettingsError("enough")

    monkeypatch.setattr("samara.checkpoints.load.load", load)
    Image.new("L", (64, 64)).save(tmp_path / "a.png")
    call = ["segment", str(tmp_path / "a.png"), "--out", str(tmp_path / "out"), "--calibration", "there"]
    CliRunner().invoke(app, [*call, "--value-range", "0,4095", "--frame", "1"])
    assert given == [([Path("there")], ImageReading((0, 4095), 1))]


def test_segment_reads_what_was_asked_for(tmp_path):
    frames = [Image.fromarray(np.full((64, 64), value, np.uint16)) for value in (0, 1000)]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    call = ["segment", str(tmp_path / "a.tif"), "--point", "30,30", "--out", str(tmp_path / "out")]
    refused = CliRunner().invoke(app, call)
    assert refused.exit_code == 1
    assert "--frame 0" in refused.output
    refused = CliRunner().invoke(app, [*call, "--frame", "1"])
    assert "--value-range 0,1023" in refused.output
    assert CliRunner().invoke(app, [*call, "--frame", "1", "--value-range", "0,1000"]).exit_code == 0
    with Image.open(tmp_path / "out" / "overlays/a.png") as overlay:
        assert np.asarray(overlay).max() == 255


@pytest.mark.parametrize("name", ["annotate", "compare", "evaluate", "finetune"])
def test_what_reads_data_has_the_same_four_options(name):
    found = {one.name: (one.opts, one.default) for one in get_command(app).commands[name].params}
    assert "reading" not in found
    assert {name: found[name] for name in ("crowds", "skip_bad_annotations", "value_range", "frame")} == {
        "crowds": (["--crowds"], "ignore"),
        "skip_bad_annotations": (["--skip-bad-annotations"], False),
        "value_range": (["--value-range"], None),
        "frame": (["--frame"], None),
    }


def test_a_command_gets_its_data_options_read():
    got = {}
    command = typer.Typer()

    @command.command()
    @reads_data("Annotations", "Images")
    def look(path: str, *, reading: DataReading, times: int = 1) -> None:
        """Look."""
        got.update(path=path, reading=reading, times=times)

    said = ["there", "--crowds", "objects", "--skip-bad-annotations", "--value-range", "0,9", "--frame", "2"]
    assert CliRunner().invoke(command, said, catch_exceptions=False).exit_code == 0
    assert got["reading"] == (ReadingRules("objects", True), ImageReading((0, 9), 2))
    assert (got["path"], got["times"]) == ("there", 1)
    assert isinstance(CliRunner().invoke(command, ["there", "--crowds", "what"]).exception, SettingsError)


@pytest.mark.parametrize("name", ["annotate", "doctor", "evaluate", "export", "segment"])
def test_the_input_size_is_said_the_same_way_everywhere(name):
    (option,) = (one for one in get_command(app).commands[name].params if one.name == "input_size")
    assert (option.opts, option.default) == (["--input-size"], None)
    assert option.help == "Resize images to this side of the network input. Default: the checkpoint's own."


def test_annotate_and_evaluate_hand_the_input_size_on(tmp_path, monkeypatch):
    given = []

    def load(checkpoint, **settings):
        given.append((checkpoint, settings["input_size"]))
        raise SettingsError("enough")

    for place in ("samara.checkpoints.load.load", "samara.measurement.evaluation.evaluate.load"):
        monkeypatch.setattr(place, load)
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    truth = tmp_path / "truth.json"
    mask = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[1, 1, 20, 1, 20, 20, 1, 20]]}
    images = [{"id": 1, "file_name": "a.png", "width": 64, "height": 64}]
    truth.write_text(json.dumps({"images": images, "annotations": [mask]}))
    for call in (
        ["annotate", str(tmp_path / "a.png"), "--out", str(tmp_path / "annotated")],
        ["evaluate", "--ground-truth", str(truth), "--images", str(tmp_path)],
    ):
        result = CliRunner().invoke(app, [*call, "--input-size", "256", "--checkpoint", "samara_mini"])
        assert str(result.exception) == "enough", result.output
    assert given == [("samara_mini", 256)] * 2
