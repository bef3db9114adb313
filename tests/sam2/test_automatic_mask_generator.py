"""The generator as programs use it; the official results are in tests/programs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

import samara
from samara.errors import SettingsError
from samara.masks.rle import Rle
from samara.sam2 import SAM2AutomaticMaskGenerator, SAM2ImagePredictor, drawn_masks
from samara.sam2.drawn_masks import ready

BASE = {
    "points_per_side": 3,
    "pred_iou_thresh": 0.1,
    "stability_score_thresh": 0.1,
    "stability_score_offset": 0.1,
    "box_nms_thresh": 1.0,  # the masks of a random network lie over one another
    "crop_nms_thresh": 1.0,
}
WAYS = [
    {},
    {"multimask_output": False},
    {"use_m2m": True, "points_per_batch": 4},
    {"use_m2m": True, "multimask_output": False},
    {"mask_threshold": 0.2},
    {"min_mask_region_area": 40},
    {"min_mask_region_area": 40, "use_m2m": True},
    {"box_nms_thresh": 0.6},
    {"pred_iou_thresh": 0.0, "stability_score_thresh": 0.0},
    {"crop_n_layers": 1, "crop_n_points_downscale_factor": 2, "crop_overlap_ratio": 0.6},
    {"points_per_side": None, "point_grids": [np.array([[0.2, 0.3], [0.6, 0.7]])]},
]


class Own(SAM2ImagePredictor):
    """Predicts as the original does, but is not it: the generator has to ask it."""

    def _predict(self, *arguments, **named):
        return super()._predict(*arguments, **named)


def check_same(found, wanted):
    """The same masks in the same order; the last bits depend on how many points went through together."""
    assert len(found) == len(wanted) > 0
    for one, other in zip(found, wanted, strict=True):
        assert (one["point_coords"], one["crop_box"]) == (other["point_coords"], other["crop_box"])
        assert one["predicted_iou"] == pytest.approx(other["predicted_iou"], abs=1e-4)
        assert np.mean(one["segmentation"] != other["segmentation"]) < 1e-3


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_engine_gives_what_the_predictor_gives(model, image, way):
    generator = SAM2AutomaticMaskGenerator(model, **BASE | way)
    found = generator.generate(image)
    slow = SAM2AutomaticMaskGenerator(model, **BASE | way)
    slow.predictor = Own(model, max_hole_area=slow.min_mask_region_area, max_sprinkle_area=slow.min_mask_region_area)
    check_same(found, slow.generate(image))


@pytest.mark.parametrize("way", [{}, {"multimask_output": False}, {"use_m2m": True}], ids=str)
def test_the_engine_is_used_where_nothing_was_changed(model, image, way, monkeypatch):
    monkeypatch.setattr(drawn_masks, "_by_predictor", None)
    assert SAM2AutomaticMaskGenerator(model, **BASE | way).generate(image)


def test_the_plain_way_is_that_of_samaras_generator(model, image):
    settings = {name: value for name, value in BASE.items() if name != "crop_nms_thresh"}
    wanted = samara.AutomaticMaskGenerator(model.as_loaded(), samara.AutomaticSettings(**settings)).generate(image)
    found = SAM2AutomaticMaskGenerator(model, **BASE).generate(image)
    assert len(found) == len(wanted) > 0
    for record, mask in zip(found, wanted.masks(), strict=True):
        assert np.mean(record["segmentation"] != mask) < 1e-3


def test_a_single_mask_is_another(model, image):
    three = SAM2AutomaticMaskGenerator(model, **BASE).generate(image)
    single = SAM2AutomaticMaskGenerator(model, **BASE, multimask_output=False).generate(image)
    assert len(single) < len(three)
    refined = SAM2AutomaticMaskGenerator(model, **BASE, multimask_output=False, use_m2m=True).generate(image)
    assert [one["predicted_iou"] for one in refined] != [one["predicted_iou"] for one in single]


def test_records(model, image):
    record = SAM2AutomaticMaskGenerator(model, **BASE).generate(image)[0]
    mask = record["segmentation"]
    assert (mask.dtype, mask.shape) == (np.bool_, (50, 80))
    assert record["area"] == mask.sum()
    rows, columns = np.nonzero(mask)
    x, y = columns.min(), rows.min()
    assert record["bbox"] == [x, y, columns.max() + 1 - x, rows.max() + 1 - y]
    assert record["crop_box"] == [0, 0, 80, 50]
    assert set(record) == {
        "segmentation", "area", "bbox", "predicted_iou", "point_coords", "stability_score", "crop_box"
    }  # fmt: skip
    for mode in ("uncompressed_rle", "coco_rle"):
        other = SAM2AutomaticMaskGenerator(model, **BASE, output_mode=mode).generate(image)[0]
        assert np.array_equal(Rle.from_coco(other["segmentation"]).decode(), mask)


def test_defaults_are_the_official_ones(model):
    generator = SAM2AutomaticMaskGenerator(model, unknown=3)
    assert (generator.pred_iou_thresh, generator.stability_score_thresh, generator.mask_threshold) == (0.8, 0.95, 0.0)
    assert (generator.use_m2m, generator.multimask_output, len(generator.point_grids[0])) == (False, True, 1024)
    assert generator.model is model


@pytest.mark.parametrize(
    "changed",
    [{"use_m2m": True}, {"multimask_output": False}, {"mask_threshold": 0.3}, {"min_mask_region_area": 60}],
    ids=str,
)
def test_a_setting_set_later_counts_as_if_given(model, image, changed):
    generator = SAM2AutomaticMaskGenerator(model, **BASE)
    before = generator.generate(image)
    for name, value in changed.items():
        setattr(generator, name, value)
        assert getattr(generator, name) == value
    found = generator.generate(image)
    check_same(found, SAM2AutomaticMaskGenerator(model, **BASE | changed).generate(image))
    assert [one["area"] for one in found] != [one["area"] for one in before]


def test_adapted_layers_are_obeyed(model, image):
    """A hook deep inside, another decoder, another way to make masks large: the masks change with each."""
    settings = BASE | {"pred_iou_thresh": 0.0, "stability_score_thresh": 0.0}
    before = [one["area"] for one in SAM2AutomaticMaskGenerator(model, **settings).generate(image)]
    decoder = model.sam_mask_decoder
    hook = decoder.transformer.layers[1].register_forward_hook(
        lambda module, inputs, outputs: (outputs[0], -outputs[1])
    )
    with_hook = SAM2AutomaticMaskGenerator(model, **settings)
    assert [one["area"] for one in with_hook.generate(image)] != before
    hook.remove()

    class Negative(nn.Module):
        def forward(self, **named):
            logits, *rest = decoder(**named)
            return -logits, *rest

    generator = SAM2AutomaticMaskGenerator(model, **settings)
    model.sam_mask_decoder = Negative()
    model.sam_mask_decoder.conv_s0, model.sam_mask_decoder.conv_s1 = decoder.conv_s0, decoder.conv_s1
    assert [one["area"] for one in generator.generate(image)] != before


def test_the_stability_rule_of_the_network_counts(model, image):
    settings = BASE | {"multimask_output": False, "pred_iou_thresh": 0.0, "stability_score_thresh": 0.0}
    found = {}
    for by_stability in (True, False):
        model.sam_mask_decoder.dynamic_multimask_via_stability = by_stability
        generator = SAM2AutomaticMaskGenerator(model, **settings)
        found[by_stability] = [one["predicted_iou"] for one in generator.generate(image)]
    assert found[True] != found[False]


def test_methods_can_be_overridden(model, image):
    class Halved(SAM2AutomaticMaskGenerator):
        def _process_batch(self, points, im_size, crop_box, orig_size, normalize=False):
            assert normalize
            return super()._process_batch(points[:1], im_size, crop_box, orig_size, normalize=True)

    generator = Halved(model, **BASE, points_per_batch=9)
    assert {tuple(one["point_coords"][0]) for one in generator.generate(image)} == {
        tuple(np.float32([80 / 6, 50 / 6]).tolist())
    }


def test_refining_by_hand(model, image):
    generator = SAM2AutomaticMaskGenerator(model)
    generator.predictor.set_image(image)
    points = torch.tensor([[64.0, 64.0], [20.0, 30.0], [90.0, 90.0]])
    masks, iou = generator.refine_with_m2m(points, torch.ones(3), torch.randn(3, 32, 32), points_per_batch=2)
    assert (tuple(masks.shape), tuple(iou.shape)) == ((3, 1, 50, 80), (3, 1))


def test_what_is_ready_is_known_again(model, image):
    predictor = SAM2ImagePredictor(model)
    assert ready(predictor).images is None
    predictor.set_image(image)
    first = ready(predictor)
    assert first.images is not None
    assert first.features is predictor._features["image_embed"]
    assert dataclasses.is_dataclass(first)


def test_nothing_is_found(model, image):
    assert SAM2AutomaticMaskGenerator(model, points_per_side=2, pred_iou_thresh=1.0).generate(image) == []


def test_values_without_meaning(model):
    with pytest.raises(SettingsError, match="either points_per_side or point_grids"):
        SAM2AutomaticMaskGenerator(model, points_per_side=None)
    with pytest.raises(SettingsError, match="output_mode"):
        SAM2AutomaticMaskGenerator(model, output_mode="png")
