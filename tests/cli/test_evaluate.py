"""`samara evaluate`: options, table, JSON, refusals."""

from __future__ import annotations

import json
import sys

import pytest

from samara.cli import main
from samara.errors import SettingsError
from samara.measurement.evaluation import evaluate as quality
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.measurement.records.metrics import MEASURES
from tests.datasets import written_by
from tests.measurement.evaluation.conftest import write_coco

pytestmark = pytest.mark.usefixtures("small_inputs")


@pytest.fixture(autouse=True)
def _remembered_apart(monkeypatch, tmp_path):
    monkeypatch.setenv("SAMARA_HOME", str(tmp_path / "samara"))


@pytest.fixture
def coco(tmp_path):
    return write_coco(tmp_path)


def run(monkeypatch, capsys, coco, *arguments):
    data = ["--ground-truth", coco, "--images", coco.parent / "images", "--device", "cpu", "--precision", "float32"]
    monkeypatch.setattr(sys, "argv", ["samara", "evaluate", *map(str, [*data, *arguments])])
    with pytest.raises(SystemExit) as exit_:
        main.run()
    return exit_.value.code, capsys.readouterr()


FEW = ["--objects", 1, "--limit", 1, "--measure", "box", "--measure", "centre_click", "--failures", 1]


def test_a_table_of_means_and_a_folder(coco, tmp_path, monkeypatch, capsys):
    code, printed = run(monkeypatch, capsys, coco, *FEW, "--out", tmp_path / "out", "--domain", "drawn")
    assert code == 0, printed.err
    assert "box, IoU" in printed.out
    assert "samara_mini, float32 on cpu" in printed.out
    assert "page, tables, charts and 4 images in" in printed.out.replace("\n", " ")
    assert (tmp_path / "out" / "records.jsonl").read_text().count("\n") == 12
    folder = tmp_path / "out" / "samara_mini-drawn"
    assert len(list(folder.glob("worst/*.png"))) == len(list(folder.glob("best/*.png"))) == 2
    assert (folder / "evaluation.html").is_file()


def test_json_holds_records_and_failures(coco, monkeypatch, capsys):
    code, printed = run(monkeypatch, capsys, coco, *FEW, "--json")
    assert code == 0, printed.err
    report = json.loads(printed.out)
    assert {one["metric"] for one in report["records"]} == {
        "box_iou",
        "box_boundary_iou",
        "centre_click_iou",
        "centre_click_boundary_iou",
    }
    assert [one["measure"] for one in report["failures"]] == ["centre_click", "box"]
    assert report["failures"][0]["image"] is None


def test_one_source_is_shown_once(tmp_path, monkeypatch, capsys):
    code, printed = run(monkeypatch, capsys, write_coco(tmp_path, (None,)), *FEW)
    assert code == 0
    assert printed.out.count("box, IoU") == 1


@pytest.fixture
def started(monkeypatch):
    """What runs were started with; none goes on."""
    runs = []

    def record(*arguments, **options):
        runs.append((arguments, options))
        raise SettingsError("this is far enough")

    monkeypatch.setattr(quality, "evaluate", record)
    return runs


def test_options_become_settings(coco, monkeypatch, capsys, started):
    run(monkeypatch, capsys, coco)
    changed = ["--objects", 0, "--everything", 0, "--points-per-side", 16, "--seed", 5, "--measure", "everything"]
    run(monkeypatch, capsys, coco, *changed, "--checkpoint", "vit_b", "--base", "vit_l", "--lora", "a.pth")
    (_, options), (_, others) = started
    assert options["settings"] == EvaluationSettings()
    assert EvaluationSettings().measures == MEASURES
    assert options["checkpoint"] == "samara_mini"
    assert others["checkpoint"] == "vit_b"
    assert (options["base"], options["lora"]) == (None, None)
    assert (others["base"], str(others["lora"])) == ("vit_l", "a.pth")
    assert others["settings"] == EvaluationSettings(
        objects=None, everything_images=None, points_per_side=16, seed=5, measures=("everything",)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--measure", "beauty"], "--measure 'beauty' is not known; use centre_click"),
        (["--checkpoint", "vit_x"], "did you mean"),
        (["--images", "nowhere"], "is not a folder"),
    ],
)
def test_refusals_are_one_sentence(coco, monkeypatch, capsys, arguments, message):
    code, printed = run(monkeypatch, capsys, coco, *arguments)
    assert code == 1
    assert message in printed.err
    assert printed.err.count("\n") == 1


def test_a_yolo_data_set_needs_no_folder_and_what_is_left_out_is_told(tmp_path, monkeypatch, capsys):
    path = written_by.ultralytics(tmp_path)
    label = tmp_path / "coco8-seg" / "labels" / "val2017" / "val.txt"
    label.write_text(label.read_text() + "0 0.5 0.5 0.1 0.1\n")
    asked = ["samara", "evaluate", "--ground-truth", path, "--measure", "box", "--device", "cpu"]
    for more, code in (([], 1), (["--skip-bad-annotations"], 0)):
        monkeypatch.setattr(sys, "argv", [str(part) for part in [*asked, *more]])
        with pytest.raises(SystemExit) as exit_:
            main.run()
        printed = capsys.readouterr()
        assert exit_.value.code == code, printed.err
    assert "1 bad entries were left out; the first: Line 2" in printed.err
    assert "1 of 2 images are its part val" in printed.err
    assert "box, IoU" in printed.out


def test_cvats_masks_and_unknown_choices(tmp_path, monkeypatch, capsys):
    where = ["--ground-truth", written_by.cvat(tmp_path), "--images", tmp_path / "images" / "default"]
    for more, sentence in (
        ([], "--crowds objects"),
        (["--crowds", "some"], "use ignore or objects"),
        (["--part", "half"], "use train, val, test, all"),
        (["--part", "val"], "none: it is not divided"),
    ):
        monkeypatch.setattr(sys, "argv", [str(part) for part in ["samara", "evaluate", *where, *more]])
        with pytest.raises(SystemExit) as exit_:
            main.run()
        assert exit_.value.code == 1
        assert sentence in capsys.readouterr().err
