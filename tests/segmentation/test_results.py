"""The folder of results: what is written, under which names and numbers, and what is kept."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from PIL import Image

from samara.errors import OutputError
from samara.images.paths import Given
from samara.masks.mask_set import MaskSet
from samara.masks.rle import encode_mask
from samara.segmentation.file_settings import SAVED
from samara.segmentation.prompts import Prompt
from samara.segmentation.results import Results, Saving

GREY = np.full((40, 50, 3), 100, np.uint8)


def masks_of(count):
    """Bars of different heights."""
    bars = np.zeros((count, 40, 50), bool)
    for number in range(count):
        bars[number, : number + 3, number * 3 : number * 3 + 3] = True
    return MaskSet(
        rles=tuple(map(encode_mask, bars)),
        size_hw=(40, 50),
        checkpoint="none",
        predicted_iou=np.linspace(0.9, 0.5, count),
        prompt_index=np.zeros(count, int),
    )


def write(out, images, count=2, **how):
    """Write results of images, each with a number of masks, in one call."""
    answer = how.pop("answer", "best")
    prompts = [Prompt([5, 5])] if answer == "three" else []
    given = Given.of(map(str, images))
    results = Results(Saving(out=out, **how), given, {"checkpoint": "none"}, prompts=prompts, answer=answer)
    for image in images:
        results.add(image, GREY, masks_of(count))
    results.finish()
    return results


def written(out):
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())


def read(path):
    return np.asarray(Image.open(path))


@pytest.fixture
def images(tmp_path):
    paths = [tmp_path / "photos" / name for name in ("a.jpg", "b.jpg")]
    paths[0].parent.mkdir()
    for path in paths:
        Image.fromarray(GREY).save(path)
    return paths


def test_every_kind_of_file(images, tmp_path):
    out = tmp_path / "out"
    results = write(out, images, kinds=SAVED)
    per_mask = [f"{kind}/{place}.png" for kind in ("cutouts", "masks") for place in ("a/1", "a/2", "b/3", "b/4")]
    others = [f"{kind}/{name}.png" for kind in ("labels", "overlays") for name in ("a", "b")]
    assert written(out) == sorted(["annotations.json", "contact-sheet.jpg", *per_mask, *others])
    assert [done.ids for done in results.done] == [(1, 2), (3, 4)]
    np.testing.assert_array_equal(read(out / "masks/b/4.png"), 255 * masks_of(2).mask(1))
    assert read(out / "labels/b.png").max() == 2
    assert read(out / "cutouts/b/4.png").shape == (4, 3, 4)
    rows = json.loads((out / "annotations.json").read_text())
    assert [row["id"] for row in rows["annotations"]] == [1, 2, 3, 4]
    assert [row["results"] for row in rows["images"]] == ["a", "b"]


def test_the_numbers_in_the_overlay_are_annotation_ids(images, tmp_path):
    for image in images:  # two calls
        write(tmp_path / "both", [image], count=1)
    write(tmp_path / "one", images[1:], count=1)
    of_id_2, of_id_1 = (read(tmp_path / out / "overlays" / "b.png") for out in ("both", "one"))
    assert (of_id_2 != of_id_1).any()


def test_without_annotations_numbers_begin_at_1(images, tmp_path):
    results = write(tmp_path / "out", images, kinds=["masks"])
    assert [done.ids for done in results.done] == [(1, 2), (1, 2)]
    assert written(tmp_path / "out") == ["masks/a/1.png", "masks/a/2.png", "masks/b/1.png", "masks/b/2.png"]


def test_an_image_again_has_its_old_name_and_no_masks_of_before(images, tmp_path):
    out = tmp_path / "out"
    write(out, images, count=4, kinds=["json", "masks"])
    (out / "masks" / "a" / "mine.txt").touch()
    write(out, images[:1], count=1, kinds=["json", "masks"])
    assert written(out / "masks" / "a") == ["1.png", "mine.txt"]
    assert len(written(out / "masks" / "b")) == 4


def test_files_of_masks_that_were_replaced_are_told(images, tmp_path):
    out = tmp_path / "out"
    assert write(out, images, kinds=["json", "masks", "labels"]).outdated == []
    again = write(out, images[:1])
    assert again.outdated == [out / "masks" / "a", out / "labels" / "a.png"]
    assert write(out, images[:1], kinds=["json", "masks", "labels", "overlay"]).outdated == []


def test_images_of_one_name_have_results_of_their_own(images, tmp_path):
    out, other = tmp_path / "out", tmp_path / "other" / "a.jpg"
    other.parent.mkdir()
    Image.fromarray(GREY).save(other)
    neighbour = images[0].with_suffix(".png")
    Image.fromarray(GREY).save(neighbour)
    for _ in range(2):
        for image in (images[0], other, neighbour):
            write(out, [image])
    assert written(out / "overlays") == ["a.png", "a.png.png", "other/a.png"]
    write(tmp_path / "together", [images[0], other])
    assert written(tmp_path / "together" / "overlays") == ["other/a.png", "photos/a.png"]


def test_files_of_others_are_kept(images, tmp_path):
    out = tmp_path / "out"
    (out / "overlays").mkdir(parents=True)
    (out / "overlays" / "a.png").write_bytes(b"mine")
    write(out, images[:1])
    assert (out / "overlays" / "a.png").read_bytes() == b"mine"
    assert written(out / "overlays") == ["a.png", "photos/a.png"]
    write(tmp_path / "out", images[:1], overwrite=True)
    assert read(out / "overlays" / "a.png").shape == (40, 50, 3)


def test_an_image_of_the_call_is_never_replaced(tmp_path):
    image = tmp_path / "out" / "overlays" / "a.png"
    image.parent.mkdir(parents=True)
    Image.fromarray(GREY).save(image)
    before = image.read_bytes()
    write(tmp_path / "out", [image], overwrite=True)
    assert image.read_bytes() == before
    assert len(written(tmp_path / "out" / "overlays")) == 2


def test_overwriting_starts_anew_once(images, tmp_path):
    out = tmp_path / "out"
    write(out, images)
    results = Results(Saving(out=out, overwrite=True), Given.of(map(str, images)), {})
    for image in images:
        results.add(image, GREY, masks_of(1))
        results.save()
    assert [row["file_name"] for row in json.loads((out / "annotations.json").read_text())["images"]] == [
        "a.jpg",
        "b.jpg",
    ]


def test_a_file_that_cannot_be_written_loses_no_annotation(images, tmp_path, monkeypatch):
    out = tmp_path / "out"
    write(out, images[:1])

    def full(path, data):
        raise OutputError(f"{path} cannot be written: No space left on device")

    monkeypatch.setattr("samara.segmentation.results.write_atomically", full)
    with pytest.raises(OutputError, match="No space left"):
        write(out, images[1:])
    assert len(json.loads((out / "annotations.json").read_text())["images"]) == 2


def test_many_images_are_written_together(images, tmp_path, monkeypatch):
    """When writing is slow beside the work, images wait, and none is lost."""
    results = Results(Saving(out=tmp_path / "out"), Given.of(map(str, images)), {})
    results._cost = 1e9
    for image in images:
        results.add(image, GREY, masks_of(1))
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr("samara.segmentation.results._WAITING_PIXELS", 1)
    results.add(images[0], GREY, masks_of(1))
    assert len(results.done) == 3
    assert written(tmp_path / "out" / "overlays") == ["a.png", "b.png"]


def test_three_answers_are_drawn_side_by_side(images, tmp_path):
    write(tmp_path / "out", images[:1], count=3, answer="three")
    assert read(tmp_path / "out" / "overlays" / "a.png").shape[1] == 3 * 50 + 2 * 8


def test_names_that_are_relative_paths(images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out"
    relative = [type(image)(os.path.relpath(image)) for image in images]
    write(out, relative)
    assert written(out / "overlays") == ["a.png", "b.png"]
    assert [row["file_name"] for row in json.loads((out / "annotations.json").read_text())["images"]] == [
        "photos/a.jpg",
        "photos/b.jpg",
    ]
