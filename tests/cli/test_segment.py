"""`samara segment`: from the command line to files."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from PIL import Image

from samara.cli import main
from samara.cli.progress import download_bar, work_bar
from samara.cli.segment import read_prompts
from samara.errors import PromptError


def run(*arguments, cwd=None):
    command = [sys.executable, "-m", "samara", "segment", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_a_click_on_the_truck(truck, tmp_path):
    result = run(truck, "--point", "500,375", "--out", tmp_path / "out", "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["checkpoint"] == "samara_mini"
    assert report["images"][0]["masks"] == 1
    with Image.open(tmp_path / "out" / "truck.jpg.png") as overlay:
        assert overlay.size == (1800, 1200)
    document = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert document["info"]["prompts"] == [{"points": [[500.0, 375.0]], "labels": [1], "box": None}]
    (annotation,) = document["annotations"]
    assert annotation["segmentation"]["size"] == [1200, 1800]


def test_everything_with_a_coarse_grid_and_the_default_folder(dog, tmp_path):
    result = run(dog, "--points-per-side", 6, "--unique", "--exclusive", "--threads", 2, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "by samara_mini, drawn in samara-output/dog.jpg.png" in result.stdout
    assert (tmp_path / "samara-output" / "annotations.json").is_file()
    assert result.stderr == ""  # no bar without a terminal


def test_a_failure_is_told_and_the_exit_status_is_1(dog, tmp_path):
    text = tmp_path / "page.jpg"
    text.write_text("<html>not a picture</html>")
    result = run(text, dog, "--box", "100,100,300,300", "--out", tmp_path / "out")
    assert result.returncode == 1
    assert "page.jpg" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "dog.jpg: 1 mask by" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--point", "1;2"], "--point '1;2' is not understood"),
        (["--box", "1,2,3"], "--box '1,2,3' is not understood"),
        (["--box", "30,30,5,5"], "x, y, width, height"),
        (["--checkpoint", "vit_x"], "did you mean"),
        (["--checkpoint", "sam_vit_h"], "samara checkpoints get sam_vit_h"),
        (["--checkpoint", "sam_vit_h_*.pth"], "sam_vit_h_*.pth"),
        (["--device", "cuda:99"], "cuda:99"),
        (["--precision", "int8"], "'int8' is no precision"),
        (["--stability-score-thresh", "7"], "stability_score_thresh is 7.0; it must be between 0 and 1"),
    ],
)
def test_errors(dog, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.setattr(sys, "argv", ["samara", "segment", str(dog), *arguments, "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as exit_:
        main.run()
    assert exit_.value.code == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_points_are_one_object_and_boxes_are_many():
    (clicks,) = read_prompts(["1,2", "3.5,4,0"], [], separate=False)
    assert clicks.points_xy.tolist() == [[1, 2], [3.5, 4]]
    assert clicks.point_labels.tolist() == [1, 0]
    assert len(read_prompts(["1,2", "3,4"], [], separate=True)) == 2
    assert len(read_prompts([], ["0,0,5,5", "1,1,9,9"], separate=False)) == 2
    (both,) = read_prompts(["1,2"], ["0,0,5,5"], separate=False)
    assert both.box_xyxy.tolist() == [0, 0, 5, 5]
    assert read_prompts([], [], separate=False) == []


def test_unclear_combinations_are_refused():
    with pytest.raises(PromptError, match="unclear which box"):
        read_prompts(["1,2"], ["0,0,5,5", "1,1,9,9"], separate=False)
    with pytest.raises(PromptError, match="cannot be combined"):
        read_prompts(["1,2"], ["0,0,5,5"], separate=True)


@pytest.mark.parametrize("bar", [work_bar, lambda: download_bar("file")])
def test_bars_are_for_terminals_only(monkeypatch, bar):
    with bar() as tell:
        assert tell is None
    monkeypatch.setattr("samara.cli.progress.stderr_is_terminal", lambda: True)
    with bar() as tell:
        assert callable(tell)
