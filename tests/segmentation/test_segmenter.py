"""The one interface: whatever the checkpoint, the same questions have answers of the same form."""

from __future__ import annotations

import numpy as np
import pytest

import samara
from samara.errors import PromptError
from samara.segmentation.instances.letterbox import Letterbox
from samara.segmentation.open import open_segmenter
from samara.segmentation.prompts import Prompt
from tests.segmentation.instances.planted import PlantedEngine

SIZE_HW = (40, 60)
CLICKS = [Prompt([x, 20]) for x in (10, 30, 50)]
BOX = Prompt(box=[5, 5, 40, 35])
TWO = Prompt([[10, 20], [30, 20]], [1, 1])


def made(name):
    loaded = samara.load(name, weights="random", device="cpu", precision="float32", input_size=64)
    segmenter = open_segmenter(loaded, samara.AutomaticSettings(points_per_side=2) if "sam_hq" in name else None)
    if name == "fastsam_s":
        discs = [(10, 20, 6, 0, 1.0), (30, 20, 9, 0, 2.0), (32, 20, 12, 0, 0.5)]
        segmenter.engine = PlantedEngine(Letterbox(SIZE_HW, 64), discs, 1)
    return segmenter


@pytest.fixture(scope="module", params=["mobile_sam", "sam_hq_vit_tiny", "fastsam_s"])
def segmenter(request):
    return made(request.param)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (*SIZE_HW, 3), dtype=np.uint8)


def test_what_is_asked_of_a_seen_image_is_what_is_asked_of_the_image(segmenter, image):
    seen = segmenter.embed(image)
    assert segmenter.everything(seen).rles == segmenter.generate(image).rles
    for multimask in (True, False):
        prompts = [CLICKS[1], BOX]
        answer = segmenter.answer(seen, prompts, multimask=multimask)
        assert answer.rles == segmenter.predict_prompts(image, prompts, multimask=multimask).rles


def test_each_prompt_gets_its_best_mask_in_any_company(segmenter, image):
    """A click the most trusted of several, every other prompt its one; many clicks in parts as together."""
    seen = segmenter.embed(image)
    mixture = [CLICKS[0], BOX, CLICKS[1], TWO, CLICKS[2]]
    found = segmenter.best(seen, mixture)
    assert sorted(set(found.prompt_index.tolist())) == found.prompt_index.tolist()
    for index, prompt in enumerate(mixture):
        alone = segmenter.answer(seen, [prompt], multimask=prompt.is_ambiguous)
        here = found[found.prompt_index == index]
        assert len(here) == min(1, len(alone))
        if len(alone):
            assert here.predicted_iou[0] == pytest.approx(alone.best().predicted_iou[0], abs=1e-5)
    parts = made_of_parts(segmenter, seen, mixture)
    assert parts.prompt_index.tolist() == found.prompt_index.tolist()
    assert parts.predicted_iou == pytest.approx(found.predicted_iou, abs=1e-5)


def made_of_parts(segmenter, seen, prompts):
    whole, segmenter.prompts_at_a_time = segmenter.prompts_at_a_time, 1
    try:
        return segmenter.best(seen, prompts)
    finally:
        segmenter.prompts_at_a_time = whole


def test_no_prompts_have_no_masks_and_logits_are_left_out_where_nobody_wants_them(segmenter, image):
    seen = segmenter.embed(image)
    assert len(segmenter.best(seen, [])) == 0
    assert segmenter.best(seen, []).size_hw == SIZE_HW
    assert segmenter.best(seen, [CLICKS[1]], with_logits=False).low_res_logits is None
    logits = segmenter.best(seen, [CLICKS[1]]).low_res_logits
    assert (logits is None) == (not segmenter.loaded.variant.embeds_images)


def test_the_unsparing_one_takes_what_was_seen_and_finds_no_less(segmenter, image):
    seen = segmenter.embed(image)
    unsparing = segmenter.unsparing(2, 100)
    assert len(unsparing.everything(seen)) >= len(segmenter.everything(seen))
    assert segmenter.with_smaller_batches().everything(seen).rles == segmenter.everything(seen).rles


def test_capabilities_are_checked_before_the_network_runs(image, monkeypatch):
    loaded = samara.load("sam_hq_vit_tiny", weights="random", device="cpu", precision="float32", input_size=64)
    segmenter = open_segmenter(loaded)
    monkeypatch.setattr(segmenter.predictor, "embed", None)
    monkeypatch.setattr("samara.segmentation.segmenter.check_capabilities", lambda *_: _refuse())
    with pytest.raises(PromptError, match="no"):
        segmenter.predict_prompts(image, [Prompt([5, 5])])


def _refuse():
    raise PromptError("no")
