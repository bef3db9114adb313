"""Families that differ from SAM in frame, fit or embedding do what SAM does: prompts, everything, stored embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

import samara
from samara.annotation.inputs.decoded import DecodedImage
from samara.annotation.run.annotator import make_annotator
from samara.annotation.run.settings import AnnotationSettings
from samara.annotation.store.plan import Asked
from samara.engines.loaded import Loaded
from samara.errors import PromptError
from samara.measurement.evaluation.adapters import model_under_test
from samara.segmentation.embedding_store import EmbeddingStore
from samara.segmentation.open import open_segmenter
from samara.segmentation.prompts import Prompt
from samara.segmentation.stored_predictor import StoredPredictor
from tests.engines.conftest import small

CLICKS = [Prompt([x, 30]) for x in range(5, 105, 10)]
BOXES = [Prompt(box=[x, 4, x + 40, 50]) for x in range(5, 65, 6)]
BOX = Prompt(box=[5, 5, 90, 50])


@dataclass(frozen=True)
class Case:
    """A small network of a family, and where an image of 110 x 60 pixels lies in its frame."""

    loaded: Loaded
    fit: str
    channels: int
    frame: int
    resized_hw: tuple[int, int]

    @property
    def prompts(self):
        """Ten that it takes."""
        return CLICKS if self.loaded.variant.capabilities.points else BOXES

    @property
    def multimask(self):
        """Whether it has three masks for each."""
        return self.loaded.variant.capabilities.three_masks


# The asked size, of which LiteMedSAM's small cells make a quarter.
CASES = {
    "sam2.1_hiera_t": (128, "squash", 1024, 128, (128, 128)),
    "sam2.1_hq_hiera_l": (128, "squash", 1024, 128, (128, 128)),
    "efficientvit_sam_l0": (64, "pad", 256, 128, (70, 128)),
    "edge_sam": (128, "pad", 256, 128, (70, 128)),
    "repvit_sam": (128, "pad", 256, 128, (70, 128)),
    "efficient_sam_ti": (128, "squash", 256, 128, (128, 128)),
    "lite_medsam": (128, "pad", 256, 32, (17, 32)),
    "sam_med2d_b": (128, "squash", 256, 128, (128, 128)),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    input_size, *where = CASES[request.param]
    return Case(small(request.param, input_size), *where)


@pytest.fixture(scope="module")
def image():
    return noise()


def noise():
    """An image of 110 x 60 pixels."""
    return np.random.default_rng(0).integers(0, 256, (60, 110, 3), dtype=np.uint8)


def expected(loaded, image, prompts, multimask, resized_hw):
    """By the network as a module, one prompt at a time; coordinates are scaled here."""
    scale = np.array(resized_hw[::-1]) / np.array(image.shape[1::-1])
    with torch.inference_mode():
        for prompt in prompts:
            points = boxes = None
            if len(prompt.points_xy):
                points = (torch.from_numpy(prompt.points_xy * scale).float()[None], torch.tensor([[1]]))
            if prompt.box_xyxy is not None:
                boxes = torch.from_numpy(prompt.box_xyxy * np.tile(scale, 2)).float()[None]
            yield loaded.sam(loaded.network_input(image), points, boxes, multimask=multimask)


def test_prompts_have_the_networks_own_answers_one_by_one_and_many_together(case, image):
    loaded = case.loaded
    predictor = samara.Predictor(loaded)
    embedding, other = predictor.embed([image, image[:, ::-1].copy()], batch_size=2)
    assert embedding.features.shape == (loaded.variant.embedding_channels, 8, 8) == (case.channels, 8, 8)
    assert embedding.input_size == loaded.input_size
    assert (embedding.frame.side, embedding.frame.resized_size_hw) == (case.frame, case.resized_hw)
    whole = [logits[0] for logits, _ in expected(loaded, image, case.prompts, case.multimask, case.resized_hw)]
    for prompts in (
        case.prompts[:1],
        case.prompts[:3],
        case.prompts,
    ):  # the last ones share what they can, see `TorchEngine`
        found = predictor.predict_prompts(embedding, prompts)
        np.testing.assert_allclose(found.low_res_logits, torch.cat(whole[: len(prompts)]), atol=1e-4)
        assert len(found) == len(prompts) * (3 if case.multimask else 1)
        assert found.size_hw == (60, 110)
    of_two = predictor.predict_batch([embedding, other], [[BOX], [BOX]], multimask=False)
    for masks, pixels in zip(of_two, (image, image[:, ::-1].copy()), strict=True):
        ((logits, _),) = expected(loaded, pixels, [BOX], False, case.resized_hw)
        np.testing.assert_allclose(masks.low_res_logits, logits[0], atol=1e-4)


def test_an_embedding_from_a_file_or_a_store_is_as_good(case, image, tmp_path):
    predictor = StoredPredictor(case.loaded, EmbeddingStore(tmp_path, 1 << 30))
    embedding = predictor.embed(image)
    again = predictor.embed(image)
    assert again is not embedding
    assert (again.fit, again.frame) == (case.fit, embedding.frame)
    assert again.input_size == embedding.input_size == case.loaded.input_size
    one, other = (predictor.predict_prompts(it, case.prompts[:2]) for it in (embedding, again))
    assert one.rles == other.rles


def test_whatever_asks_a_segmenter_asks_it_too(case, image):
    loaded = case.loaded
    settings = samara.AutomaticSettings(
        points_per_side=2, pred_iou_thresh=0.0, stability_score_thresh=0.0, min_mask_region_area=0
    )
    segmenter, model = open_segmenter(loaded, settings), model_under_test(loaded, points_per_side=2)
    seen = model.embed(image)
    if loaded.variant.capabilities.everything:
        everything = segmenter.generate(image)
        assert model.everything(seen).rles == everything.rles
        assert everything.size_hw == (60, 110)
    else:
        with pytest.raises(PromptError, match=r"LiteMedSAM answers boxes alone.*give boxes, or use SAM,"):
            segmenter.generate(image)
        with pytest.raises(PromptError, match="cannot find everything by itself"):
            make_annotator(loaded, AnnotationSettings(asking="everything"))
    answers = model.answer(seen, [case.prompts[0], BOX])
    assert [one.low_res_logits.shape for one in answers] == [(32, 32)] * 2
    annotator = make_annotator(loaded, AnnotationSettings(asking="prompts"))
    masks = annotator.annotate(DecodedImage(image), [Asked(box=(5.0, 5.0, 90.0, 50.0))])
    assert masks.rles[0] == answers[1].rle
