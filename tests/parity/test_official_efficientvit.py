"""EfficientViT-SAM against its official code itself, live, where it is installed (PyPI efficientsam 1.0.0).

Fresh images and prompts each time, the same weights in both.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

import samara
from samara.engines.loaded import Loaded, Provenance
from samara.masks.overlap import mask_iou
from samara.masks.rle import encode_mask
from samara.networks.build import build_sam
from samara.networks.variants import VARIANTS
from samara.segmentation.predictor import full_size
from tests.parity.deterministic import deterministic_state

official = pytest.importorskip("efficientsam.sam_model_zoo", reason="the official code is not installed")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def loaded():
    variant = VARIANTS["efficientvit_sam_l0"]
    with torch.device("meta"):
        network = build_sam(variant)
    network.load_state_dict(deterministic_state(network), strict=True, assign=True)
    settings = {"device": "cpu", "precision": "float32"}
    return Loaded(network.eval(), variant, Provenance("golden", None, None, "random"), 512, 0.88, 0.95, **settings)


@pytest.fixture(scope="module")
def theirs(loaded):
    model = official.create_efficientvit_sam_model("efficientvit-sam-l0", pretrained=False)
    model.load_state_dict(loaded.sam.state_dict(), strict=True)
    return model.eval()


@pytest.fixture(scope="module", params=[(90, 140), (1300, 700), (64, 64)], ids=str)
def image(request):
    height, width = request.param
    side = -(-max(height, width) // 8)
    coarse = np.random.default_rng().integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.ascontiguousarray(np.kron(coarse, np.ones((side, side, 1), np.uint8))[:height, :width])


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize("kind", ["points", "box", "both", "mask"])
def test_predictions(loaded, theirs, image, kind, multimask):
    from efficientsam.models.efficientvit.sam import EfficientViTSamPredictor

    rng = np.random.default_rng()
    height, width = image.shape[:2]
    points = rng.uniform(0, 1, (3, 2)) * (width - 1, height - 1)
    labels = np.array([1, 0, 1])
    box = np.concatenate([rng.uniform(0, 0.4, 2), rng.uniform(0.6, 1, 2)]) * [width, height, width, height]
    logits = rng.normal(size=(256, 256)).astype(np.float32)
    has_points, has_box, has_mask = kind in ("points", "both", "mask"), kind in ("box", "both"), kind == "mask"
    predictor = EfficientViTSamPredictor(theirs)
    predictor.set_image(image)
    wanted, wanted_iou, wanted_low_res = predictor.predict(
        points if has_points else None,
        labels if has_points else None,
        box if has_box else None,
        logits[None] if has_mask else None,
        multimask_output=multimask,
        return_logits=True,
    )
    ours = samara.Predictor(loaded)
    embedding = ours.embed(image)
    found = ours.predict(
        embedding,
        points if has_points else None,
        labels if has_points else None,
        box if has_box else None,
        logits if has_mask else None,
        multimask=multimask,
    )
    np.testing.assert_allclose(found.low_res_logits, wanted_low_res, atol=1e-3)
    np.testing.assert_allclose(found.predicted_iou, wanted_iou, atol=1e-4)
    enlarged = torch.cat(list(full_size(torch.from_numpy(found.low_res_logits), embedding.frame)))
    np.testing.assert_allclose(enlarged.numpy(), wanted, atol=1e-3)


@pytest.mark.parametrize(
    "settings",
    [
        {"points_per_side": 4, "pred_iou_thresh": -1.0, "stability_score_thresh": 0.1},
        {"points_per_side": 3, "pred_iou_thresh": -1.0, "stability_score_thresh": 0.0, "crop_n_layers": 1},
    ],
    ids=["thresholds", "crops"],
)
def test_automatic_masks(loaded, theirs, image, settings):
    from efficientsam.models.efficientvit.sam import EfficientViTSamAutomaticMaskGenerator

    records = EfficientViTSamAutomaticMaskGenerator(theirs, **settings).generate(image)
    records = [record for record in records if record["area"] > 0]  # ours drops empty masks
    found = samara.AutomaticMaskGenerator(loaded, samara.AutomaticSettings(**settings)).generate(image)
    assert len(found) == len(records)
    np.testing.assert_allclose(found.predicted_iou, [one["predicted_iou"] for one in records], atol=1e-4)
    points = np.reshape([one["point_coords"][0] for one in records], (-1, 2))
    np.testing.assert_allclose(found.points_xy, points, atol=1e-6)
    overlaps = [
        mask_iou([ours], [encode_mask(record["segmentation"])])[0, 0]
        for ours, record in zip(found.rles, records, strict=True)
    ]
    assert min(overlaps, default=1.0) > 0.99
