"""`samara finetune`: data sets, refusals, a whole run."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

import samara
from samara.cli import main
from samara.cli.finetune import read_augmentations, show
from samara.errors import SettingsError
from samara.finetuning import finetune
from samara.finetuning.before_after import Score
from samara.finetuning.data_sets import Sets
from samara.finetuning.finetune import NewCheckpoint
from samara.finetuning.settings import FineTuneSettings, LossWeights, PromptSimulation
from samara.finetuning.training_state import EpochRecord
from samara.finetuning.views import Views
from tests.finetuning.conftest import draw
from tests.finetuning.test_tensorboard_log import read


@pytest.fixture
def coco(tmp_path):
    """Three images with ground truth as COCO."""
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


@pytest.mark.usefixtures("small_inputs")
def test_a_run_gives_a_checkpoint_that_is_loaded(coco, tmp_path, monkeypatch, capsys):
    out = tmp_path / "mine.safetensors"
    options = ["--epochs", 1, "--augment", "none", "--device", "cpu", "--json"]
    views = ["--tensorboard", tmp_path / "logs", "--report", tmp_path / "report.html"]
    data = ["--train", coco, "--images", tmp_path / "images"]
    test = ["--test", coco, "--test-images", tmp_path / "images", "--criterion", "box"]
    code, printed = run(monkeypatch, capsys, *data, "--out", out, *options, *views, *test)
    assert code == 0, printed.err
    assert "samara: validation, 1 of 3 images held out, stratified by objects: 1 image, 2 objects" in printed.err
    report = json.loads(printed.out)
    assert [record["epoch"] for record in report["history"]] == [0, 1]
    assert report["sets"] == {
        "training": {"images": 2, "objects": 4},
        "validation": {"images": 1, "objects": 2},
        "test": {"images": 3, "objects": 6},
    }
    assert report["criterion"] == "box"
    assert report["best_epoch"] == report["best_epoch_by"]["box"]
    assert [report["scores"]["test"][kind]["objects"] for kind in ("click", "box")] == [6, 6]
    assert report["views"] == {
        "curve": f"{out}.curve.png",
        "tensorboard": str(tmp_path / "logs" / out.name),
        "report": str(tmp_path / "report.html"),
    }
    with Image.open(f"{out}.curve.png") as curve:
        assert curve.format == "PNG"
    assert read(tmp_path / "logs" / out.name)["iou/box"] == [
        (record["epoch"], pytest.approx(record["box_iou"])) for record in report["history"]
    ]
    assert "mine.safetensors" in (tmp_path / "report.html").read_text()
    loaded = samara.load(out, device="cpu")
    assert loaded.name == "mine.safetensors (fine-tuned from samara_mini)"
    code, printed = run(monkeypatch, capsys, *data, "--out", out)
    assert code == 1
    assert "--overwrite" in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--augment", "shear"], "--augment 'shear' is not known"),
        (["--images", "nowhere"], "nowhere"),
        ([], "pass their folder with --images"),
        (["--checkpoint", "vit_x", "--images", "images"], "did you mean"),
    ],
)
def test_refusals(coco, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    if not arguments:  # images below the file would be found
        (tmp_path / "elsewhere").mkdir()
        coco = coco.rename(tmp_path / "elsewhere" / coco.name)
    code, printed = run(monkeypatch, capsys, "--train", coco, "--out", tmp_path / "out.pth", *arguments)
    assert code == 1
    assert message in printed.err


CURVE = (EpochRecord(0, None, 0.661, 0.8, 0.0, 4.2), EpochRecord(1, 12.3, 0.685, 0.77, 1e-4, 61.4))


def result(**changed):
    whole = NewCheckpoint(
        Path("cells.safetensors"),
        CURVE,
        CURVE[0],
        FineTuneSettings(),
        sets=Sets([], []),
        views=Views(report=Path("cells.html")),
        scores={"test": {"click": Score(0.5, 0.6, 3, 1, 9, None, None, (0.02, 0.18))}},
        advice=("Try this.",),
    )
    return replace(whole, **changed)


def test_a_person_reads_what_decided_and_what_to_try(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    show(result(), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["0", "-", "0.661", "0.800", "4.2", "kept,", "best", "box"]
    assert lines[2].split()[-2:] == ["best", "click"]
    text = " ".join(lines)
    assert "No epoch raised the mean of click and box IoU" in text
    assert "Try this." in text
    assert "test click 0.500 0.600 +0.100 +0.020 to +0.180 9 clearly better" in " ".join(text.split())
    assert lines[-1] == "report: cells.html"


def test_without_a_test_set_and_report_there_are_no_scores(capsys):
    show(result(scores={}), as_json=False)
    assert "interval" not in capsys.readouterr().out


def test_the_input_size_reaches_the_network(coco, tmp_path, monkeypatch):
    seen = []

    def record(loaded, *_, **__):
        seen.append(loaded.input_size)
        raise SettingsError("this is far enough")

    monkeypatch.setattr(finetune, "fine_tune_with_views", record)
    monkeypatch.setattr(
        sys, "argv", ["samara", "finetune", "--train", str(coco), "--out", str(tmp_path / "o.pth"), "--device", "cpu"]
    )
    for option in ([], ["--input-size", "256"]):
        monkeypatch.setattr(sys, "argv", [*sys.argv, *option])
        with pytest.raises(SystemExit):
            main.run()
    assert seen[1] == 256 != seen[0]


@pytest.fixture
def started(monkeypatch):
    """What runs were started with; none goes on."""
    runs = []

    def record(loaded, sets, out, settings, views, **_):
        runs.append((settings, views))
        raise SettingsError("this is far enough")

    monkeypatch.setattr(finetune, "fine_tune_with_views", record)
    return runs


def test_options_become_settings(coco, tmp_path, monkeypatch, capsys, started):
    data = ["--train", coco, "--images", tmp_path / "images", "--out", tmp_path / "out.pth", "--device", "cpu"]
    run(monkeypatch, capsys, *data)
    changed = {
        "trained": "lora",
        "epochs": 3,
        "learning_rate": 1e-3,
        "weight_decay": 0.1,
        "warmup_steps": 7,
        "objects_per_image": 5,
        "images_per_step": 4,
        "lora_rank": 9,
        "precision": "bfloat16",
        "seed": 11,
        "validation_fraction": 0.4,
        "criterion": "click",
    }
    options = [text for name, value in changed.items() for text in (f"--{name.replace('_', '-')}", value)]
    losses = ["--focal", 0, "--cross-entropy", 2, "--rounds", 1]
    flags = ["--checkpoint-blocks", "--lora-apart", "--ema-decay", 0, "--patience", 0, "--augment", "half"]
    run(monkeypatch, capsys, *data, *options, *flags, *losses)
    plain, other = (settings for settings, _ in started)
    assert plain == FineTuneSettings()
    assert other == FineTuneSettings(
        **changed,
        checkpoint_blocks=True,
        lora_apart=True,
        ema_decay=None,
        patience=None,
        augmentations=("half",),
        losses=LossWeights(focal=0, dice=1, cross_entropy=2),
        simulation=PromptSimulation(rounds=1, rounds_without_points=1),
    )


def test_training_starts_from_a_part_on_its_base(coco, tmp_path, monkeypatch, capsys, started, mini):
    state = mini.sam.state_dict()
    torch.save({name: value for name, value in state.items() if name.startswith("mask_dec")}, tmp_path / "dec.pth")
    data = ["--train", coco, "--images", tmp_path / "images", "--out", tmp_path / "out.pth", "--device", "cpu"]
    data += ["--checkpoint", tmp_path / "dec.pth"]
    code, printed = run(monkeypatch, capsys, *data)
    assert (code, started) == (1, [])
    assert "name that with --base NAME|FILE" in printed.err
    run(monkeypatch, capsys, *data, "--base", "samara_mini")
    assert len(started) == 1


@pytest.mark.parametrize(
    ("library", "options", "extra"),
    [
        ("matplotlib", ["--curve"], "report"),
        ("matplotlib", ["--report", "report.html"], "report"),
        ("jinja2", ["--report", "report.html"], "report"),
        ("tensorboard", ["--tensorboard", "logs"], "tensorboard"),
    ],
)
def test_a_missing_extra_is_said_before_the_images_are_read(tmp_path, monkeypatch, capsys, library, options, extra):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, library, None)
    code, printed = run(monkeypatch, capsys, "--train", "absent.json", "--out", "out.pth", *options)
    assert code == 1
    assert f"needs {library} (extra '{extra}'), which is not installed; pip install 'samara[{extra}]'" in printed.err
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_a_plain_run_goes_on_and_says_what_it_leaves_out(
    coco, tmp_path, monkeypatch, capsys, started
):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    data = ["--train", coco, "--images", tmp_path / "images", "--out", tmp_path / "out.pth", "--device", "cpu"]
    _, printed = run(monkeypatch, capsys, *data)
    assert "pip install 'samara[report]'" in printed.err
    _, printed = run(monkeypatch, capsys, *data, "--no-curve")
    assert "samara[report]" not in printed.err
    assert [views.curve for _, views in started] == [None, None]


def test_a_report_that_is_there_is_kept(coco, tmp_path, monkeypatch, capsys, started):
    (tmp_path / "report.html").write_text("mine")
    data = ["--train", coco, "--images", tmp_path / "images", "--out", tmp_path / "out.pth", "--device", "cpu"]
    code, printed = run(monkeypatch, capsys, *data, "--report", tmp_path / "report.html")
    assert code == 1
    assert "report.html exists" in printed.err
    assert not started
    run(monkeypatch, capsys, *data, "--report", tmp_path / "report.html", "--overwrite")
    assert started


def test_augmentations():
    assert read_augmentations(None) == ("flip",)
    assert read_augmentations(["none"]) == ()
    assert read_augmentations(["half", "rotate90"]) == ("half", "rotate90")
    with pytest.raises(SettingsError, match="use flip, rotate90"):
        read_augmentations(["shear"])
