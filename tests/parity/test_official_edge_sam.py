"""EdgeSAM and RepViT-SAM against official code itself, live, where it is installed (PyPI x-segment-anything 0.0.8).

The package holds the code of both projects behind one predictor, EdgeSAM's. Fresh images and prompts each time, the
same weights in both.
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
from tests.parity.deterministic import deterministic_state

official = pytest.importorskip("x_segment_anything", reason="the official code is not installed")

pytestmark = pytest.mark.slow

KEYS = {"edge_sam": "edge_sam", "repvit_sam": "repvit"}
"""Variants by their names in the official registry."""


def tame(state):
    """Weights whose blocks add little to their input.

    With the others activations grow to 1e10, where squeeze-and-excite is 0 or 1: for some images float32 then differs
    from float64 by as much as the embedding itself, in the official code as here.
    """
    return {key: one / 10 if key.endswith("channel_mixer.m.2.bn.weight") else one for key, one in state.items()}


def loaded_of(name):
    variant = VARIANTS[name]
    with torch.device("meta"):
        network = build_sam(variant)
    network.load_state_dict(tame(deterministic_state(network)), strict=True, assign=True)
    settings = {"device": "cpu", "precision": "float32"}
    return Loaded(network.eval(), variant, Provenance("golden", None, None, "random"), 1024, 0.88, 0.95, **settings)


@pytest.fixture(scope="module", params=KEYS)
def both(request):
    """The checkpoint here, and the official network with its weights."""
    loaded = loaded_of(request.param)
    theirs = official.sam_model_registry[KEYS[request.param]](checkpoint=None)
    theirs.load_state_dict(loaded.sam.state_dict(), strict=True)
    return loaded, theirs.eval()


@pytest.fixture(scope="module", params=[(90, 140), (1300, 700)], ids=str)
def image(request):
    height, width = request.param
    side = -(-max(height, width) // 8)
    coarse = np.random.default_rng().integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.ascontiguousarray(np.kron(coarse, np.ones((side, side, 1), np.uint8))[:height, :width])


@pytest.fixture(scope="module")
def embedded(both, image):
    """Predictors that have seen the image: ours, our embedding, theirs."""
    loaded, theirs = both
    predictor = official.SamPredictor(theirs)
    predictor.set_image(image)
    ours = samara.Predictor(loaded)
    return ours, ours.embed(image), predictor


@pytest.mark.parametrize("masks", [1, 3])
@pytest.mark.parametrize("kind", ["points", "box", "both", "mask"])
def test_predictions(embedded, image, kind, masks):
    ours, embedding, theirs = embedded
    rng = np.random.default_rng()
    height, width = image.shape[:2]
    points = rng.uniform(0, 1, (3, 2)) * (width - 1, height - 1)
    labels = np.array([1, 0, 1])
    box = np.concatenate([rng.uniform(0, 0.4, 2), rng.uniform(0.6, 1, 2)]) * [width, height, width, height]
    logits = rng.normal(size=(256, 256)).astype(np.float32)
    has_points, has_box, has_mask = kind in ("points", "both", "mask"), kind in ("box", "both"), kind == "mask"
    by_stability = ours.loaded.variant.ranks_by == "stability"
    _, wanted_scores, wanted = theirs.predict(
        point_coords=points if has_points else None,
        point_labels=labels if has_points else None,
        box=box if has_box else None,
        mask_input=logits[None] if has_mask else None,
        num_multimask_outputs=masks,
        use_stability_score=by_stability,
    )
    found = ours.predict(
        embedding,
        points if has_points else None,
        labels if has_points else None,
        box if has_box else None,
        logits if has_mask else None,
        multimask=masks == 3,
    )
    np.testing.assert_allclose(found.low_res_logits, wanted, atol=1e-3)
    np.testing.assert_allclose(found.predicted_iou, wanted_scores, atol=1e-3)


@pytest.mark.parametrize(
    "settings",
    [
        {"points_per_side": 4, "pred_iou_thresh": 0.1, "stability_score_thresh": 0.1},
        {"points_per_side": 2, "pred_iou_thresh": 0.0, "stability_score_thresh": 0.0, "crop_n_layers": 1},
    ],
    ids=["thresholds", "crops"],
)
def test_automatic_masks_of_edge_sam(both, image, settings):
    """Its generator filters stability by `pred_iou_thresh`, too; RepViT-SAM's own is SAM's, which is not in here."""
    loaded, theirs = both
    if loaded.variant.name != "edge_sam":
        pytest.skip("the generator is EdgeSAM's")
    records = official.SamAutomaticMaskGenerator(theirs, **settings).generate(image)
    records = [record for record in records if record["area"] > 0]  # ours drops empty masks
    found = samara.AutomaticMaskGenerator(loaded, samara.AutomaticSettings(**settings)).generate(image)
    assert len(found) == len(records)
    np.testing.assert_allclose(found.predicted_iou, [one["predicted_iou"] for one in records], atol=1e-3)
    points = np.reshape([one["point_coords"][0] for one in records], (-1, 2))
    np.testing.assert_allclose(found.points_xy, points, atol=1e-6)
    overlaps = [
        mask_iou([ours], [encode_mask(record["segmentation"])])[0, 0]
        for ours, record in zip(found.rles, records, strict=True)
    ]
    assert min(overlaps, default=1.0) > 0.99
