"""Pictures to overlays and annotations: names, failures, somebody else's files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

import samara
from samara.errors import OutputError, SettingsError
from samara.prompts import Prompt
from samara.segment import overlay_paths, segment_files

FEW = samara.AutomaticSettings(points_per_side=3, pred_iou_thresh=0.0, stability_score_thresh=0.0)


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    paths = []
    for name, shape in {"a.png": (30, 50), "b.jpg": (64, 20)}.items():
        paths.append(tmp_path / name)
        Image.fromarray(rng.integers(0, 256, (*shape, 3), dtype=np.uint8)).save(paths[-1])
    return paths


def test_everything(mini, pictures, tmp_path, capsys):
    told = []
    out = tmp_path / "out" / "deep"
    outcome = segment_files(pictures, mini, out, settings=FEW, progress=lambda *steps: told.append(steps))
    assert sorted(path.name for path in out.iterdir()) == ["a.png.png", "annotations.json", "b.jpg.png"]
    assert np.asarray(Image.open(out / "b.jpg.png")).shape == (64, 20, 3)
    coco = COCO(str(outcome.annotations))
    assert len(coco.anns) == sum(len(one.masks) for one in outcome.done) > 0
    info = json.loads(outcome.annotations.read_text())["info"]
    assert info["checkpoint"] == "samara_mini"
    assert info["settings"]["points_per_side"] == 3
    assert info["licence_of_weights"] == "Apache-2.0"
    assert {name for name, _, _ in told} == {"a.png", "b.jpg"}
    assert told[-1][1:] == (9, 9)


@pytest.mark.parametrize(
    ("prompts", "answer", "masks"),
    [
        ([Prompt([5, 5])], "best", 1),
        ([Prompt([5, 5])], "three", 3),
        ([Prompt([5, 5])], "one", 1),
        ([Prompt(box=[1, 1, 15, 20]), Prompt(box=[2, 2, 9, 9])], "best", 2),
        ([Prompt(box=[1, 1, 15, 20]), Prompt([3, 3])], "three", 6),
    ],
)
def test_prompts(mini, pictures, tmp_path, prompts, answer, masks):
    outcome = segment_files(pictures, mini, tmp_path / "out", prompts=prompts, answer=answer)
    assert [len(one.masks) for one in outcome.done] == [masks, masks]
    info = json.loads(outcome.annotations.read_text())["info"]
    assert len(info["prompts"]) == len(prompts)


def test_a_picture_that_fails_is_told_and_the_rest_goes_on(mini, pictures, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 not a jpeg")
    outcome = segment_files(
        [pictures[0], broken, tmp_path / "absent.jpg", pictures[1]],
        mini,
        tmp_path / "out",
        prompts=[Prompt([5, 5])],
    )
    assert [one.path for one in outcome.done] == pictures
    assert [one.path.name for one in outcome.failed] == ["broken.jpg", "absent.jpg"]
    assert all(one.path.name in one.reason for one in outcome.failed)
    assert len(json.loads(outcome.annotations.read_text())["images"]) == 2


def test_a_prompt_outside_one_picture_fails_that_picture(mini, pictures, tmp_path):
    outcome = segment_files(pictures, mini, tmp_path / "out", prompts=[Prompt([40, 10])])
    assert [one.path.name for one in outcome.done] == ["a.png"]
    assert "20 wide and 64 high" in outcome.failed[0].reason


def test_a_second_run_replaces_our_files_only(mini, pictures, tmp_path):
    out = tmp_path / "out"
    for _ in range(2):
        segment_files(pictures, mini, out, prompts=[Prompt([5, 5])])
    theirs = out / "annotations.json"
    theirs.write_text('{"info": {"contributor": "COCO"}}')
    with pytest.raises(OutputError, match="was not written by samara"):
        segment_files(pictures, mini, out, prompts=[Prompt([5, 5])])
    assert "COCO" in theirs.read_text()
    segment_files(pictures, mini, out, prompts=[Prompt([5, 5])], overwrite=True)
    assert "COCO" not in theirs.read_text()


def test_no_picture_and_no_folder(mini, pictures, tmp_path):
    with pytest.raises(SettingsError, match="no picture"):
        segment_files([], mini, tmp_path)
    with pytest.raises(OutputError, match="cannot be used as output folder"):
        segment_files(pictures, mini, pictures[0])


def test_pictures_of_one_name_do_not_overwrite_each_other(tmp_path):
    from pathlib import Path

    paths = [Path("x/a.jpg"), Path("y/a.jpg"), Path("a.png"), Path("z/a.jpg")]
    assert [path.name for path in overlay_paths(paths, tmp_path)] == [
        "a.jpg.png",
        "a.jpg-2.png",
        "a.png.png",
        "a.jpg-3.png",
    ]
