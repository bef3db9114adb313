"""`samara recommend`: options arrive, text or JSON leaves, errors are one sentence."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from samara.cli.main import app
from samara.errors import SettingsError
from samara.measurement.benchmarking import measure as measuring
from samara.measurement.records.numbers import Number
from samara.measurement.records.record_file import append_records
from samara.recommendation.tasks import TASKS
from samara.system.machine import detect_machine
from tests.measurement.evaluation.conftest import write_coco
from tests.recommendation.samples import record


@pytest.fixture(autouse=True)
def _isolated(monkeypatch, tmp_path):
    monkeypatch.setenv("SAMARA_HOME", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "80")


def run(*arguments):
    return CliRunner().invoke(app, ["recommend", *map(str, arguments)])


def test_the_first_line_is_the_answer():
    result = run("--vram", 24)
    assert result.exit_code == 0
    assert result.stdout.startswith("Use efficientvit_sam_xl1 for production on a GPU of 24 GB: about 77 ms per")


def test_every_option_arrives():
    result = run(
        *("--vram", 6, "--task", "interactive-annotation", "--domain", "medical", "--prompt", "point"),
        *("--prompt", "background-point", "--commercial", "--max-latency", 3, "--max-disk", 2, "--offline", "--json"),
    )
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["request"] == {
        "task": "interactive annotation",
        "domain": "medical",
        "prompts": ["point", "background point"],
        "commercial": True,
        "max_latency_s": 3,
        "max_disk_bytes": 2e9,
        "offline": True,
    }
    assert document["machine"]["memory_bytes"] == 6e9
    assert document["checkpoint"] == "samara_mini"


def test_this_machine_without_options():
    document = json.loads(run("--json", "--device", "cpu").stdout)
    assert document["machine"]["detected"] is True


def test_records_are_read(tmp_path):
    path = tmp_path / "records.jsonl"
    append_records(path, [record("sam_vit_b", metric, 0.9, job=metric) for metric in ("box_iou", "centre_click_iou")])
    document = json.loads(run("--vram", 24, "--records", path, "--json").stdout)
    quality = {one["checkpoint"]: one["quality"] for one in document["ranking"]}
    assert quality["sam_vit_b"]["certainty"] == "measured elsewhere"


def test_a_records_file_that_is_not_there_is_an_error(tmp_path):
    result = run("--vram", 24, "--records", tmp_path / "none.jsonl")
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_all_places():
    assert "fastsam_s" not in run("--vram", 24).stdout
    assert "fastsam_s" in run("--vram", 24, "--all").stdout


def test_nothing_fits_is_told_and_is_a_failure():
    result = run("--ram", 0.5)
    assert result.exit_code == 1
    assert result.stdout.startswith("No checkpoint can do")


def test_errors_are_left_to_the_main_command():
    assert isinstance(run("--task", "x").exception, SettingsError)


def test_errors_are_one_sentence():
    command = [sys.executable, "-m", "samara", "recommend", "--domain", "space"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == (
        "samara: 'space' is not a domain; use natural, medical, light microscopy, electron microscopy, histopathology, "
        "satellite, driving, content creation, robotics\n"
    )


def test_help_has_an_example_and_every_name():
    result = run("--help")
    assert result.exit_code == 0
    assert "Example: samara recommend --vram 6" in " ".join(result.stdout.replace("│", " ").split())


def test_recommending_for_a_described_machine_loads_no_torch():
    code = (
        "import sys; from samara.recommendation.recommend import recommend; recommend(vram_gb=8, at_hand=()); "
        "print({'torch', 'cv2', 'PIL'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "set()\n"


def test_images_without_ground_truth_are_refused(tmp_path):
    assert "also needs `ground_truth`" in str(run("--images", tmp_path).exception)
    assert "also needs `images`" in str(run("--ground-truth", tmp_path / "cells.json").exception)


@pytest.fixture
def placeholders(tmp_path):
    """What a user puts in the place of the capitals."""
    coco = write_coco(tmp_path)
    image = str(coco.parent / "images" / "a_0.png")
    return {
        "IMAGE": image,
        "IMAGE...": image,
        "IMAGES": str(coco.parent / "images"),
        "X,Y": "20,30",
        "X0,Y0,X1,Y1": "5,5,40,50",
        "COCO.json": str(coco),
        "FILE": str(tmp_path / "mine.safetensors"),
        "DIR": str(coco.parent / "images"),
        "out DIR": str(tmp_path / "out"),
    }


def arguments_of(command, placeholders):
    """The words of a command without "samara", capitals filled in."""
    words = command.split()[1:]
    before = ["", *words]
    return [
        placeholders["out DIR"] if (last, word) == ("--out", "DIR") else placeholders.get(word, word)
        for last, word in zip(before, words, strict=False)
    ]


@pytest.mark.parametrize("options", [["--vram", 24], ["--device", "cpu", "--offline"]], ids=["gpu", "here"])
@pytest.mark.parametrize("task", TASKS)
def test_the_commands_are_understood(task, options, placeholders):
    commands = json.loads(run("--task", task, *options, "--json").stdout)["commands"]
    assert commands
    for command in commands:
        name, *arguments = arguments_of(command, placeholders)
        words = [name, *arguments]
        place = get_command(app)
        while hasattr(place, "commands"):
            place = place.commands[words.pop(0)]
        # Refuses unknown options, missing arguments and values of the wrong kind; runs nothing.
        assert place.make_context(name, words).args == []


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_the_commands_run(task, placeholders, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (command,) = json.loads(run("--device", "cpu", "--task", task, "--offline", "--json").stdout)["commands"]
    result = CliRunner().invoke(app, arguments_of(command, placeholders))
    assert result.exit_code == 0, f"{command}: {result.output} {result.exception!r}"


def test_what_compare_measured_here_is_found(tmp_path, monkeypatch):
    """From another folder, without being told where."""
    here = detect_machine()
    records = [
        record("mobile_sam", metric, 0.125, machine=here, weights="random", job=metric, batch_size=size)
        for metric, size in (("encode_seconds", 1), ("decode_1_seconds", None))
    ]
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    append_records(tmp_path / "work" / "comparison" / "records.jsonl", records)
    # Everything that is asked for is measured already.
    monkeypatch.setattr(measuring, "run_job", lambda job, **_: [Number(metric=name, value=1.0) for name in job.metrics])
    assert CliRunner().invoke(app, ["compare", "--groups", "size", "--json"]).exit_code == 0
    monkeypatch.chdir(tmp_path)
    ranking = json.loads(run("--device", "cpu", "--json").stdout)["ranking"]
    seconds = {one["checkpoint"]: one["seconds"] for one in ranking}
    assert (seconds["mobile_sam"]["value"], seconds["mobile_sam"]["certainty"]) == (0.25, "measured here")
    text = run("--device", "cpu", "--all").stdout
    assert any(" mobile_sam " in line and "0.25 s =" in line for line in text.splitlines())
    # Of another machine nothing is known from here.
    other = json.loads(run("--ram", 8, "--json").stdout)["ranking"]
    assert {one["seconds"]["certainty"] for one in other} == {"rule of thumb"}


def test_whoever_asks_for_words_hears_that_nobody_takes_them():
    command = [sys.executable, "-m", "samara", "recommend", "--prompt", "text"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("samara: 'text' is not a kind of prompt; use point, ")
    assert "no checkpoint that samara runs takes words: use classes for fixed class names" in result.stderr


def test_records_can_be_ignored(tmp_path):
    path = tmp_path / "records.jsonl"
    append_records(path, [record("sam_vit_b", metric, 0.9, job=metric) for metric in ("box_iou", "centre_click_iou")])
    assert json.loads(run("--ram", 8, "--records", path, "--json").stdout)["measured"]
    assert json.loads(run("--ram", 8, "--no-records", "--json").stdout)["measured"] == []
    assert "exclude each other" in str(run("--ram", 8, "--records", path, "--no-records").exception)


def test_a_set_of_images_is_told_with_its_time():
    result = run("--ram", 16, "--task", "batch-annotation", "--count", 100_000)
    assert "images a day; 100,000 take" in " ".join(result.stdout.split())
    assert "also needs `image_count`" in str(run("--ram", 16, "--max-hours", 12).exception)
