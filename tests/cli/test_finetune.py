"""`samara finetune`: data sets, refusals, a whole run."""

from __future__ import annotations

import json
import sys

import pytest

import samara
from samara.cli import main
from samara.cli.finetune import read_augmentations
from samara.errors import SettingsError
from tests.finetuning.conftest import draw


@pytest.fixture
def coco(tmp_path):
    """Three pictures with ground truth as COCO."""
    folder = tmp_path / "images"
    folder.mkdir()
    images = [draw(seed, folder) for seed in range(3)]
    document = {
        "images": [
            {"id": index, "file_name": image.name, "height": image.size_hw[0], "width": image.size_hw[1]}
            for index, image in enumerate(images)
        ],
        "categories": [{"id": 1, "name": "bright"}],
        "annotations": [
            {
                "id": 10 * index + number,
                "image_id": index,
                "category_id": 1,
                "iscrowd": 0,
                "segmentation": instance.rle.to_coco(),
            }
            for index, image in enumerate(images)
            for number, instance in enumerate(image.instances)
        ],
    }
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(document))
    return path


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["samara", "finetune", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_:
        main.run()
    return exit_.value.code, capsys.readouterr()


def test_a_run_gives_a_checkpoint_that_is_loaded(coco, tmp_path, monkeypatch, capsys):
    out = tmp_path / "mine.safetensors"
    options = ["--epochs", 1, "--augment", "none", "--device", "cpu", "--json"]
    code, printed = run(monkeypatch, capsys, "--train", coco, "--images", tmp_path / "images", "--out", out, *options)
    assert code == 0, printed.err
    report = json.loads(printed.out)
    assert [record["epoch"] for record in report["history"]] == [0, 1]
    loaded = samara.load(out, device="cpu")
    assert loaded.name == "mine.safetensors (fine-tuned from samara_mini)"
    code, printed = run(monkeypatch, capsys, "--train", coco, "--images", tmp_path / "images", "--out", out)
    assert code == 1
    assert "--overwrite" in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--augment", "shear"], "--augment 'shear' is not known"),
        (["--images", "nowhere"], "nowhere"),
        ([], "say with --images"),
        (["--checkpoint", "vit_x", "--images", "images"], "did you mean"),
    ],
)
def test_refusals(coco, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, printed = run(monkeypatch, capsys, "--train", coco, "--out", tmp_path / "out.pth", *arguments)
    assert code == 1
    assert message in printed.err


def test_augmentations():
    assert read_augmentations(None) == ("flip",)
    assert read_augmentations(["none"]) == ()
    assert read_augmentations(["half", "rotate90"]) == ("half", "rotate90")
    with pytest.raises(SettingsError, match="use flip, rotate90"):
        read_augmentations(["shear"])
