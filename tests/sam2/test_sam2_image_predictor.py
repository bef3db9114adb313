"""The predictor as programs use it: prompts of every form, batches, tensors, its state, fine-tuning."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import samara
from samara.errors import ImageError, PromptError
from samara.sam2 import SAM2ImagePredictor
from samara.sam2.sam2_image_predictor import ImageNotSet

POINT = {"point_coords": [[40, 25]], "point_labels": [1]}
BOXES = [[5, 5, 60, 40], [20.5, 10, 79, 49]]


@pytest.fixture
def predictor(model, image):
    predictor = SAM2ImagePredictor(model)
    predictor.set_image(image)
    return predictor


def check_same(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_results_are_float32_arrays(predictor):
    masks, iou, low_res = predictor.predict(**POINT)
    assert (masks.shape, iou.shape, low_res.shape) == ((3, 50, 80), (3,), (3, 32, 32))
    assert {one.dtype for one in (masks, iou, low_res)} == {np.dtype(np.float32)}
    assert set(np.unique(masks)) <= {0.0, 1.0}
    single, _, _ = predictor.predict(**POINT, multimask_output=False)
    assert single.shape == (1, 50, 80)


@pytest.mark.parametrize(
    "prompt",
    [
        {"points": [40, 25]},
        {"points": [[40, 25], [3, 4]], "labels": [1, 0]},
        {"boxes": BOXES[0]},
        {"boxes": BOXES[0], "points": [[40, 25]]},
    ],
)
@pytest.mark.parametrize("multimask", [True, False])
def test_the_answers_are_those_of_samaras_predictor(predictor, model, image, prompt, multimask):
    ours = samara.Predictor(model.as_loaded())
    wanted = ours.predict(ours.embed(image), **prompt, multimask=multimask)
    points = np.reshape(prompt["points"], (-1, 2)) if "points" in prompt else None
    labels = None if points is None else prompt.get("labels", np.ones(len(points)))
    masks, iou, low_res = predictor.predict(points, labels, prompt.get("boxes"), multimask_output=multimask)
    np.testing.assert_allclose(low_res, wanted.low_res_logits, atol=1e-4)
    np.testing.assert_allclose(iou, wanted.predicted_iou, atol=1e-5)
    assert np.mean(masks.astype(bool) != wanted.masks()) < 1e-3


def test_several_objects_at_once(predictor):
    masks, iou, low_res = predictor.predict(box=np.array(BOXES), multimask_output=False)
    assert (masks.shape, iou.shape, low_res.shape) == ((2, 1, 50, 80), (2, 1), (2, 1, 32, 32))
    for index, box in enumerate(BOXES):
        check_same((masks[index], iou[index], low_res[index]), predictor.predict(box=box, multimask_output=False))
    points, labels = np.array([[[40, 25]], [[60, 30]]]), np.array([[1], [0]])
    together = predictor.predict(points, labels, box=BOXES)
    for index, box in enumerate(BOXES):
        alone = predictor.predict(points[index], labels[index], box=box)
        check_same([one[index] for one in together], alone)


def test_a_mask_of_an_earlier_answer(predictor):
    _, _, low_res = predictor.predict(**POINT, multimask_output=False)
    plain = predictor.predict(**POINT)[2]
    again = predictor.predict(**POINT, mask_input=low_res)
    assert np.abs(again[2] - plain).max() > 1e-3
    check_same(again, predictor.predict(**POINT, mask_input=low_res[None]))
    check_same(again, predictor.predict(**POINT, mask_input=torch.from_numpy(low_res[0])))
    masks, _, _ = predictor.predict(box=BOXES, mask_input=low_res)  # for all objects
    assert masks.shape == (2, 3, 50, 80)
    alone, _, _ = predictor.predict(mask_input=low_res)
    assert alone.shape == (3, 50, 80)


def test_logits(predictor):
    logits, _, low_res = predictor.predict(**POINT, return_logits=True)
    masks, _, _ = predictor.predict(**POINT)
    assert np.array_equal(logits > 0, masks.astype(bool))
    resized = torch.nn.functional.interpolate(torch.from_numpy(low_res)[None], (50, 80), mode="bilinear")
    np.testing.assert_allclose(logits, resized[0].numpy(), atol=1e-5)


def test_low_res_logits_are_clamped_and_masks_are_made_of_what_was_not(predictor, model):
    with torch.no_grad():
        for mlp in model.sam_mask_decoder.output_hypernetworks_mlps:
            mlp.layers[2].weight *= 1000
            mlp.layers[2].bias *= 1000
    logits, _, low_res = predictor.predict(**POINT, return_logits=True)
    assert np.abs(low_res).max() == 32
    assert np.abs(logits).max() > 33


def test_coordinates_in_the_unit_square(predictor):
    unit = predictor.predict([[0.5, 0.5]], [1], box=[0.25, 0.2, 0.75, 0.8], normalize_coords=False)
    check_same(unit, predictor.predict([[40, 25]], [1], box=[20, 10, 60, 40]))


def test_threshold_and_small_regions(model, image):
    predictor = SAM2ImagePredictor(model, mask_threshold=0.3, max_hole_area=20, max_sprinkle_area=20, unknown=1)
    predictor.set_image(image)
    logits, _, low_res = predictor.predict(**POINT, return_logits=True)
    masks, _, _ = predictor.predict(**POINT)
    assert np.array_equal(logits > 0.3, masks.astype(bool))
    plain = SAM2ImagePredictor(model)
    plain.set_image(image)
    assert np.array_equal(low_res, plain.predict(**POINT)[2])  # as the network gave them


def test_images_in_a_batch(model, image):
    predictor = SAM2ImagePredictor(model)
    images = [image, image[:30], image[:, :44]]
    predictor.set_image_batch(images)
    assert predictor._is_batch
    assert predictor._orig_hw == [(50, 80), (30, 80), (50, 44)]
    points = [[[[20, 20]]], [[[10, 9]], [[50, 20]]], [[[40, 40]]]]
    labels = [np.ones(np.shape(one)[:2]) for one in points]
    boxes = [[1, 2, 30, 20], BOXES, [3, 3, 40, 20]]
    by_points = predictor.predict_batch(points, labels)
    by_boxes = predictor.predict_batch(box_batch=boxes, multimask_output=False, return_logits=True)
    assert [one.shape for one in by_points[0]] == [(3, 50, 80), (2, 3, 30, 80), (3, 50, 44)]
    assert [one.shape for one in by_boxes[0]] == [(1, 50, 80), (2, 1, 30, 80), (1, 50, 44)]
    for index, one in enumerate(images):
        predictor.set_image(one)
        check_same([column[index] for column in by_points], predictor.predict(points[index], labels[index]))
        alone = predictor.predict(box=boxes[index], multimask_output=False, return_logits=True)
        check_same([column[index] for column in by_boxes], alone)


def test_embeddings_and_attributes(predictor, model, image):
    assert predictor.get_image_embedding().shape == (1, 256, 8, 8)
    assert predictor.device == model.device
    assert predictor._bb_feat_sizes == [(32, 32), (16, 16), (8, 8)]
    assert [tuple(one.shape) for one in predictor._features["high_res_feats"]] == [(1, 32, 32, 32), (1, 64, 16, 16)]
    assert (predictor._is_image_set, predictor._is_batch) == (True, False)
    predictor.set_image_batch([image, image])
    assert predictor.get_image_embedding().shape == (2, 256, 8, 8)


def test_no_image_leaves_a_trace(predictor, image):
    other = image[::-1, ::-1].copy()
    before = predictor.predict(**POINT)
    predictor.set_image_batch([other, other[:20]])
    predictor.set_image(image)
    check_same(predictor.predict(**POINT), before)
    with pytest.raises(ImageError):
        predictor.set_image(np.zeros((0, 5, 3), np.uint8))
    with pytest.raises(ImageNotSet):  # not the one before
        predictor.predict(**POINT)


def test_pil_images_are_arrays(predictor, image):
    wanted = predictor.predict(**POINT)
    predictor.set_image(Image.fromarray(image))
    check_same(predictor.predict(**POINT), wanted)


def test_without_an_image(model):
    predictor = SAM2ImagePredictor(model)
    for call in (
        lambda: predictor.predict(**POINT),
        lambda: predictor._predict(torch.zeros(1, 1, 2), torch.ones(1, 1)),
        lambda: predictor._prep_prompts([[1, 1]], [1], None, None, True),
        lambda: predictor.predict_batch([[[1, 1]]], [[1]]),
        predictor.get_image_embedding,
    ):
        with pytest.raises(RuntimeError) as raised:
            call()
        assert isinstance(raised.value, ImageNotSet)


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ({"point_coords": [[1, 1]]}, "point_labels must be given"),
        ({"point_coords": [[1, 1]], "point_labels": [1, 0]}, "same without the last axis"),
        ({"point_coords": [[1, float("nan")]], "point_labels": [1]}, "NaN"),
        ({"point_coords": [[1, 1, 1]], "point_labels": [1]}, "must have shape"),
        ({"box": [1, 2, 3]}, r"must have shape \(4,\)"),
        ({"box": BOXES, "point_coords": [[1, 1]], "point_labels": [1]}, "2 boxes and points for 1 objects"),
        ({"mask_input": np.zeros((2, 3, 4, 4))}, "mask_input must have shape"),
    ],
)
def test_prompts_that_cannot_be_meant(predictor, prompt, told):
    with pytest.raises(PromptError, match=told):
        predictor.predict(**prompt)


def test_lists_that_cannot_be_meant(predictor, image):
    for images in (image, []):
        with pytest.raises(ImageError, match="takes a list of images"):
            predictor.set_image_batch(images)
    predictor.set_image_batch([image, image])
    with pytest.raises(PromptError, match="1 prompts for 2 images"):
        predictor.predict_batch([[[1, 1]]], [[1]])
    predictor.set_image(image)
    with pytest.raises(ImageNotSet, match="set_image_batch"):
        predictor.predict_batch([[[1, 1]]], [[1]])


def test_no_points_are_no_points(predictor):
    check_same(predictor.predict(np.zeros((0, 2)), np.zeros(0), box=BOXES[0]), predictor.predict(box=BOXES[0]))


def test_autocast(predictor):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        masks, iou, low_res = predictor.predict(**POINT)
    assert {one.dtype for one in (masks, iou, low_res)} == {np.dtype(np.float32)}


def test_fine_tuning(predictor, image, tmp_path):
    """The loop that goes round; the official results are in tests/programs."""
    model = predictor.model
    model.sam_mask_decoder.train(True)
    model.sam_prompt_encoder.train(True)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(3):
        predictor.set_image(image)
        _, coords, labels, box = predictor._prep_prompts(
            np.array([[[40, 25]], [[10, 10]]]), np.ones([2, 1]), box=None, mask_logits=None, normalize_coords=True
        )
        assert box is None
        sparse, dense = model.sam_prompt_encoder(points=(coords, labels), boxes=None, masks=None)
        low_res, _, _, _ = model.sam_mask_decoder(
            image_embeddings=predictor._features["image_embed"][-1].unsqueeze(0),
            image_pe=model.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
            repeat_image=coords.shape[0] > 1,
            high_res_features=[level[-1].unsqueeze(0) for level in predictor._features["high_res_feats"]],
        )
        logits = predictor._transforms.postprocess_masks(low_res, predictor._orig_hw[-1])
        loss = torch.nn.functional.softplus(logits).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)
    torch.save(model.state_dict(), tmp_path / "model.torch")
    model.load_state_dict(torch.load(tmp_path / "model.torch", weights_only=True))
