"""Against the official package itself, live, where it is installed: fresh random prompts, settings and images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import samara.segment_anything as ours

official = pytest.importorskip("segment_anything", reason="the official package is not installed")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pair():
    """The same random weights in both implementations."""
    mine = ours.sam_model_registry["vit_b"]()
    theirs = official.sam_model_registry["vit_b"]()
    theirs.load_state_dict(mine.state_dict(), strict=True)
    return mine, theirs.eval()


@pytest.fixture(scope="module", params=[(90, 140), (300, 40), (64, 64)], ids=str)
def image(request):
    rng = np.random.default_rng()
    coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.ascontiguousarray(np.kron(coarse, np.ones((40, 40, 1), np.uint8))[: request.param[0], : request.param[1]])


@pytest.fixture(scope="module")
def predictors(pair, image):
    mine, theirs = ours.SamPredictor(pair[0]), official.SamPredictor(pair[1])
    mine.set_image(image)
    theirs.set_image(image)
    return mine, theirs


def test_embeddings(predictors):
    mine, theirs = (predictor.get_image_embedding() for predictor in predictors)
    assert (mine - theirs).norm() / theirs.norm() < 1e-4


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize("kind", ["point", "points", "box", "both", "mask", "nothing"])
def test_predictions(predictors, image, kind, multimask):
    rng = np.random.default_rng()
    height, width = image.shape[:2]
    corners = np.sort(rng.uniform(0, 1, (2, 2)), axis=0) * (width - 1, height - 1) + [[0, 0], [1, 1]]
    points = rng.uniform(0, 1, (4 if kind == "points" else 1, 2)) * (width, height)
    arguments = {"multimask_output": multimask, "return_logits": True}
    if kind in ("point", "points", "both", "mask"):
        arguments |= {"point_coords": points, "point_labels": rng.integers(0, 2, len(points))}
    if kind in ("box", "both"):
        arguments |= {"box": corners.ravel()}
    if kind == "mask":
        arguments |= {"mask_input": rng.normal(size=(1, 256, 256)).astype(np.float32)}
    for mine, theirs in zip(*(predictor.predict(**arguments) for predictor in predictors), strict=True):
        assert mine.shape == theirs.shape
        assert np.abs(mine - theirs).max() < 1e-3 * max(1, np.abs(theirs).max())


@pytest.mark.parametrize(
    "settings",
    [
        {"points_per_side": 4, "pred_iou_thresh": 0.0, "stability_score_thresh": 0.1},
        {"points_per_side": 4, "pred_iou_thresh": -1.0, "stability_score_thresh": 0.0, "box_nms_thresh": 0.95},
        {
            "points_per_side": 3,
            "pred_iou_thresh": -1.0,
            "stability_score_thresh": 0.0,
            "crop_n_layers": 1,
            "min_mask_region_area": 30,
        },
    ],
)
def test_automatic_masks(pair, image, settings):
    mine, theirs = (
        generate(module.SamAutomaticMaskGenerator(sam, **settings), image)
        for module, sam in zip((ours, official), pair, strict=True)
    )
    theirs = [record for record in theirs if record["area"] > 0]  # ours drops empty masks
    assert len(mine) == len(theirs)
    for a, b in zip(mine, theirs, strict=True):
        union = (a["segmentation"] | b["segmentation"]).sum()
        assert (a["segmentation"] & b["segmentation"]).sum() / union > 0.99
        assert abs(a["predicted_iou"] - b["predicted_iou"]) < 1e-4
        assert a["crop_box"] == b["crop_box"]
        assert a["point_coords"] == b["point_coords"]


def generate(generator, image):
    try:
        return generator.generate(image)
    except IndexError:  # the official generator when nothing survives in any crop
        assert isinstance(generator, official.SamAutomaticMaskGenerator)
        return []


def test_forward(pair):
    generator = torch.Generator().manual_seed(torch.seed() % 2**31)
    batch = [
        {
            "image": torch.rand(3, 1024, width, generator=generator) * 255,
            "original_size": (200, width // 4),
            "point_coords": torch.rand(2, 3, 2, generator=generator) * 900,
            "point_labels": torch.randint(0, 2, (2, 3), generator=generator),
        }
        for width in (700, 700)
    ]
    with torch.no_grad():
        for mine, theirs in zip(*(sam(batch, multimask_output=True) for sam in pair), strict=True):
            torch.testing.assert_close(mine["low_res_logits"], theirs["low_res_logits"], atol=1e-3, rtol=1e-3)
            torch.testing.assert_close(mine["iou_predictions"], theirs["iou_predictions"], atol=1e-4, rtol=1e-3)
