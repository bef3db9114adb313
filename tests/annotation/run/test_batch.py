"""Batches: their bounds, one pass for several images, and each alone where that fails."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from samara.annotation.inputs.decoded import DecodedImage
from samara.annotation.inputs.prefetch import Fetched
from samara.annotation.run import batch
from samara.annotation.run.annotator import make_annotator
from samara.annotation.run.batch import annotate_batch, annotate_image, batches_of
from samara.annotation.run.settings import AnnotationSettings, Cleaning
from samara.annotation.run.spent import Clock
from samara.annotation.store.plan import Asked, PlannedImage
from samara.errors import AnnotationStopped, SettingsError
from samara.segmentation.automatic.settings import AutomaticSettings

FEW = AutomaticSettings(points_per_side=2, pred_iou_thresh=0.0, stability_score_thresh=0.0)
BOX = Asked(box=(5.0, 5.0, 30.0, 30.0))


def image_of(image_id, size_hw=(40, 60), asked=()):
    pixels = np.random.default_rng(image_id).integers(0, 256, (*size_hw, 3), dtype=np.uint8)
    return Fetched(PlannedImage(image_id, f"{image_id}.png", None, tuple(asked)), None, DecodedImage(pixels))


def readied(annotator, images):
    return [
        one if one.image is None else replace(one, ready=annotator.ready(one.image, one.entry.asked)) for one in images
    ]


def ids(batches):
    return [[image.entry.image_id for image in one] for one in batches]


def test_batches_are_blocks_of_ids_wherever_a_run_begins():
    whole = [image_of(number) for number in range(1, 12)]
    assert ids(batches_of(whole, 4)) == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11]]
    assert ids(batches_of(whole[4:], 4)) == ids(batches_of(whole, 4))[1:]
    assert ids(batches_of([whole[1], whole[5], whole[8]], 4)) == [[2], [6], [9]]
    assert ids(batches_of(whole[:3], 1)) == [[1], [2], [3]]
    assert ids(batches_of([], 4)) == []


def test_a_full_batch_does_not_wait_for_the_next_image():
    def images():
        yield from (image_of(1), image_of(2))
        raise AssertionError("a third image was asked for")

    assert ids([next(batches_of(images(), 2))]) == [[1, 2]]


def test_large_images_part_a_batch(monkeypatch):
    monkeypatch.setattr(batch, "MAX_PIXELS_TOGETHER", 2 * 40 * 60)
    images = [image_of(1), image_of(2), image_of(3), image_of(4, (400, 600)), image_of(5), image_of(6)]
    assert ids(batches_of(images, 8)) == [[1, 2], [3], [4], [5, 6]]


@pytest.fixture
def everything(small_mini):
    return make_annotator(small_mini, AnnotationSettings(automatic=FEW), batch=4)


@pytest.fixture
def prompted(small_mini):
    return make_annotator(small_mini, AnnotationSettings(asking="prompts", cleaning=Cleaning(min_area=1)), batch=4)


def counted(monkeypatch, engine, name):
    """The sizes of the engine's calls."""
    sizes, call = [], getattr(engine, name)
    monkeypatch.setattr(engine, name, lambda *a, **k: sizes.append(len(a[-1])) or call(*a, **k))
    return sizes


def similar(one, other):
    (row, masks, is_fault), (expected_row, expected, _) = one, other
    assert not is_fault
    assert replace(row, seconds=0) == replace(expected_row, seconds=0)
    areas, wanted = (table.column("area").to_numpy() for table in (masks, expected))
    np.testing.assert_allclose(areas, wanted, rtol=0.01, atol=2)  # a batch of another size rounds differently


def test_images_of_any_size_share_a_pass_of_the_encoder(everything, monkeypatch):
    images = readied(everything, [image_of(1), image_of(2, (60, 40)), image_of(3, (200, 90))])
    alone = [annotate_image(everything, image) for image in images]
    encoded = counted(monkeypatch, everything.segmenter.predictor.engine, "encode")
    together = annotate_batch(everything, images, Clock())
    assert encoded == [3]
    for one, expected in zip(together, alone, strict=True):
        similar(one, expected)


def test_prompts_of_several_images_share_a_pass_of_the_decoder(prompted, monkeypatch):
    images = readied(prompted, [image_of(1, asked=[BOX] * 2), image_of(2), image_of(3, (90, 90), [BOX])])
    alone = [annotate_image(prompted, image) for image in images]
    engine = prompted.segmenter.predictor.engine
    encoded, decoded = counted(monkeypatch, engine, "encode"), counted(monkeypatch, engine, "decode")
    together = annotate_batch(prompted, images, Clock())
    # Of the second nothing is asked; the decoder runs for the masks, and again to compare the answers.
    assert (encoded, decoded) == ([2], [3, 3])
    assert [row.masks for row, _, _ in together] == [2, 0, 1]
    for one, expected in zip(together, alone, strict=True):
        similar(one, expected)


def test_a_prompt_outside_quarantines_its_image_alone(prompted):
    outside = Asked(box=(500.0, 5.0, 600.0, 30.0))
    images = readied(prompted, [image_of(1, asked=[BOX]), image_of(2, asked=[outside]), image_of(3, asked=[BOX])])
    rows = [row for row, _, _ in annotate_batch(prompted, images, Clock())]
    assert [row.status for row in rows] == ["done", "quarantined", "done"]
    assert "exceeds the image" in rows[1].reason


class Choosy:
    """An engine's `encode` that fails for more images than it can take, or for images of one grey."""

    def __init__(self, encode, error, most=99, hates_grey=False):
        self.encode, self.error, self.most, self.hates_grey, self.sizes = encode, error, most, hates_grey, []

    def __call__(self, inputs):
        self.sizes.append(len(inputs))
        is_grey = [float(one.flatten(1).std(1).max()) < 1e-3 for one in inputs]
        if len(inputs) > self.most or (self.hates_grey and any(is_grey)):
            raise self.error
        return self.encode(inputs)


def test_a_batch_that_is_too_large_is_halved(everything, monkeypatch):
    engine = everything.segmenter.predictor.engine
    choosy = Choosy(engine.encode, MemoryError(), most=2)
    monkeypatch.setattr(engine, "encode", choosy)
    images = readied(everything, [image_of(number) for number in (1, 2, 3, 4)])
    assert [row.status for row, _, _ in annotate_batch(everything, images, Clock())] == ["done"] * 4
    assert choosy.sizes == [4, 2, 2]


def test_an_image_that_fails_is_tried_alone_and_its_neighbours_are_kept(everything, monkeypatch):
    engine = everything.segmenter.predictor.engine
    images = [image_of(number, (60, 60)) for number in (1, 2, 3, 4)]
    images[2] = replace(images[2], image=DecodedImage(np.full((60, 60, 3), 7, np.uint8)))
    choosy = Choosy(engine.encode, ValueError("odd"), hates_grey=True)
    monkeypatch.setattr(engine, "encode", choosy)
    results = annotate_batch(everything, readied(everything, images), Clock())
    assert [row.status for row, _, _ in results] == ["done", "done", "quarantined", "done"]
    assert results[2][0].reason == "unexpected ValueError: odd"
    assert [is_fault for _, _, is_fault in results] == [False, False, True, False]
    assert choosy.sizes == [4, 2, 2, 1, 1]  # the halves, then the two of the bad half alone


def test_an_image_that_could_not_be_read_is_passed_over(everything):
    images = readied(everything, [image_of(1), Fetched(PlannedImage(2, "x\udcff.png"), reason="no"), image_of(3)])
    rows = [row for row, _, _ in annotate_batch(everything, images, Clock())]
    assert [(row.path, row.status, row.reason) for row in rows][1] == ("x\\xff.png", "quarantined", "no")
    assert [row.status for row in rows] == ["done", "quarantined", "done"]


@pytest.mark.parametrize(
    ("error", "raised"),
    [(RuntimeError("CUDA error: unspecified launch failure"), AnnotationStopped), (SettingsError("no"), SettingsError)],
)
def test_what_is_no_images_fault_stops_the_run(everything, monkeypatch, error, raised):
    engine = everything.segmenter.predictor.engine
    monkeypatch.setattr(engine, "encode", Choosy(engine.encode, error, most=0))
    with pytest.raises(raised):
        annotate_batch(everything, readied(everything, [image_of(1), image_of(2)]), Clock())


def test_tiles_share_passes_and_the_next_are_read_meanwhile(small_mini, monkeypatch):
    settings = AnnotationSettings(automatic=FEW, tile=64, tile_overlap=8)
    one, several = (make_annotator(small_mini, settings, batch=size) for size in (1, 4))
    image = image_of(1, (100, 150)).image
    expected = one.annotate(image)
    encoded = counted(monkeypatch, several.segmenter.predictor.engine, "encode")
    found = several.annotate(image)
    assert several.ready(image) is None
    assert encoded == [4, 2]
    np.testing.assert_allclose(found.areas, expected.areas, rtol=0.02, atol=4)


def test_time_is_counted_by_stage(everything):
    clock = Clock()
    annotate_batch(everything, readied(everything, [image_of(1), image_of(2)]), clock)
    spent = clock.taken()
    assert spent.encoding > 0
    assert spent.masks > 0
    assert spent.waiting == spent.writing == 0
