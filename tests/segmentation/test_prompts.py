"""Prompts: every accepted form, every refused one, and nothing in between."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from samara.errors import PromptError
from samara.segmentation.prompts import Prompt, as_prompts


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "empty"),
        ({"points": [[np.nan, 1]]}, "NaN or infinity in points"),
        ({"points": [[np.inf, 1]]}, "infinity"),
        ({"points": []}, r"shape \(P, 2\)"),
        ({"points": [[1, 2, 3]]}, r"shape \(P, 2\)"),
        ({"points": [["a", "b"]]}, "must be numbers"),
        ({"points": [[1, 2]], "labels": [1, 0]}, "1 points and 2 labels"),
        ({"points": [[1, 2]], "labels": [2]}, "labels must be 1"),
        ({"points": [[1, 2]], "labels": [0.5]}, "labels must be 1"),
        ({"labels": [1], "box": [0, 0, 1, 1]}, "labels were given without points"),
        ({"box": [1, 2, 3]}, "four numbers"),
        ({"box": [np.nan, 0, 1, 1]}, "NaN or infinity in box"),
        ({"box": [50, 60, 20, 30]}, r"looks like \[x, y, width, height\]: \[50, 60, 70, 90\]"),
        ({"box": [10, 10, 10, 20]}, "has no area"),
        ({"box": [10, 10, -5, 20]}, "has no area"),
        ({"mask_logits": np.zeros((2, 4, 4))}, r"shape \(4h, 4w\)"),
        ({"mask_logits": np.full((4, 4), np.nan)}, "NaN or infinity in mask logits"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(PromptError, match=message):
        Prompt(**arguments)


def test_what_is_kept():
    prompt = Prompt([[1, 2], [3, 4]], [True, False], [0, 0, 5, 6], torch.zeros(1, 8, 8))
    assert prompt.points_xy.tolist() == [[1, 2], [3, 4]]
    assert prompt.point_labels.tolist() == [1, 0]
    assert prompt.box_xyxy.tolist() == [0, 0, 5, 6]
    assert prompt.mask_logits.shape == (8, 8)
    assert prompt.mask_logits.dtype == np.float32


def test_a_prompt_cannot_be_changed():
    prompt = Prompt([1, 2])
    with pytest.raises(AttributeError):
        prompt.box_xyxy = np.zeros(4)


@pytest.mark.parametrize(
    ("prompt", "is_ambiguous"),
    [
        (Prompt([1, 2]), True),
        (Prompt([1, 2], [0]), False),
        (Prompt([[1, 2], [3, 4]]), False),
        (Prompt([1, 2], box=[0, 0, 4, 4]), False),
        (Prompt(box=[0, 0, 4, 4]), False),
    ],
)
def test_ambiguity(prompt, is_ambiguous):
    assert prompt.is_ambiguous == is_ambiguous


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (Prompt([100, 10]), None),  # a rounding error outside is what clicking gives
        (Prompt([101.5, 10]), "100 wide and 50 high"),
        (Prompt([10, -2]), "outside the image"),
        (Prompt([10, 60]), "outside the image"),
        (Prompt(box=[-0.5, 0, 100.6, 50.3]), None),
        (Prompt(box=[10, 10, 120, 40]), "exceeds the image"),
        (Prompt(box=[-5, 10, 20, 40]), "exceeds the image"),
    ],
)
def test_inside(prompt, message):
    if message is None:
        prompt.check_inside((50, 100))
    else:
        with pytest.raises(PromptError, match=message):
            prompt.check_inside((50, 100))


@pytest.mark.parametrize(
    ("arguments", "objects"),
    [
        ({"points": [5, 6]}, 1),
        ({"points": [[5, 6], [7, 8]]}, 1),
        ({"points": [[[5, 6]], [[7, 8]]]}, 2),
        ({"points": [[[5, 6]], [[7, 8], [9, 9]]], "labels": [[1], [1, 0]]}, 2),
        ({"points": np.zeros((4, 3, 2)), "labels": np.ones((4, 3))}, 4),
        ({"points": torch.zeros(4, 3, 2)}, 4),
        ({"boxes": [0, 0, 4, 4]}, 1),
        ({"boxes": [[0, 0, 4, 4]] * 3}, 3),
        ({"boxes": [[0, 0, 4, 4]] * 2, "points": [[[1, 1]], [[2, 2]]], "labels": [[1], [0]]}, 2),
        ({"mask_logits": np.zeros((8, 8))}, 1),
        ({"mask_logits": np.zeros((3, 8, 8))}, 3),
        ({"mask_logits": np.zeros((3, 1, 8, 8))}, 3),
    ],
)
def test_forms(arguments, objects):
    assert len(as_prompts(**arguments)) == objects


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "no prompt was given"),
        ({"points": []}, "empty"),
        ({"points": np.zeros((0, 1, 2))}, "empty"),
        ({"boxes": np.zeros((0, 4))}, "empty"),
        (
            {"points": np.zeros((2, 1, 2)), "boxes": [0, 0, 4, 4]},
            "different numbers of objects: points for 2, boxes for 1",
        ),
        ({"points": np.zeros((2, 2, 1, 2))}, "nested 4 deep"),
        ({"points": 3}, "shape"),
        ({"points": [[1, 2]], "labels": [[1, 0]]}, "1 points and 2 labels"),
    ],
)
def test_refused_forms(arguments, message):
    with pytest.raises(PromptError, match=message):
        as_prompts(**arguments)


anything = st.one_of(
    st.none(),
    st.text(max_size=3),
    st.integers(),
    st.floats(),
    st.recursive(
        st.floats() | st.integers() | st.text(max_size=2) | st.none(),
        lambda child: st.lists(child, max_size=4),
    ),
    arrays(np.float64, st.lists(st.integers(0, 4), max_size=5).map(tuple)),
)


@given(anything, anything, anything, anything)
def test_whatever_comes_is_understood_or_refused_in_a_sentence(points, labels, boxes, mask_logits):
    try:
        prompts = as_prompts(points, labels, boxes, mask_logits)
    except PromptError as error:
        assert str(error)  # noqa: PT017
    else:
        assert prompts
        for prompt in prompts:
            assert np.isfinite(prompt.points_xy).all()
            assert len(prompt.points_xy) == len(prompt.point_labels)
