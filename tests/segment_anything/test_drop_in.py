"""The drop-in face: official names, signatures and results, without the official faults."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json

import numpy as np
import pytest
import torch
from PIL import Image

import samara
from samara.checkpoints.load import load
from samara.errors import ImageError, PromptError, SettingsError, UnrecognisedCheckpoint, WrongCheckpoint
from samara.segment_anything import SamAutomaticMaskGenerator, SamPredictor, sam_model_registry
from samara.segment_anything.modeling.sam import Sam
from samara.segment_anything.utils.transforms import ResizeLongestSide
from tests.conftest import load_bootstrap
from tests.parity.deterministic import golden
from tests.parity.test_predictor import check

CASES = golden("predict_mini")["prompts"]


@pytest.fixture(scope="module")
def sam():
    return Sam.from_loaded(load_bootstrap())


@pytest.fixture(scope="module")
def small_sam():
    """The same at 128 px, where no golden masks are asked for."""
    return Sam.from_loaded(load_bootstrap(input_size=128))


@pytest.fixture(scope="module")
def predictor(sam, truck):
    predictor = SamPredictor(sam)
    predictor.set_image(np.asarray(Image.open(truck)))
    return predictor


@pytest.fixture(scope="module")
def image(dog):
    return np.asarray(Image.open(dog).resize((240, 160)))


def test_registry_knows_the_official_names_and_ours():
    official = {"default", "vit_h", "vit_l", "vit_b"}
    ours = {"vit_t", "samara_mini", "hq_vit_h", "hq_vit_l", "hq_vit_b", "hq_vit_t"}
    assert official | ours == set(sam_model_registry)


@pytest.mark.parametrize("name", CASES)
def test_predict_gives_the_official_masks(predictor, name):
    arguments = {key: np.array(value) for key, value in CASES[name]["input"].items() if key != "multimask_output"}
    multimask = CASES[name]["input"]["multimask_output"]
    masks, iou, low_res = predictor.predict(**arguments, multimask_output=multimask)
    assert masks.dtype == bool
    assert iou.dtype == low_res.dtype == np.float32
    from samara.masks.rle import encode_mask

    check(CASES[name], [encode_mask(mask) for mask in masks], iou, low_res)


def test_predict_torch_takes_many_boxes(predictor):
    boxes = torch.tensor([[75, 275, 1725, 850], [425, 600, 700, 875], [1375, 550, 1650, 800]])
    transformed = predictor.transform.apply_boxes_torch(boxes, (1200, 1800))
    masks, iou, low_res = predictor.predict_torch(None, None, boxes=transformed, multimask_output=False)
    assert masks.shape == (3, 1, 1200, 1800)
    assert iou.shape == (3, 1)
    assert low_res.shape == (3, 1, 128, 128)
    logits, _, _ = predictor.predict(box=boxes[1].numpy(), multimask_output=False, return_logits=True)
    # Three boxes together round otherwise than one, so a pixel on the very threshold may fall on either side.
    decided = np.abs(logits) > 1e-3
    np.testing.assert_array_equal(masks[1].numpy()[decided], logits[decided] > 0)
    assert (~decided).mean() < 1e-4


def test_logits_on_request(predictor):
    logits, _, _ = predictor.predict(np.array([[500, 375]]), np.array([1]), return_logits=True)
    masks, _, low_res = predictor.predict(np.array([[500, 375]]), np.array([1]))
    assert logits.dtype == np.float32
    np.testing.assert_array_equal(logits > 0, masks)
    again, _, _ = predictor.predict(
        np.array([[500, 375]]), np.array([1]), mask_input=low_res[:1], multimask_output=False
    )
    assert again.shape == (1, 1200, 1800)


def test_state_of_the_predictor(small_sam, image):
    predictor = SamPredictor(small_sam)
    for use in (predictor.get_image_embedding, lambda: predictor.predict(np.array([[1, 1]]), np.array([1]))):
        with pytest.raises(PromptError, match="set_image"):
            use()
    predictor.set_image(image)
    assert predictor.is_image_set
    assert (predictor.original_size, predictor.input_size) == ((160, 240), (85, 128))
    assert predictor.get_image_embedding().shape == (1, 256, 8, 8)
    assert predictor.device == torch.device("cpu")
    predictor.reset_image()
    assert not predictor.is_image_set
    assert predictor.features is None
    with pytest.raises(PromptError, match="set_image"):
        predictor.get_image_embedding()


def test_bgr_is_rgb_turned_around(small_sam, image):
    predictor = SamPredictor(small_sam)
    predictor.set_image(image)
    expected = predictor.get_image_embedding()
    predictor.set_image(image[..., ::-1], image_format="BGR")
    torch.testing.assert_close(predictor.get_image_embedding(), expected)
    with pytest.raises(ImageError, match="'RGB' or 'BGR'"):
        predictor.set_image(image, image_format="HSV")


def test_images_are_never_converted_silently(small_sam, image):
    predictor = SamPredictor(small_sam)
    with pytest.raises(ImageError):
        predictor.set_image(image.astype(np.float32))
    with pytest.raises(ImageError, match="longest side 128"):
        predictor.set_torch_image(torch.zeros(1, 3, 100, 100), (100, 100))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"point_coords": np.array([[5, 1]])}, "point_labels must be given"),
        ({"point_coords": np.array([[5, 1]]), "point_labels": np.array([1, 0])}, r"\(1, 2\) and \(2,\)"),
        ({"point_coords": np.array([5, 1]), "point_labels": np.array([1])}, r"shape \(P, 2\)"),
        ({"box": np.array([[1, 1, 9, 9], [2, 2, 8, 8]])}, "predict_torch"),
        ({"box": np.array([np.nan, 100, 50, 50])}, "NaN"),
        ({"mask_input": np.zeros(7)}, r"\(1, 4h, 4w\)"),
    ],
)
def test_prompts_that_cannot_be_meant_are_refused(predictor, arguments, message):
    with pytest.raises(PromptError, match=message):
        predictor.predict(**arguments)


@pytest.mark.parametrize("mode", ["binary_mask", "uncompressed_rle", "coco_rle"])
def test_generate(small_sam, image, mode):
    records = SamAutomaticMaskGenerator(small_sam, points_per_side=5, output_mode=mode).generate(image)
    assert len(records) > 1
    for record in records:
        assert set(record) == {
            "segmentation",
            "area",
            "bbox",
            "predicted_iou",
            "point_coords",
            "stability_score",
            "crop_box",
        }
        mask = record["segmentation"]
        if mode == "binary_mask":
            rows, columns = np.nonzero(mask)
            x, y, w, h = record["bbox"]
            assert mask.shape == (160, 240)
            assert (columns.min(), rows.min(), columns.max() + 1 - x, rows.max() + 1 - y) == (x, y, w, h)
            assert record["area"] == mask.sum()
        else:
            assert mask["size"] == [160, 240]
            assert isinstance(mask["counts"], str if mode == "coco_rle" else list)
            json.dumps(record, allow_nan=False)


def test_nothing_found_is_an_empty_list(small_sam, image):
    assert SamAutomaticMaskGenerator(small_sam, points_per_side=2, pred_iou_thresh=0.999).generate(image) == []


def test_generator_arguments_are_the_official_ones():
    assert list(inspect.signature(SamAutomaticMaskGenerator).parameters) == [
        "model",
        "points_per_side",
        "points_per_batch",
        "pred_iou_thresh",
        "stability_score_thresh",
        "stability_score_offset",
        "box_nms_thresh",
        "crop_n_layers",
        "crop_nms_thresh",
        "crop_overlap_ratio",
        "crop_n_points_downscale_factor",
        "point_grids",
        "min_mask_region_area",
        "output_mode",
    ]


def test_bad_settings_are_refused(sam):
    with pytest.raises(SettingsError, match="output_mode"):
        SamAutomaticMaskGenerator(sam, output_mode="png")
    with pytest.raises(SettingsError, match="either points_per_side or point_grids"):
        SamAutomaticMaskGenerator(sam, points_per_side=None)


def test_forward_takes_images_with_different_prompts(small_sam, image):
    transform = ResizeLongestSide(small_sam.image_encoder.img_size)
    transformed = torch.as_tensor(transform.apply_image(image)).permute(2, 0, 1)
    other = torch.randint(0, 255, (3, 128, 75))
    batch = [
        {
            "image": transformed,
            "original_size": (160, 240),
            "point_coords": transform.apply_coords_torch(torch.tensor([[[120, 80]]]), (160, 240)),
            "point_labels": torch.ones(1, 1),
        },
        {
            "image": other,
            "original_size": (128, 75),
            "boxes": torch.tensor([[10, 10, 60, 90], [20, 30, 70, 120]]),
        },
    ]
    first, second = small_sam(batch, multimask_output=True)
    assert first["masks"].shape == (1, 3, 160, 240)
    assert second["masks"].shape == (2, 3, 128, 75)
    assert second["low_res_logits"].shape == (2, 3, 32, 32)
    predictor = SamPredictor(small_sam)
    predictor.set_image(image)
    masks, iou, _ = predictor.predict(np.array([[120, 80]]), np.array([1]))
    np.testing.assert_allclose(first["iou_predictions"][0].numpy(), iou, atol=1e-4)
    assert (first["masks"][0].numpy() == masks).mean() > 0.999


def test_gradients_flow_in_training_mode_only(small_sam):
    sam = copy.deepcopy(small_sam)
    record = {
        "image": torch.zeros(3, 128, 128),
        "original_size": (128, 128),
        "boxes": torch.tensor([[1, 1, 9, 9]]),
    }
    assert not sam([record], multimask_output=False)[0]["low_res_logits"].requires_grad
    sam.train()
    sam([record], multimask_output=False)[0]["low_res_logits"].mean().backward()
    assert sam.mask_decoder.iou_token.weight.grad is not None


def test_the_briefs_process_batch_gets_a_sentence(small_sam, image):
    # The brief calls sam_model(item) with an array; the module takes a list of dicts.
    with pytest.raises(PromptError, match="list of dicts"):
        small_sam(image, multimask_output=False)


def test_state_dicts_interchange_with_the_official_package(sam, tmp_path):
    path = tmp_path / "fine_tuned.pth"
    torch.save(sam.state_dict(), path)
    saved = sam.state_dict()
    assert set(saved) == set(golden("vit_t")["layout"])
    again = sam_model_registry["vit_t"](checkpoint=path)
    for key, value in again.state_dict().items():
        torch.testing.assert_close(value, saved[key])


def test_fine_tuning_code_calls_the_parts_directly(small_sam):
    embedding = small_sam.image_encoder(small_sam.preprocess(torch.zeros(1, 3, 128, 100)))
    sparse, dense = small_sam.prompt_encoder(points=None, boxes=torch.tensor([[1.0, 2.0, 30.0, 40.0]]), masks=None)
    logits, _ = small_sam.mask_decoder(
        image_embeddings=embedding,
        image_pe=small_sam.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=False,
    )
    assert small_sam.postprocess_masks(logits, (128, 100), (100, 78)).shape == (1, 1, 100, 78)
    assert logits.requires_grad


def test_a_file_of_another_variant_is_one_sentence(sam, tmp_path):
    path = tmp_path / "sam_vit_b_01ec64.pth"  # the name lies; the content decides
    torch.save(sam.state_dict(), path)
    with pytest.raises(
        WrongCheckpoint, match=r"use sam_model_registry\['vit_t'\] or sam_model_registry\['samara_mini'\]$"
    ):
        sam_model_registry["vit_b"](checkpoint=path)


def test_a_pattern_is_no_file():
    # The brief writes checkpoint="sam_vit_h_*.pth".
    with pytest.raises(UnrecognisedCheckpoint, match=r"sam_vit_h_\*\.pth"):
        sam_model_registry["vit_h"](checkpoint="sam_vit_h_*.pth")


def test_a_network_without_file_has_random_weights():
    a, b = sam_model_registry["vit_t"](), sam_model_registry["vit_t"]()
    assert not a.training
    torch.testing.assert_close(a.mask_decoder.iou_token.weight, b.mask_decoder.iou_token.weight)
    assert a.prompt_encoder.input_image_size == (1024, 1024)


def test_resize_longest_side_agrees_between_numpy_and_torch():
    transform = ResizeLongestSide(1024)
    assert transform.get_preprocess_shape(1200, 1800, 1024) == (683, 1024)
    points = np.array([[500.0, 375.0]])
    torch.testing.assert_close(
        torch.from_numpy(transform.apply_coords(points, (1200, 1800))),
        transform.apply_coords_torch(torch.from_numpy(points), (1200, 1800)),
    )
    boxes = np.array([[1.0, 2.0, 3.0, 4.0]])
    torch.testing.assert_close(
        torch.from_numpy(transform.apply_boxes(boxes, (30, 40))),
        transform.apply_boxes_torch(torch.from_numpy(boxes), (30, 40)),
    )
    assert transform.apply_image_torch(torch.zeros(2, 3, 30, 60)).shape == (2, 3, 512, 1024)


@pytest.mark.parametrize("only", [False, True], ids=["sum", "hq mask alone"])
def test_hq_sam_keeps_its_flag_through_every_face(image, only):
    loaded = load(
        "sam_hq_vit_tiny",
        weights="random",
        device="cpu",
        precision="float32",
        input_size=128,
        hq_token_only=only,
    )
    sam = Sam.from_loaded(loaded)
    assert sam.as_loaded().hq_token_only == only
    predictor = SamPredictor(sam)
    predictor.set_image(image)
    point = np.array([[100, 70]])
    masks, iou, low_res = predictor.predict(point, np.array([1]), multimask_output=True)
    assert masks.shape == (1, 160, 240)
    ours = samara.Predictor(loaded)
    wanted = ours.predict(ours.embed(image), points=point)
    np.testing.assert_allclose(low_res, wanted.low_res_logits, atol=1e-4)
    np.testing.assert_allclose(iou, wanted.predicted_iou, atol=1e-5)
    transformed = torch.tensor(ResizeLongestSide(128).apply_image(image)).permute(2, 0, 1)
    record = {
        "image": transformed,
        "original_size": (160, 240),
        "point_coords": torch.tensor(predictor.transform.apply_coords(point, (160, 240)))[None],
        "point_labels": torch.ones(1, 1),
    }
    (answer,) = sam([record], multimask_output=True)
    np.testing.assert_allclose(answer["low_res_logits"][0].numpy(), low_res, atol=1e-4)
    other = dataclasses.replace(loaded, hq_token_only=not only)
    theirs = ours.predict(ours.embed(image), points=point).low_res_logits
    different = samara.Predictor(other).predict(ours.embed(image), points=point).low_res_logits
    assert np.abs(different - theirs).max() > 1e-3


def test_only_hq_sam_takes_the_flag():
    assert sam_model_registry["hq_vit_t"](hq_token_only=True).as_loaded().hq_token_only
    with pytest.raises(SettingsError, match="MobileSAM has no HQ token"):
        sam_model_registry["vit_t"](hq_token_only=True)
