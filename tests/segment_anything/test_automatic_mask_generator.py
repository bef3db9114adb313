"""The generator as programs use it: settings set later, methods overridden, predictors replaced."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

from samara.errors import SettingsError
from samara.segment_anything import SamAutomaticMaskGenerator, SamPredictor
from samara.segment_anything.utils.amg import MaskData
from tests.segment_anything.adapting import lora_on_projections
from tests.segment_anything.compute import IMAGE, SETTINGS

BASE = {
    "points_per_side": 2,
    "pred_iou_thresh": 0.1,
    "stability_score_thresh": 0.1,
    "stability_score_offset": 0.2,
    "box_nms_thresh": 1.5,  # the masks of a random network lie over one another
    "crop_nms_thresh": 1.5,
}
GRIDS = [np.array([[0.2, 0.3], [0.6, 0.7]])]


def answers(generator):
    records = generator.generate(IMAGE)
    for record in records:
        if isinstance(record["segmentation"], np.ndarray):
            record["segmentation"] = record["segmentation"].tolist()
    return records


def check_same(found, wanted):
    """The same masks; the last bits depend on how many points went through together."""
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert type(one["segmentation"]) is type(other["segmentation"])
        for key in ("point_coords", "crop_box"):
            assert one[key] == other[key]
        assert one["predicted_iou"] == pytest.approx(other["predicted_iou"], abs=1e-4)
        assert one["area"] == pytest.approx(other["area"], abs=2)


@pytest.mark.parametrize(
    "changed",
    [
        {"pred_iou_thresh": 0.95},
        {"pred_iou_thresh": 0.999},
        {"stability_score_thresh": 0.8},
        {"stability_score_offset": 0.6, "stability_score_thresh": 0.7},
        {"box_nms_thresh": 0.2},
        {"box_nms_thresh": 0.97},
        {"box_nms_thresh": -1.0},
        {"crop_n_layers": 1, "crop_nms_thresh": 0.1, "crop_overlap_ratio": 0.6},
        {"crop_n_layers": 1, "crop_n_points_downscale_factor": 2},
        {"points_per_side": 3},
        {"points_per_batch": 3},
        {"points_per_side": None, "point_grids": GRIDS},
        {"points_per_side": None, "point_grids": [*GRIDS, GRIDS[0][:1]], "crop_n_layers": 1},
        {"min_mask_region_area": 300},
        {"output_mode": "coco_rle"},
        {"output_mode": "uncompressed_rle"},
    ],
    ids=str,
)
def test_a_setting_set_later_counts_as_if_given(tiny_sam, changed):
    generator = SamAutomaticMaskGenerator(tiny_sam, **BASE)
    before = answers(generator)
    for name, value in changed.items():
        if value is not None:
            setattr(generator, name, value)
            assert getattr(generator, name) is value
    found = answers(generator)
    check_same(found, answers(SamAutomaticMaskGenerator(tiny_sam, **(BASE | changed))))
    if "points_per_batch" not in changed:  # or the test would show nothing
        assert found != before


def test_a_grid_can_be_changed_in_place(tiny_sam):
    generator = SamAutomaticMaskGenerator(tiny_sam, **BASE)
    generator.point_grids[0] = GRIDS[0]
    check_same(
        answers(generator),
        answers(SamAutomaticMaskGenerator(tiny_sam, **(BASE | {"points_per_side": None, "point_grids": GRIDS}))),
    )
    generator.points_per_side = 2
    check_same(answers(generator), answers(SamAutomaticMaskGenerator(tiny_sam, **BASE)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"output_mode": "png"}, "output_mode"),
        ({"points_per_batch": 0}, "points_per_batch is 0"),
        ({"points_per_side": 0}, "points_per_side is 0"),
        ({"crop_n_layers": -1}, "crop_n_layers is -1"),
        ({"point_grids": GRIDS, "crop_n_layers": 1}, "1 point grids for 1 crop layers"),
    ],
)
def test_what_has_no_meaning_is_refused_when_it_is_used(tiny_sam, changed, message):
    generator = SamAutomaticMaskGenerator(tiny_sam)
    for name, value in changed.items():
        setattr(generator, name, value)
    with pytest.raises(SettingsError, match=message):
        generator.generate(IMAGE)
    given = {"points_per_side": None} | changed if "point_grids" in changed else changed
    with pytest.raises(SettingsError, match=message):
        SamAutomaticMaskGenerator(tiny_sam, **given)


def test_the_thresholds_of_a_network_from_parts_are_the_official_ones(tiny_sam):
    generator = SamAutomaticMaskGenerator(tiny_sam)
    assert (generator.pred_iou_thresh, generator.stability_score_thresh) == (0.88, 0.95)
    assert generator.model is generator.predictor.model is tiny_sam


def test_an_overridden_batch_is_what_counts(tiny_sam):
    class Left(SamAutomaticMaskGenerator):
        """Keeps points in the left half; the official signature."""

        def _process_batch(self, points, im_size, crop_box, orig_size):
            data = super()._process_batch(points, im_size, crop_box, orig_size)
            data.filter(data["points"][:, 0] < im_size[1] / 2)
            return data

    everything = SamAutomaticMaskGenerator(tiny_sam, points_per_side=3, **SETTINGS["all"]).generate(IMAGE)
    found = Left(tiny_sam, points_per_side=3, **SETTINGS["all"]).generate(IMAGE)
    left = [record for record in everything if record["point_coords"][0][0] < 20]
    assert 0 < len(found) == len(left) < len(everything)


def test_an_overridden_crop_and_all_masks_are_what_count(tiny_sam):
    calls = []

    class Watched(SamAutomaticMaskGenerator):
        """Sees every step; the official signatures."""

        def _process_crop(self, image, crop_box, crop_layer_idx, orig_size):
            calls.append((image.shape, list(crop_box), crop_layer_idx, tuple(orig_size)))
            return super()._process_crop(image, crop_box, crop_layer_idx, orig_size)

        def _generate_masks(self, image):
            data = super()._generate_masks(image)
            data.filter(torch.arange(len(data["rles"])) < 1)
            return data

        @staticmethod
        def postprocess_small_regions(mask_data, min_area, nms_thresh):
            calls.append((min_area, nms_thresh))
            return mask_data

    generator = Watched(tiny_sam, **BASE, min_mask_region_area=7, crop_n_layers=1)
    assert len(generator.generate(IMAGE)) == 1
    assert calls[0] == ((50, 40, 3), [0, 0, 40, 50], 0, (50, 40))
    assert [call[2] for call in calls[:5]] == [0, 1, 1, 1, 1]
    assert calls[5:] == [(7, 1.5)]


def test_the_official_batch_written_out_works(tiny_sam):
    """As programs copy it: from the predictor's predict_torch, with the functions of utils.amg."""
    from samara.segment_anything.utils import amg

    class Copied(SamAutomaticMaskGenerator):
        """Takes one mask per point."""

        def _process_batch(self, points, im_size, crop_box, orig_size):
            coords = torch.as_tensor(self.predictor.transform.apply_coords(points, im_size))
            masks, iou, _ = self.predictor.predict_torch(
                coords[:, None, :],
                torch.ones(len(coords), 1, dtype=torch.int),
                multimask_output=False,
                return_logits=True,
            )
            data = MaskData(masks=masks.flatten(0, 1), iou_preds=iou.flatten(0, 1), points=torch.as_tensor(points))
            data["stability_score"] = amg.calculate_stability_score(data["masks"], 0.0, 1.0)
            data["masks"] = data["masks"] > self.predictor.model.mask_threshold
            data["boxes"] = amg.batched_mask_to_box(data["masks"])
            data["rles"] = amg.mask_to_rle_pytorch(amg.uncrop_masks(data["masks"], crop_box, *orig_size))
            del data["masks"]
            return data

    records = Copied(tiny_sam, points_per_side=3).generate(IMAGE)
    assert records
    for record in records:
        rows, columns = np.nonzero(record["segmentation"])
        x, y, width, height = record["bbox"]
        assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (x, y, x + width, y + height)


def test_a_replaced_predictor_is_asked(tiny_sam):
    class Grown(SamPredictor):
        """Draws everything larger."""

        def predict_torch(self, *args, **more):
            masks, iou, low_res = super().predict_torch(*args, **more)
            return masks + 0.3, iou, low_res

    generator = SamAutomaticMaskGenerator(tiny_sam, points_per_side=3, **SETTINGS["all"])
    usual = generator.generate(IMAGE)
    generator.predictor = Grown(tiny_sam)
    grown = generator.generate(IMAGE)
    assert sum(record["area"] for record in grown) > sum(record["area"] for record in usual)


def test_a_predictor_of_another_kind_is_asked(tiny_sam):
    class Anything:
        """Has what the official generator uses, and no more."""

        def __init__(self, predictor):
            self.predictor, self.model = predictor, predictor.model
            self.transform, self.device = predictor.transform, predictor.device
            self.set_image, self.reset_image = predictor.set_image, predictor.reset_image

        def predict_torch(self, points, labels, multimask_output, return_logits):
            return self.predictor.predict_torch(
                points, labels, multimask_output=multimask_output, return_logits=return_logits
            )

    generator = SamAutomaticMaskGenerator(tiny_sam, **BASE)
    wanted = answers(generator)
    generator.predictor = Anything(SamPredictor(tiny_sam))
    check_same(answers(generator), wanted)


def test_an_adapted_decoder_is_used_here_as_by_the_predictor(tiny_sam):
    before = SamAutomaticMaskGenerator(tiny_sam, points_per_side=3, **SETTINGS["all"]).generate(IMAGE)
    lora_on_projections(tiny_sam)
    after = SamAutomaticMaskGenerator(tiny_sam, points_per_side=3, **SETTINGS["all"]).generate(IMAGE)
    predictor = SamPredictor(tiny_sam)
    predictor.set_image(IMAGE)
    assert [one["area"] for one in before] != [one["area"] for one in after]
    for record in after[:5]:
        masks, iou, _ = predictor.predict(np.array(record["point_coords"]), np.array([1]))
        best = int(np.abs(iou - record["predicted_iou"]).argmin())
        assert abs(iou[best] - record["predicted_iou"]) < 1e-3
        assert (masks[best] != record["segmentation"]).mean() < 1e-2


def test_hq_sam_takes_its_own_argument(tiny_hq_sam):
    generator = SamAutomaticMaskGenerator(tiny_hq_sam, points_per_side=3, **SETTINGS["all"])
    best, single = generator.generate(IMAGE), generator.generate(IMAGE, multimask_output=False)
    assert {one["predicted_iou"] for one in best} != {one["predicted_iou"] for one in single}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_around_it(tiny_sam, dtype):
    generator = SamAutomaticMaskGenerator(tiny_sam, points_per_side=3, **SETTINGS["all"])
    wanted = generator.generate(IMAGE)
    with torch.autocast("cpu", dtype=dtype):
        found = generator.generate(IMAGE)
        lora_on_projections(tiny_sam)
        assert generator.generate(IMAGE)
    assert len(found) == len(wanted)
    assert np.mean([one["area"] for one in found]) == pytest.approx(np.mean([one["area"] for one in wanted]), rel=0.1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_networks_of_other_types(tiny_sam, dtype):
    wanted = SamAutomaticMaskGenerator(tiny_sam, points_per_side=3, **SETTINGS["all"]).generate(IMAGE)
    found = SamAutomaticMaskGenerator(tiny_sam.to(dtype), points_per_side=3, **SETTINGS["all"]).generate(IMAGE)
    assert np.mean([one["area"] for one in found]) == pytest.approx(np.mean([one["area"] for one in wanted]), rel=0.1)


def test_copies_and_pickles(tiny_sam):
    generator = SamAutomaticMaskGenerator(tiny_sam, **BASE)
    wanted = answers(generator)
    for other in (copy.deepcopy(generator), pickle.loads(pickle.dumps(generator))):
        check_same(answers(other), wanted)
