"""`samara segment`: from the command line to files."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from PIL import Image
from rich.progress import Progress

from samara.cli import main
from samara.cli.progress import download_bar, work_bar
from samara.cli.segment import read_boxes, read_points
from samara.errors import PromptError
from samara.networks.build import build_network
from samara.networks.class_names import COCO
from samara.networks.variants import VARIANTS
from tests.checkpoints.files import write_ultralytics_style


def run(*arguments, cwd=None):
    command = [sys.executable, "-m", "samara", "segment", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_a_click_on_the_truck(truck, tmp_path):
    result = run(truck, "--point", "500,375", "--out", tmp_path / "out", "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["checkpoint"] == "samara_mini"
    assert report["images"][0]["masks"] == 1
    with Image.open(tmp_path / "out" / "overlays" / "truck.png") as overlay:
        assert overlay.size == (1800, 1200)
    document = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert document["info"]["prompts"] == [{"points": [[500.0, 375.0]], "labels": [1], "box": None}]
    (annotation,) = document["annotations"]
    assert annotation["segmentation"]["size"] == [1200, 1800]


@pytest.mark.slow
def test_everything_with_a_coarse_grid_and_the_default_folder(dog, tmp_path):
    result = run(dog, "--points-per-side", 6, "--unique", "--exclusive", "--threads", 2, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "by samara_mini (Apache-2.0), drawn in samara-output/overlays/dog.png" in result.stdout
    assert "licence of" not in result.stdout
    assert (tmp_path / "samara-output" / "annotations.json").is_file()
    assert result.stderr == ""  # no bar without a terminal


@pytest.mark.usefixtures("small_inputs")
def test_a_failure_is_told_and_the_exit_status_is_1(dog, tmp_path, monkeypatch, capsys):
    text = tmp_path / "page.jpg"
    text.write_text("<html>not an image</html>")
    arguments = [text, dog, "--box", "100,100,300,300", "--out", tmp_path / "out"]
    code, printed = in_process(monkeypatch, capsys, *arguments)
    assert code == 1
    assert "page.jpg" in printed.err
    assert len(printed.err.strip().splitlines()) == 1
    assert "dog.jpg: 1 mask by" in printed.out


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
        (["--hq-token-only"], "MobileSAM has no HQ token"),
        (["--precision", "int8"], "does not support int8"),
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


@pytest.fixture(scope="module")
def detectors(tmp_path_factory):
    """Files as Ultralytics writes them, whose places all answer with a box that is filled."""
    folder = tmp_path_factory.mktemp("detectors")
    torch.manual_seed(1)
    for name, arguments in {
        "fastsam_s": {"license": "AGPL-3.0 License"},
        "yolo11n_seg": {"names": dict(enumerate(COCO))},
    }.items():
        state = build_network(VARIANTS[name]).state_dict()
        for key, value in state.items():
            if key.endswith("proto.cv3.bn.bias") or (".cv4." in key and key.endswith(".2.bias")):
                value.fill_(3)  # positive prototypes, positive coefficients
            if key.endswith("cv3.2.2.bias"):
                value[0] = 1
        shapes = {key: tuple(value.shape) for key, value in state.items()}
        write_ultralytics_style(folder / f"{name}.pt", shapes, values=state, **arguments)
    return folder


@pytest.fixture
def small_dog(dog, tmp_path):
    """A quarter of the photo's width, since what is drawn for many masks takes longer than the network."""
    path = tmp_path / "small" / dog.name
    path.parent.mkdir()
    with Image.open(dog) as image:
        image.resize((200, 134)).save(path)
    return path


def in_process(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["samara", "segment", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_:
        main.run()
    return exit_.value.code, capsys.readouterr()


@pytest.mark.usefixtures("small_inputs")
def test_fast_sam_chooses_and_says_its_licence(detectors, small_dog, tmp_path, monkeypatch, capsys):
    arguments = [small_dog, "--checkpoint", detectors / "fastsam_s.pt", "--out", tmp_path]
    code, printed = in_process(monkeypatch, capsys, *arguments, "--box", "5,5,195,125")
    assert (code, printed.err) == (0, "")
    assert "dog.jpg: 1 mask by fastsam_s.pt (AGPL-3.0-only), drawn in" in printed.out
    assert "licence of fastsam_s.pt: AGPL-3.0-only: anything built on it and offered to others" in printed.out
    info = json.loads((tmp_path / "annotations.json").read_text())["info"]
    assert info["licence_of_weights"] == "AGPL-3.0-only"
    assert "must be published under AGPL-3.0" in info["licence_means"]
    code, printed = in_process(monkeypatch, capsys, *arguments, "--point", "100,62")
    assert (code, printed.err) == (0, "")
    assert "dog.jpg: 1 mask by fastsam_s.pt" in printed.out
    code, printed = in_process(monkeypatch, capsys, *arguments, "--point", "100,62", "--answer", "three", "--json")
    assert json.loads(printed.out)["images"][0]["masks"] > 1


@pytest.mark.usefixtures("small_inputs")
def test_yolo_finds_classes_and_takes_no_prompts(detectors, small_dog, tmp_path, monkeypatch, capsys):
    yolo = detectors / "yolo11n_seg.pt"
    arguments = [small_dog, "--checkpoint", yolo, "--pred-iou-thresh", 0.4, "--out", tmp_path / "out", "--json"]
    code, printed = in_process(monkeypatch, capsys, *arguments)
    assert (code, printed.err) == (0, "")
    report = json.loads(printed.out)
    assert (report["licence"], report["commercial"]) == (None, "unknown")
    document = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert [category["name"] for category in document["categories"]] == list(COCO)
    assert {annotation["category_id"] for annotation in document["annotations"]} <= set(range(1, 81))
    assert document["info"]["settings"]["confidence_thresh"] == 0.4
    for extra, message in {
        ("--point", "5,5"): "YOLO11n-seg cannot take points; SAM, MobileSAM",
        ("--crop-layers", "1"): "leave out crop_n_layers",
    }.items():
        code, printed = in_process(
            monkeypatch, capsys, small_dog, "--checkpoint", yolo, *extra, "--out", tmp_path / "none"
        )
        assert code == 1
        assert message in printed.err
        assert len(printed.err.strip().splitlines()) == 1
        assert not (tmp_path / "none").exists()


def test_points_and_boxes_are_numbers():
    assert read_points(["1,2", "3.5,4,0"]) == [[1, 2], [3.5, 4, 0]]
    assert read_boxes(["0,0,5,5"]) == [[0, 0, 5, 5]]
    with pytest.raises(PromptError, match=r"--point '1' is not understood; write X,Y"):
        read_points(["1"])


@pytest.mark.parametrize("bar", [work_bar, lambda: download_bar("file")])
def test_bars_are_for_terminals_only(monkeypatch, bar):
    with bar() as tell:
        assert tell is None
    monkeypatch.setattr("samara.cli.progress.stderr_is_terminal", lambda: True)
    with bar() as tell:
        assert callable(tell)


def test_a_bar_stays_one_bar_when_its_text_changes(monkeypatch):
    monkeypatch.setattr("samara.cli.progress.stderr_is_terminal", lambda: True)
    shown = []
    monkeypatch.setattr(Progress, "update", lambda self, task, **what: shown.append((task, what["description"])))
    with work_bar() as tell:
        tell("encoding", 1, 2)
        tell("training: loss 0.5", 1, 9)
        tell("training: loss 0.4", 2, 9)
    assert shown == [(0, "encoding"), (1, "training: loss 0.5"), (1, "training: loss 0.4")]


def test_a_typo_changes_nothing(dog, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, printed = in_process(monkeypatch, capsys, "nosuch.jpg")
    assert code == 1
    assert "nosuch.jpg" in printed.err
    assert printed.out == ""
    assert not list(tmp_path.iterdir())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "annotations.json").write_text("{}")
    code, printed = in_process(monkeypatch, capsys, dog, "--out", "out", "--checkpoint", "nosuch.pth")
    assert "--overwrite" in printed.err  # before a checkpoint is looked for
    assert (tmp_path / "out" / "annotations.json").read_text() == "{}"
