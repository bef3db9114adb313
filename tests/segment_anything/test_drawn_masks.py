"""Masks of points: the three ways give the same, and none passes an adapted network over."""

from __future__ import annotations

import types

import numpy as np
import pytest
import torch

from samara.engines.torch_engine import TorchEngine
from samara.networks.mask_decoder import MaskDecoder
from samara.segment_anything import SamAutomaticMaskGenerator, SamPredictor
from samara.segment_anything import drawn_masks as module
from samara.segment_anything.drawn_masks import Filters, masks_of_points, precision_of_autocast, ready
from tests.segment_anything.adapting import ADAPTATIONS, data_parallel
from tests.segment_anything.compute import IMAGE, SETTINGS, network
from tests.segment_anything.conftest import PACKAGE

EVERYTHING = Filters(multimask=True, predicted_iou=0.0, stability=0.0, stability_offset=0.2)
POINTS = np.array([[x, y] for x in (10.0, 30.0) for y in (5.0, 25.0, 45.0)])  # as many as share an image


def predictor_of(sam):
    predictor = SamPredictor(sam)
    predictor.set_image(IMAGE)
    return predictor


def asks_for_everything(predictor):
    """The same predictor with a predict_torch of its own, so that its masks are taken as they come."""
    usual = type(predictor).predict_torch
    predictor.predict_torch = types.MethodType(lambda self, *args, **more: usual(self, *args, **more), predictor)
    return predictor


def compare(found, wanted):
    assert len(found.rles) == len(wanted.rles) > 0
    np.testing.assert_array_equal(found.point, wanted.point)
    np.testing.assert_allclose(found.predicted_iou, wanted.predicted_iou, atol=1e-4)
    np.testing.assert_allclose(found.stability, wanted.stability, atol=2e-3)
    for one, other in zip(found.rles, wanted.rles, strict=True):
        assert (one.decode() != other.decode()).mean() < 2e-3


@pytest.mark.parametrize("filters", [EVERYTHING, Filters(False, 0.0, 0.3, 0.2), Filters(True, 0.8, 0.3, 0.2)], ids=str)
@pytest.mark.parametrize("adapt", [lambda sam: None, data_parallel], ids=["as it was", "wrapped"])
def test_the_ways_agree(tiny_sam, adapt, filters):
    adapt(tiny_sam)
    predictor = predictor_of(tiny_sam)
    found = masks_of_points(predictor, POINTS, (50, 40), filters)
    compare(found, masks_of_points(asks_for_everything(predictor), POINTS, (50, 40), filters))


@pytest.fixture(scope="module")
def unadapted():
    return masks_of_points(predictor_of(network(PACKAGE)), POINTS, (50, 40), EVERYTHING)


@pytest.mark.parametrize("adapt", ADAPTATIONS, ids=lambda adapt: adapt.__name__)
def test_an_adapted_network_is_not_passed_over(tiny_sam, adapt, unadapted):
    adapt(tiny_sam)
    predictor = predictor_of(tiny_sam)
    found = masks_of_points(predictor, POINTS, (50, 40), EVERYTHING)
    assert [rle.counts for rle in found.rles] != [rle.counts for rle in unadapted.rles]
    compare(found, masks_of_points(asks_for_everything(predictor), POINTS, (50, 40), EVERYTHING))


@pytest.mark.parametrize("only", [False, True])
def test_the_ways_agree_for_hq_sam(tiny_hq_sam, only):
    tiny_hq_sam.hq_token_only = only
    predictor = predictor_of(tiny_hq_sam)
    found = masks_of_points(predictor, POINTS, (50, 40), EVERYTHING)
    assert len(found.rles) <= len(POINTS)
    compare(found, masks_of_points(asks_for_everything(predictor), POINTS, (50, 40), EVERYTHING))


def test_a_plain_network_takes_the_quick_form(tiny_sam, monkeypatch):
    shared = []
    usual = MaskDecoder.share
    monkeypatch.setattr(MaskDecoder, "share", lambda self, *args: shared.append(1) or usual(self, *args))
    SamAutomaticMaskGenerator(tiny_sam, points_per_side=4, points_per_batch=8).generate(IMAGE)
    assert len(shared) == 1  # once for the image, not once for a batch


def test_features_of_another_image_are_not_mistaken(tiny_sam):
    predictor = predictor_of(tiny_sam)
    old = ready(predictor)
    predictor.set_image(255 - IMAGE)
    compare(
        masks_of_points(predictor, POINTS, (50, 40), EVERYTHING, old),
        masks_of_points(predictor, POINTS, (50, 40), EVERYTHING),
    )


def test_a_training_step_between_two_batches_counts(tiny_sam):
    generator = SamAutomaticMaskGenerator(tiny_sam, **SETTINGS["all"])
    generator.predictor.set_image(IMAGE)
    box = [0, 0, 40, 50]
    first = generator._process_batch(POINTS, (50, 40), box, (50, 40))
    tiny_sam.mask_decoder.iou_prediction_head.layers[2].bias.data += 0.5
    second = generator._process_batch(POINTS, (50, 40), box, (50, 40))
    np.testing.assert_allclose(second["iou_preds"] - first["iou_preds"], 0.5, atol=1e-4)


def test_no_network_is_asked_for_nothing(tiny_sam, monkeypatch):
    def refuse(engine, images, prompts, **more):
        raise AssertionError(f"{len(prompts)} prompts")

    monkeypatch.setattr(TorchEngine, "decode", refuse)
    grid = [np.zeros((0, 2))]
    assert SamAutomaticMaskGenerator(tiny_sam, points_per_side=None, point_grids=grid).generate(IMAGE) == []
    assert tiny_sam([], multimask_output=True) == []


def test_names_of_the_ways_are_in_the_docstring():
    for way in ("engine", "parts", "predictor"):
        assert f"    {way} " in module.__doc__
        assert hasattr(module, f"_by_{way}")


def test_the_precision_is_the_callers(monkeypatch):
    """Programs of the official code allow TF32 for the whole process, or use an autocast."""
    for allowed, on_gpu in ((False, "float32"), (True, "tf32")):
        monkeypatch.setattr(module, "tf32_allowed", lambda allowed=allowed: (allowed, True))
        assert precision_of_autocast(torch.device("cuda")) == on_gpu
        assert precision_of_autocast(torch.device("cpu")) == "float32"
    with torch.autocast("cpu", torch.bfloat16):
        assert precision_of_autocast(torch.device("cpu")) == "bfloat16"
