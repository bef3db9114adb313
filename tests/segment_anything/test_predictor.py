"""The predictor is as tolerant as the original, in any precision and over any wrapper; values are in test_numbers."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from samara.errors import PromptError, SettingsError
from samara.segment_anything import SamPredictor
from tests.segment_anything.adapting import data_parallel, lora_on_projections
from tests.segment_anything.compute import IMAGE

POINT = {"point_coords": np.array([[10.0, 12.0]]), "point_labels": np.array([1])}


@pytest.fixture
def predictor(tiny_sam):
    predictor = SamPredictor(tiny_sam)
    predictor.set_image(IMAGE)
    return predictor


def test_numbers_come_in_any_form(predictor):
    wanted = predictor.predict(**POINT)[2]
    for coords, labels in (
        ([[10, 12]], [1]),
        (((10.0, 12.0),), (True,)),
        (torch.tensor([[10, 12]]), torch.tensor([1])),
        (np.array([[10, 12]], dtype=np.uint8), np.array([1.0])),
    ):
        np.testing.assert_allclose(predictor.predict(coords, labels)[2], wanted, atol=1e-5)
    for box in ([1, 2, 30, 20], np.array([[1.0, 2, 30, 20]]), torch.tensor([1, 2, 30, 20])):
        np.testing.assert_allclose(
            predictor.predict(box=box)[2], predictor.predict(box=np.array([1, 2, 30, 20]))[2], atol=1e-5
        )
    low_res = predictor.predict(**POINT, multimask_output=False)[2]
    for mask in (low_res, low_res[0], low_res.astype(np.float64), low_res.tolist()):
        assert predictor.predict(mask_input=mask)[0].shape == (3, 50, 40)


def test_empty_lists_are_no_points(predictor):
    box = np.array([1, 2, 30, 20])
    for empty in ([], np.array([]), np.zeros((0, 2))):
        np.testing.assert_allclose(predictor.predict(empty, [], box=box)[2], predictor.predict(box=box)[2], atol=1e-5)


def test_torch_prompts_without_labels_are_refused(predictor):
    with pytest.raises(PromptError, match="point_labels must be given"):
        predictor.predict_torch(torch.ones(1, 1, 2), None)


def test_no_image_is_the_official_error_too(tiny_sam):
    predictor = SamPredictor(tiny_sam)
    for use in (predictor.predict, predictor.get_image_embedding, lambda: predictor.predict_torch(None, None)):
        with pytest.raises(RuntimeError, match="set_image"):
            use()
    assert predictor.orig_h is predictor.orig_w is predictor.input_h is predictor.input_w is predictor.features is None


def test_an_image_may_be_set_by_hand(predictor, tiny_sam):
    """As programs do that keep embeddings."""
    other = SamPredictor(tiny_sam)
    other.features, other.original_size, other.input_size = predictor.features, (50, 40), (64, 51)
    other.is_image_set = True
    np.testing.assert_array_equal(other.predict(**POINT)[0], predictor.predict(**POINT)[0])


def test_a_batch_of_images_is_embedded(predictor):
    predictor.set_torch_image(torch.rand(2, 3, 64, 51) * 255, (50, 40))
    assert predictor.get_image_embedding().shape == (2, 256, 4, 4)


def test_the_networks_own_channel_order_counts(predictor, tiny_sam):
    wanted = predictor.features
    tiny_sam.image_format = "BGR"
    predictor.set_image(IMAGE)
    assert not torch.allclose(predictor.features, wanted)
    predictor.set_image(IMAGE[..., ::-1])
    torch.testing.assert_close(predictor.features, wanted)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_around_it(tiny_sam, dtype):
    predictor = SamPredictor(tiny_sam)
    predictor.set_image(IMAGE)
    wanted = predictor.predict(**POINT, return_logits=True)
    with torch.autocast("cpu", dtype=dtype):
        predictor.set_image(IMAGE)
        found = predictor.predict(**POINT, return_logits=True)
        assert predictor.predict(**POINT)[0].dtype == bool
        again = predictor.predict(**POINT, mask_input=found[2][:1])
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == np.float32
        assert np.abs(one - other).max() < 0.1 * np.abs(other).max()
    assert again[0].shape == (3, 50, 40)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("kind", ["tiny_sam", "tiny_hq_sam"])
def test_networks_of_other_types(kind, dtype, request):
    sam = request.getfixturevalue(kind)
    box = np.array([1, 2, 30, 20])

    def answers(predictor):
        predictor.set_image(IMAGE)
        first = predictor.predict(**POINT, box=box, return_logits=True)
        return [*first, *predictor.predict(**POINT, mask_input=first[2][:1], return_logits=True)]

    wanted = answers(SamPredictor(sam))
    predictor = SamPredictor(sam.to(dtype))
    for one, other in zip(answers(predictor), wanted, strict=True):
        assert one.dtype == np.float32
        assert np.abs(one - other).max() < 0.15 * np.abs(other).max()
    assert predictor.features.dtype == dtype


def test_positions_keep_their_precision_in_16_bits(tiny_sam):
    """Neighbouring pixels are told apart: in bfloat16 itself they would share a position."""
    half = SamPredictor(copy.deepcopy(tiny_sam).bfloat16())
    points = torch.tensor([[[60.0, 60.0]], [[60.25, 60.0]]])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for encoder in (half.model.prompt_encoder, tiny_sam.prompt_encoder):
            first, second = encoder(points=(points, torch.ones(2, 1)), boxes=None, masks=None)[0]
            assert not torch.equal(first[0], second[0])


@pytest.mark.parametrize("kind", ["tiny_sam", "tiny_hq_sam"])
def test_no_prompts_get_no_masks_and_reach_no_layer(kind, request):
    sam = request.getfixturevalue(kind)
    predictor = SamPredictor(sam)
    predictor.set_image(IMAGE)
    sam.mask_decoder.transformer = None
    for prompts in (
        {"boxes": torch.zeros(0, 4)},
        {"point_coords": torch.zeros(0, 2, 2), "point_labels": torch.zeros(0, 2)},
    ):
        given = {"point_coords": None, "point_labels": None} | prompts
        masks, iou, low_res = predictor.predict_torch(**given)
        count = iou.shape[1]
        assert (masks.shape, iou.shape, low_res.shape) == ((0, count, 50, 40), (0, count), (0, count, 16, 16))


class Passing(nn.Module):
    """Wraps a whole network and passes its attributes on, as peft's models do."""

    def __init__(self, wrapped):
        super().__init__()
        self.wrapped = wrapped

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.wrapped, name)


@pytest.mark.parametrize("kind", ["tiny_sam", "tiny_hq_sam"])
def test_wrapped_parts_and_networks_are_called(kind, request):
    sam = request.getfixturevalue(kind)
    adapted = copy.deepcopy(sam)
    lora_on_projections(adapted)
    wanted = SamPredictor(adapted)
    wanted.set_image(IMAGE)
    data_parallel(sam)
    sam.image_encoder = nn.DataParallel(sam.image_encoder)
    for model in (sam, Passing(sam)):
        predictor = SamPredictor(model)
        assert predictor.transform.target_length == 64
        predictor.set_image(IMAGE)
        np.testing.assert_allclose(predictor.predict(**POINT)[2], wanted.predict(**POINT)[2], atol=1e-5)


def test_only_hq_sam_takes_hq_token_only(predictor, tiny_hq_sam):
    with pytest.raises(SettingsError, match="no HQ token"):
        predictor.predict(**POINT, hq_token_only=True)
    hq = SamPredictor(tiny_hq_sam)
    hq.set_image(IMAGE)
    assert [tuple(one.shape) for one in hq.interm_features] == [(1, 4, 4, 32)]
    asked = hq.predict(**POINT, hq_token_only=True)[2]
    assert np.abs(asked - hq.predict(**POINT)[2]).max() > 1e-3
    tiny_hq_sam.hq_token_only = True
    np.testing.assert_array_equal(hq.predict(**POINT)[2], asked)


def test_an_override_with_the_official_arguments_is_asked(tiny_sam):
    class Own(SamPredictor):
        """Has the official signature."""

        def predict_torch(
            self,
            point_coords,
            point_labels,
            boxes=None,
            mask_input=None,
            multimask_output=True,
            return_logits=False,
        ):
            masks, iou, low_res = super().predict_torch(
                point_coords, point_labels, boxes, mask_input, multimask_output, return_logits
            )
            return masks, iou + 100, low_res

    predictor = Own(tiny_sam)
    predictor.set_image(IMAGE)
    assert (predictor.predict(**POINT)[1] > 90).all()
