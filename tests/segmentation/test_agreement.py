"""How much answers disagree: the worst pair counts, and the network's three answers are the ones compared."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from samara.masks.overlap import mask_iou
from samara.segmentation.agreement import lowest_answer_iou
from samara.segmentation.prompted import PromptedSegmenter
from samara.segmentation.prompts import Prompt


def test_the_worst_pair_counts():
    a = torch.tensor([[1.0, 1.0, -1.0, -1.0]])
    b = torch.tensor([[1.0, 1.0, 1.0, -1.0]])
    c = torch.tensor([[-1.0, 1.0, 1.0, 1.0]])
    empty = -torch.ones(1, 4)
    answers = torch.stack([torch.stack(three) for three in ([a, b, c], [a, a, a], [empty] * 3)])
    assert lowest_answer_iou(answers, 0.0) == pytest.approx([1 / 4, 1, 1])


def test_padding_does_not_count(mini, monkeypatch):
    segmenter = PromptedSegmenter(mini)
    seen = segmenter.embed(np.zeros((60, 160, 3), dtype=np.uint8))
    height, width = seen.embedding.frame.low_res_size_hw
    answers = torch.ones(1, 3, width, width)
    answers[0, 1, height:] = -1
    monkeypatch.setattr(segmenter.predictor, "low_res_answers", lambda embeddings, prompts: [answers])
    assert segmenter.answer_iou([seen], [[Prompt(box=[0, 0, 9, 9])]])[0] == [1.0]


def test_the_answers_are_the_networks(mini):
    segmenter = PromptedSegmenter(mini, prompts_at_a_time=1)
    image = np.random.default_rng(0).integers(0, 255, (60, 160, 3), dtype=np.uint8)
    image[20:40, 20:50] = 250
    seen = segmenter.embed(image)
    prompts = [Prompt(box=[20, 20, 50, 40]), Prompt([[30, 30]], [1])]
    nothing, found = segmenter.answer_iou([seen, seen], [[], prompts])
    assert nothing.shape == (0,)
    for prompt, lowest in zip(prompts, found, strict=True):
        masks = segmenter.answer(seen, [prompt], multimask=True)
        assert mask_iou(masks.rles, masks.rles).min() == pytest.approx(lowest, abs=0.02)  # at full size
