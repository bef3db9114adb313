"""`samara recommend`: options arrive, text or JSON leaves, errors are one sentence."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from samara.cli.main import app
from samara.errors import SettingsError
from samara.measurements.record_file import append_records

from ..recommendation.samples import record


@pytest.fixture(autouse=True)
def _isolated(monkeypatch, tmp_path):
    monkeypatch.setenv("SAMARA_HOME", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "80")


def run(*arguments):
    return CliRunner().invoke(app, ["recommend", *map(str, arguments)])


def test_the_first_line_is_the_answer():
    result = run("--vram", 24)
    assert result.exit_code == 0
    assert result.stdout.startswith("Use sam_vit_l for production on a GPU of 24 GB: about 0.26 s a picture")


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
    assert result.stdout.startswith("Nothing fits")


def test_errors_are_left_to_the_main_command():
    assert isinstance(run("--task", "x").exception, SettingsError)


def test_errors_are_one_sentence():
    command = [sys.executable, "-m", "samara", "recommend", "--domain", "space"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == (
        "samara: 'space' is no domain; use natural, medical, satellite, driving, content creation, robotics\n"
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


def test_pictures_without_ground_truth_are_refused(tmp_path):
    assert "needs both" in str(run("--images", tmp_path).exception)
