"""Images to overlays and annotations: names, failures, somebody else's files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

import samara
from samara.datasets.reading.coco import read_coco
from samara.errors import OutputError, SettingsError
from samara.masks.mask_set import MaskSet
from samara.masks.rle import encode_mask
from samara.segmentation.prompts import Prompt
from samara.segmentation.results import Saving
from samara.segmentation.segment_files import segment_files
from samara.system.files import write_atomically

FEW = samara.AutomaticSettings(points_per_side=3, pred_iou_thresh=0.0, stability_score_thresh=0.0)


@pytest.fixture(scope="module")
def mini(small_mini):
    return small_mini


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    paths = []
    for name, shape in {"a.png": (30, 50), "b.jpg": (64, 20)}.items():
        paths.append(tmp_path / name)
        Image.fromarray(rng.integers(0, 256, (*shape, 3), dtype=np.uint8)).save(paths[-1])
    return paths


def written(out):
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())


def test_everything(mini, images, tmp_path, capsys):
    told = []
    out = tmp_path / "out" / "deep"
    outcome = segment_files(images, mini, Saving(out=out), settings=FEW, progress=lambda *steps: told.append(steps))
    assert written(out) == ["annotations.json", "overlays/a.png", "overlays/b.png"]
    assert np.asarray(Image.open(out / "overlays" / "b.png")).shape == (64, 20, 3)
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
def test_prompts(mini, images, tmp_path, prompts, answer, masks):
    outcome = segment_files(images, mini, Saving(out=tmp_path / "out"), prompts=prompts, answer=answer)
    assert [len(one.masks) for one in outcome.done] == [masks, masks]
    info = json.loads(outcome.annotations.read_text())["info"]
    assert len(info["prompts"]) == len(prompts)


def test_the_best_of_three_is_for_ambiguous_prompts_alone_whatever_else_is_asked(mini, images, tmp_path):
    click, box = Prompt([5, 5]), Prompt(box=[1, 1, 15, 20])
    (done,) = segment_files(images[:1], mini, Saving(out=tmp_path / "out"), prompts=[box, click]).done
    predictor = samara.Predictor(mini)
    embedding = predictor.embed(images[0])
    by_box = predictor.predict_prompts(embedding, [box], multimask=False)
    by_click = predictor.predict_prompts(embedding, [click], multimask=True).best()
    assert done.masks.rles == (*by_box.rles, *by_click.rles)


def test_an_image_that_fails_is_told_and_the_rest_goes_on(mini, images, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 not a jpeg")
    outcome = segment_files(
        [images[0], broken, tmp_path / "absent.jpg", images[1]],
        mini,
        Saving(out=tmp_path / "out"),
        prompts=[Prompt([5, 5])],
    )
    assert [one.path for one in outcome.done] == images
    assert [one.path.name for one in outcome.failed] == ["broken.jpg", "absent.jpg"]
    assert all(one.path.name in one.reason for one in outcome.failed)
    assert len(json.loads(outcome.annotations.read_text())["images"]) == 2


def test_a_prompt_outside_one_image_fails_that_image(mini, images, tmp_path):
    outcome = segment_files(images, mini, Saving(out=tmp_path / "out"), prompts=[Prompt([40, 10])])
    assert [one.path.name for one in outcome.done] == ["a.png"]
    assert "20 wide and 64 high" in outcome.failed[0].reason


def test_a_second_run_replaces_our_files_only(mini, images, tmp_path):
    out = tmp_path / "out"
    for _ in range(2):
        segment_files(images, mini, Saving(out=out), prompts=[Prompt([5, 5])])
    theirs = out / "annotations.json"
    theirs.write_text('{"info": {"contributor": "COCO"}}')
    with pytest.raises(OutputError, match="was not written by samara"):
        segment_files(images, mini, Saving(out=out), prompts=[Prompt([5, 5])])
    assert "COCO" in theirs.read_text()
    segment_files(images, mini, Saving(out=out, overwrite=True), prompts=[Prompt([5, 5])])
    assert "COCO" not in theirs.read_text()


def test_no_image_and_no_folder(mini, images, tmp_path):
    with pytest.raises(SettingsError, match="no image"):
        segment_files([], mini, Saving(out=tmp_path))
    with pytest.raises(OutputError, match="cannot be used as a folder"):
        segment_files(images, mini, Saving(out=images[0]))


CLICK = [Prompt([5, 5])]


@pytest.fixture
def quick(monkeypatch):
    """One mask of each image, without a network: what becomes of it is in question."""

    def segment(image, segmenter, prompts, answer, tell):
        if tell is not None:
            tell("prompts", 1, 1)
        whole = (encode_mask(np.ones(image.shape[:2], bool)),)
        return MaskSet(
            rles=whole,
            size_hw=image.shape[:2],
            checkpoint="none",
            predicted_iou=np.ones(1),
            prompt_index=np.zeros(1, int),
        )

    monkeypatch.setattr("samara.segmentation.segment_files._segment", segment)


def names(outcome):
    return [row["file_name"] for row in json.loads(outcome.annotations.read_text())["images"]]


def test_calls_add_to_the_folder(mini, quick, images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out"
    for image in (*images, images[0]):
        outcome = segment_files([image], mini, Saving(out=out), prompts=CLICK)
    assert names(outcome) == ["a.png", "b.jpg"]
    rows = json.loads(outcome.annotations.read_text())["annotations"]
    assert [(row["id"], row["image_id"]) for row in rows] == [(2, 2), (1, 1)]
    assert written(out) == ["annotations.json", "overlays/a.png", "overlays/b.png"]
    assert [one.name for one in read_coco(outcome.annotations, tmp_path)] == ["a.png", "b.jpg"]


def test_nothing_is_written_when_nothing_succeeded(mini, quick, images, tmp_path):
    out = tmp_path / "deep" / "out"
    outcome = segment_files([tmp_path / "nosuch.jpg"], mini, Saving(out=out), prompts=CLICK)
    assert len(outcome.failed) == 1
    assert not (tmp_path / "deep").exists()
    segment_files(images, mini, Saving(out=out), prompts=CLICK)
    before = (out / "annotations.json").read_bytes()
    segment_files([tmp_path / "nosuch.jpg"], mini, Saving(out=out), prompts=CLICK)
    assert (out / "annotations.json").read_bytes() == before


def test_what_was_done_is_kept_when_the_work_ends_early(mini, quick, images, tmp_path, monkeypatch):
    out = tmp_path / "out"

    def interrupted(name, *_):
        if name == "b.jpg":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segment_files(images, mini, Saving(out=out), prompts=CLICK, progress=interrupted)
    assert len(json.loads((out / "annotations.json").read_text())["images"]) == 1

    def full(path, data):
        if path.name == "a.png":
            raise OutputError(f"{path} cannot be written: No space left on device")
        write_atomically(path, data)

    monkeypatch.setattr("samara.segmentation.results.write_atomically", full)
    with pytest.raises(OutputError, match="No space left"):
        segment_files(images[::-1], mini, Saving(out=out), prompts=CLICK)
    assert len(json.loads((out / "annotations.json").read_text())["images"]) == 2


def test_a_file_that_cannot_be_added_to_is_refused_before_the_work(mini, quick, images, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "annotations.json").write_text("[]")
    told = []
    with pytest.raises(OutputError, match="`overwrite=True`"):
        segment_files(images, mini, Saving(out=out), prompts=CLICK, progress=lambda *steps: told.append(steps))
    assert not told
    assert [path.name for path in out.iterdir()] == ["annotations.json"]


def test_an_image_is_taken_once_however_it_is_called(mini, quick, images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.png").symlink_to("a.png")
    spellings = [Path("a.png"), Path("./a.png"), tmp_path / "a.png", Path("link.png"), Path("out/../a.png")]
    outcome = segment_files(spellings, mini, Saving(out=tmp_path / "out"), prompts=CLICK)
    assert [one.path for one in outcome.done] == [Path("a.png")]
