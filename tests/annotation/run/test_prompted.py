"""Answering prompts: one mask each, as the predictor answers, in whatever window."""

from __future__ import annotations

import pytest

from samara.annotation.inputs.decoded import DecodedImage
from samara.annotation.run.annotator import make_annotator
from samara.annotation.run.prompted import window_of
from samara.annotation.run.settings import AnnotationSettings
from samara.annotation.run.tiles import tiles_of
from samara.annotation.store.plan import Asked
from samara.errors import PromptError
from samara.images.read import read_image
from samara.segmentation.predictor import Predictor

WHEELS = [
    Asked(box=(425.0, 600.0, 700.0, 875.0), category="wheel"),
    Asked(((500.0, 375.0),), (1,)),
    Asked(box=(1375.0, 550.0, 1650.0, 800.0), category="wheel"),
]


@pytest.fixture(scope="module")
def mini(small_mini):
    return small_mini


@pytest.fixture(scope="module")
def image(truck):
    return DecodedImage(read_image(truck))


def test_each_prompt_has_the_answer_it_has_alone(mini, image):
    masks = make_annotator(mini, AnnotationSettings(asking="prompts")).annotate(image, WHEELS)
    assert masks.prompt_index.tolist() == [0, 1, 2]
    predictor = Predictor(mini)
    embedding = predictor.embed(image.pixels)
    alone = [
        predictor.predict(embedding, boxes=[list(WHEELS[0].box)], multimask=False),
        predictor.predict(embedding, points=[[500, 375]], multimask=True).best(),
        predictor.predict(embedding, boxes=[list(WHEELS[2].box)], multimask=False),
    ]
    for mask, expected in zip(masks.masks(), alone, strict=True):
        differing = (mask != expected.mask(0)).sum()
        assert differing <= 1e-4 * mask.size  # a batch of another size rounds differently


def test_smaller_batches_and_no_prompts(mini, image):
    annotator = make_annotator(mini, AnnotationSettings(asking="prompts"))
    assert len(annotator.annotate(image, [])) == 0
    smaller = annotator.with_smaller_batches()
    assert smaller.segmenter.prompts_at_a_time == 16
    assert smaller.segmenter.predictor is annotator.segmenter.predictor


def test_a_prompt_outside_is_refused(mini, image):
    annotator = make_annotator(mini, AnnotationSettings(asking="prompts"))
    with pytest.raises(PromptError, match="outside the image"):
        annotator.annotate(image, [Asked(((5000.0, 5.0),), (1,))])


def test_windows_hold_their_prompts():
    size_hw = (1000, 2000)
    tiles = tiles_of(size_hw, 400, 100)
    assert window_of(Asked(((360.0, 10.0),), (1,)), size_hw, tiles) == (300, 0, 700, 400)
    assert window_of(Asked(box=(310.0, 0.0, 390.0, 50.0)), size_hw, tiles) in {(0, 0, 400, 400), (300, 0, 700, 400)}
    large = Asked(box=(500.0, 100.0, 1100.0, 300.0))
    assert window_of(large, size_hw, tiles) == (200, 0, 1400, 600)
    assert window_of(large, size_hw, tiles_of(size_hw, None, 1)) == (0, 0, 2000, 1000)


def test_windows_change_where_the_network_looks_but_not_what_is_asked(mini, image):
    annotator = make_annotator(mini, AnnotationSettings(asking="prompts", tile=800, tile_overlap=200))
    masks = annotator.annotate(image, WHEELS)
    assert masks.size_hw == image.size_hw
    x0, y0, x1, y1 = masks.boxes_xyxy[0]
    assert x0 > 380
    assert x1 < 745
    assert y0 > 555
    assert y1 < 920
