"""What all writers promise: complete or not at all, nothing of others' replaced, losses counted. For every format."""

from __future__ import annotations

import gc
import os
import tracemalloc
import weakref

import numpy as np
import pytest

from samara.datasets.formats import WRITERS
from samara.datasets.writing.options import WriterOptions
from samara.datasets.writing.staged_writer import LossMeter
from samara.errors import DatasetError, OutputError, SettingsError
from samara.masks.mask_set import MaskSet
from samara.masks.rle import encode_mask, place
from tests.datasets.awkward import EMPTY, HOLE, PARTS, annotated, awkward_images
from tests.masks.test_mask_set import rectangle

IMAGES = awkward_images()


@pytest.fixture(params=WRITERS)
def row(request):
    return WRITERS[request.param]


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def write(row, out, images=IMAGES, **options):
    with row.open(out, WriterOptions(**options)) as writer:
        for image in images:
            writer.add(image)
    return writer


def test_nothing_stands_there_before_the_end(row, tmp_path):
    writer = row.open(tmp_path / "new" / "folder")
    writer.add(IMAGES[0])
    assert not writer.target.exists()
    writer.close()
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == [row.target]
    before = tree(tmp_path)
    writer.close()
    writer.discard()
    assert tree(tmp_path) == before
    with pytest.raises(OutputError, match="is closed"):
        writer.add(IMAGES[0])


def test_an_error_leaves_nothing(row, tmp_path):
    def begin_and_fail():
        with row.open(tmp_path) as writer:
            writer.add(IMAGES[0])
            raise KeyError

    with pytest.raises(KeyError):
        begin_and_fail()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_leaves_the_old(row, tmp_path, monkeypatch):
    write(row, tmp_path)
    before = tree(tmp_path)

    def full(*_args, **_more):
        raise OSError(28, "No space left on device")

    writer = row.open(tmp_path, WriterOptions(overwrite=True))
    writer.add(IMAGES[1])
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match="cannot be written: No space left on device"):
        writer.close()
    assert tree(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == [row.target]


def test_the_same_images_give_the_same_bytes(row, tmp_path):
    write(row, tmp_path / "a")
    write(row, tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_what_is_there_is_refused_or_replaced(row, tmp_path):
    write(row, tmp_path)
    with pytest.raises(OutputError, match="exists; choose another path"):
        row.open(tmp_path)
    old = tree(tmp_path)
    write(row, tmp_path, IMAGES[:1], overwrite=True, info={"checkpoint": "second"})
    new = tree(tmp_path)
    assert new != old
    write(row, tmp_path / "fresh", IMAGES[:1], info={"checkpoint": "second"})
    assert tree(tmp_path / "fresh") == new  # nothing of the old has stayed


def test_folders_of_others_are_never_replaced(row, tmp_path):
    target = tmp_path / row.target
    if target.suffix:
        target.mkdir()
        expected = "is a folder"
    else:
        target.mkdir()
        (target / "holiday.jpg").write_text("precious")
        expected = "samara did not write"
    with pytest.raises(OutputError, match=expected):
        row.open(tmp_path, WriterOptions(overwrite=True))
    assert [path.name for path in tmp_path.iterdir()] == [row.target]


def test_somebody_else_was_faster(row, tmp_path):
    writer = row.open(tmp_path)
    writer.add(IMAGES[0])
    (tmp_path / row.target).write_text("theirs")
    with pytest.raises(OutputError, match="exists"):
        writer.close()
    assert tree(tmp_path) == {row.target: b"theirs"}


def test_a_place_that_cannot_be(row, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        row.open(tmp_path / "file")


def test_all_masks_are_counted(row, tmp_path):
    losses = write(row, tmp_path).losses
    assert losses.masks == sum(len(image.masks) for image in IMAGES)
    assert 0 <= losses.worst_iou <= losses.mean_iou <= 1
    assert (losses.changed == 0) == ("lossless" in row.summary or "exact" in row.summary)


def many(images, masks_each):
    """Images of many small masks, made as they are asked for."""
    generator = np.random.default_rng(0)
    small = [encode_mask(rectangle(0, 0, 3 + k, 5, (8, 8))) for k in range(5)]
    corners = generator.integers(0, 120, (500, 2)).tolist()
    pool = [place(small[k % 5], 128, 128, x, y) for k, (x, y) in enumerate(corners)]
    for number in range(1, images + 1):
        masks = MaskSet(
            rles=tuple(pool[k] for k in generator.integers(0, 500, masks_each)),
            size_hw=(128, 128),
            checkpoint="x",
            predicted_iou=generator.random(masks_each),
            prompt_index=np.arange(masks_each),
        )
        yield annotated_as(masks, number)


def annotated_as(masks, number):
    image = annotated([], f"{number // 100}/{number}.jpg", number)
    object.__setattr__(image, "masks", masks)
    return image


def peak_bytes(row, out, images, masks_each):
    with row.open(out) as writer:
        tracemalloc.start()
        for image in many(images, masks_each):
            writer.add(image)
        writer.close()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


def test_no_image_is_kept(row, tmp_path):
    kept = []
    with row.open(tmp_path) as writer:
        for image in many(5, 3):
            writer.add(image)
            kept += [weakref.ref(image), weakref.ref(image.masks)]
        del image
        gc.collect()
        assert all(reference() is None for reference in kept)


def test_memory_does_not_grow_with_the_images(tmp_path):
    coco = WRITERS["coco"]
    few, more = peak_bytes(coco, tmp_path / "few", 5, 20), peak_bytes(coco, tmp_path / "more", 25, 20)
    assert more < few + 40_000  # 400 masks more, of which not even 100 bytes each are kept


@pytest.mark.slow
@pytest.mark.parametrize("name", ["coco", "yolo", "geojson"])
def test_memory_stays_small_over_two_thousand_images(name, tmp_path):
    # 75 bytes for a mask would be too many; more masks say no more, and tracemalloc takes 4 ms for each.
    assert peak_bytes(WRITERS[name], tmp_path, 2000, 10) < 1_500_000


def test_losses_add_up():
    meter = LossMeter()
    assert (meter.losses.mean_iou, meter.losses.worst) == (1.0, None)
    image = annotated([HOLE, PARTS, EMPTY], "x.png")
    meter.add(image, 0, 1.0)
    meter.add(image, 1, 0.5)
    meter.add(image, 2, 1.0, left_out=True)
    losses = meter.losses
    assert (losses.masks, losses.changed, losses.left_out) == (3, 2, 1)
    assert (losses.mean_iou, losses.worst_iou, losses.worst) == (0.75, 0.5, "x.png, mask 1")


def test_options_are_checked():
    with pytest.raises(SettingsError, match="images='symlink' is not accepted"):
        WriterOptions(images="symlink")
    with pytest.raises(SettingsError, match="has a name twice"):
        WriterOptions(categories=("cat", "cat"))
    with pytest.raises(SettingsError, match=r"addresses such as 'https://host/photosa.jpg'; end it with / or ="):
        WriterOptions(image_url_prefix="https://host/photos")
    for prefix in ("", "s3://bucket/", "/data/local-files/?d=", "https://host/?path=a%2F"):
        assert WriterOptions(image_url_prefix=prefix).image_url_prefix == prefix
    with pytest.raises(DatasetError, match="The list of categories has the category ''"):
        WriterOptions(categories=("",))
