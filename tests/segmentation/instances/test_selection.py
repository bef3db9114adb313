"""Prompts that choose, on masks drawn by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from samara.errors import PromptError
from samara.masks.mask_set import MaskSet
from samara.masks.rle import encode_mask
from samara.segmentation.instances.selection import choose
from samara.segmentation.prompts import Prompt

SIZE_HW = (20, 30)
NOTHING = np.zeros(SIZE_HW, dtype=bool)


def rectangle(x0, y0, x1, y1):
    mask = NOTHING.copy()
    mask[y0:y1, x0:x1] = True
    return mask


PERSON, SHIRT, DOG, BOTH = (
    rectangle(2, 2, 12, 18),
    rectangle(4, 6, 10, 12),
    rectangle(15, 10, 25, 18),
    rectangle(2, 2, 25, 18),
)


def set_of(*masks, confidence=None):
    count = len(masks)
    return MaskSet(
        rles=tuple(encode_mask(mask) for mask in masks),
        size_hw=SIZE_HW,
        checkpoint="fastsam_s",
        predicted_iou=np.array(confidence or np.linspace(0.9, 0.5, count)),
        prompt_index=np.arange(count),
        class_index=np.zeros(count, dtype=np.int64),
        class_names=("object",),
    )


EVERYTHING = set_of(PERSON, SHIRT, DOG, BOTH, confidence=[0.7, 0.9, 0.8, 0.6])


@pytest.mark.parametrize(
    ("prompt", "chosen"),
    [
        (Prompt([5, 8]), [SHIRT, PERSON, BOTH]),  # the most confident first
        (Prompt([2, 2]), [PERSON, BOTH]),
        (Prompt([11, 17]), [PERSON, BOTH]),
        (Prompt([12, 17]), [BOTH]),
        (Prompt([29, 0]), []),
        (Prompt([[5, 8], [20, 12]]), [SHIRT, DOG, PERSON, BOTH]),
        (Prompt([[5, 8], [20, 12]], [1, 0]), [SHIRT, PERSON]),
        (Prompt([[5, 8], [3, 3]], [1, 0]), [SHIRT]),
        (Prompt([[5, 8], [5, 8]], [1, 0]), []),
        (Prompt(box=[14, 9, 25, 18]), [DOG]),
        (Prompt(box=[3, 3, 11, 17]), [PERSON]),
        (Prompt(box=[26, 0, 30, 5]), []),
        (Prompt([20, 12], box=[2, 2, 12, 18]), [BOTH]),  # of the masks with the point, the one that fits the box best
        (Prompt([20, 12], [0], box=[2, 2, 25, 18]), [PERSON]),
    ],
)
def test_several_masks(prompt, chosen):
    answer = choose(EVERYTHING, [prompt], multimask=True)
    assert len(answer) == len(chosen)
    for mask, wanted in zip(answer.masks(), chosen, strict=True):
        assert np.array_equal(mask, wanted)
    assert answer.prompt_index.tolist() == [0] * len(chosen)
    merged = choose(EVERYTHING, [prompt], multimask=False)
    assert len(merged) == bool(chosen)
    if chosen:
        assert np.array_equal(merged.masks()[0], np.logical_or.reduce(chosen))
        assert merged.predicted_iou[0] == answer.predicted_iou.max()


def test_the_order_of_masks_and_points_does_not_matter():
    """Unlike in the published code, where the last one wins."""
    points, labels = [[5, 8], [20, 12], [3, 3]], [1, 1, 0]
    wanted = choose(EVERYTHING, [Prompt(points, labels)], multimask=False).masks()
    for masks in itertools.permutations(range(4)):
        for order in itertools.permutations(range(3)):
            prompt = Prompt([points[index] for index in order], [labels[index] for index in order])
            answer = choose(EVERYTHING[list(masks)], [prompt], multimask=False)
            assert np.array_equal(answer.masks(), wanted)


def test_many_prompts_keep_their_order_and_numbers():
    prompts = [Prompt(box=[14, 9, 25, 18]), Prompt([29, 0]), Prompt([5, 8])]
    answer = choose(EVERYTHING, prompts, multimask=True)
    assert answer.prompt_index.tolist() == [0, 2, 2, 2]
    assert choose(EVERYTHING, prompts, multimask=False).prompt_index.tolist() == [0, 2]
    assert answer.best().prompt_index.tolist() == [0, 2]
    assert answer.class_names == ("object",)


@pytest.mark.parametrize("multimask", [True, False])
def test_no_prompt_and_no_mask(multimask):
    assert len(choose(EVERYTHING, [], multimask=multimask)) == 0
    assert len(choose(EVERYTHING[:0], [Prompt([5, 8]), Prompt(box=[1, 1, 9, 9])], multimask=multimask)) == 0


@pytest.mark.parametrize(
    ("point", "holds"),
    [([2.49, 2.49], True), ([1.49, 2], False), ([1.5, 1.5], True), ([11.49, 17.49], True), ([11.5, 17], False)],
)
def test_a_point_names_the_nearest_pixel(point, holds):
    assert len(choose(set_of(PERSON), [Prompt(point)])) == holds


def test_points_just_outside_count_to_the_edge():
    whole = set_of(~NOTHING)
    assert len(choose(whole, [Prompt([-1, -1])])) == len(choose(whole, [Prompt([30, 20])])) == 1


@pytest.mark.parametrize("seed", range(5))
def test_boxes_choose_the_best_iou_of_random_masks(seed):
    rng = np.random.default_rng(seed)
    masks = [rng.random(SIZE_HW) < rng.uniform(0.1, 0.9) for _ in range(6)]
    masks = [mask & rectangle(*corners(rng)) for mask in masks]
    x0, y0, x1, y1 = corners(rng)
    filled = rectangle(x0, y0, x1, y1)
    ious = [(mask & filled).sum() / (mask | filled).sum() for mask in masks]
    answer = choose(set_of(*masks), [Prompt(box=[x0, y0, x1, y1])])
    if max(ious) == 0:
        assert len(answer) == 0
    else:
        assert np.array_equal(answer.masks()[0], masks[int(np.argmax(ious))])


def corners(rng):
    x0, y0 = rng.integers(0, 20), rng.integers(0, 12)
    return x0, y0, x0 + rng.integers(2, 10), y0 + rng.integers(2, 8)


def test_a_box_smaller_than_a_pixel_is_the_pixel():
    assert np.array_equal(choose(set_of(PERSON), [Prompt(box=[5.1, 5.1, 5.2, 5.2])]).masks()[0], PERSON)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (Prompt([5, 5], [0]), "background points alone"),
        (Prompt(mask_logits=np.zeros((8, 8))), "mask logits cannot select"),
        (Prompt([40, 5]), "outside the image"),
        (Prompt(box=[0, 0, 40, 5]), "exceeds the image"),
    ],
)
def test_what_chooses_nothing_is_said(prompt, message):
    with pytest.raises(PromptError, match=message):
        choose(EVERYTHING, [prompt])
