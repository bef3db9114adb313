"""Clicks until the mask is good, against a simulation that looks at every pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from samara.masks.rle import encode_mask
from samara.measurement.evaluation.adapters import Answer
from samara.measurement.evaluation.clicks import MAX_CLICKS, click_through, clicks_until, next_click
from samara.networks.variants import Capabilities
from tests.masks.test_distance import distances
from tests.measurement.evaluation.conftest import rectangle

pairs = st.tuples(st.integers(2, 9), st.integers(2, 9)).flatmap(
    lambda shape: st.tuples(arrays(np.bool_, shape), arrays(np.bool_, shape))
)


def click_by_looking(truth, answer, clicked):
    """The deepest pixel of what is missed or of what is too much, by brute force."""
    missed, extra = distances(truth & ~answer), distances(answer & ~truth)
    for x, y in clicked:
        missed[y, x] = extra[y, x] = 0
    if max(missed.max(), extra.max()) == 0:
        return None
    label = int(missed.max() > extra.max() + 1e-6)
    depth = missed if label else extra
    y, x = np.argwhere(depth > depth.max() - 1e-4)[0]
    return (int(x), int(y)), label


@given(pairs, st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=4))
def test_the_next_click_is_where_it_is_most_wrong(pair, clicked):
    assert next_click(*pair, clicked) == click_by_looking(*pair, clicked)


class Painter:
    """Paints a disc of some pixels around each foreground click and rubs one out around each background click."""

    def __init__(self, radius, mask_input=True):
        self.radius = radius
        self.capabilities = Capabilities(mask_input=mask_input)
        self.prompts = []

    def answer(self, seen, prompts):
        self.prompts.append(list(prompts))
        return [self._answer(seen, prompt) for prompt in prompts]

    def _answer(self, size, prompt):
        mask = painted(size, prompt.points_xy, prompt.point_labels, self.radius)
        return Answer(encode_mask(mask), 0.5, np.full((2, 2), len(prompt.points_xy), np.float32))


def painted(size, clicks, labels, radius):
    y, x = np.indices(size)
    mask = np.zeros(size, bool)
    for (cx, cy), label in zip(clicks, labels, strict=True):
        mask[np.hypot(x - cx, y - cy) <= radius] = bool(label)
    return mask


def number_of_clicks(truth, radius, target):
    """NoC by brute force."""
    clicks, labels, answer = [], [], np.zeros_like(truth)
    for number in range(1, 21):
        point, label = click_by_looking(truth, answer, clicks)
        clicks.append(point)
        labels.append(label)
        answer = painted(truth.shape, clicks, labels, radius)
        if (answer & truth).sum() / (answer | truth).sum() >= target:
            return number
    return None


TRUTHS = [
    rectangle(3, 4, 25, 30, (32, 40)),
    rectangle(0, 0, 9, 40, (32, 40)),
    rectangle(20, 20, 27, 27, (32, 40)),
]


@pytest.mark.parametrize("radius", [4, 6, 9])
def test_clicks_are_counted_as_by_hand(radius):
    model = Painter(radius)
    places = [(10, 10), (29, 21)]
    truths = [*TRUTHS, painted((32, 40), places[:1], [1], radius), painted((32, 40), places, [1, 1], radius)]
    ious = click_through(model, TRUTHS[0].shape, [encode_mask(truth) for truth in truths])
    for truth, of_object in zip(truths, ious, strict=True):
        assert 1 <= len(of_object) <= MAX_CLICKS
        for target in (0.85, 0.90):
            assert clicks_until(of_object, target) == number_of_clicks(truth, radius, target)
    assert [clicks_until(of_object, 0.85) for of_object in ious[-2:]] == [1, 2]


def test_objects_that_are_done_are_not_asked_again():
    model = Painter(6)
    ious = click_through(model, TRUTHS[0].shape, [encode_mask(truth) for truth in TRUTHS])
    assert [len(prompts) for prompts in model.prompts] == [
        sum(len(of_object) > asked for of_object in ious) for asked in range(max(map(len, ious)))
    ]


@pytest.mark.parametrize("mask_input", [True, False])
def test_the_previous_logits_go_along_where_they_are_taken(mask_input):
    model = Painter(4, mask_input=mask_input)
    click_through(model, TRUTHS[0].shape, [encode_mask(TRUTHS[0])])
    (first,), *later = model.prompts
    assert first.mask_logits is None
    assert first.is_ambiguous
    assert later
    for clicks, (prompt,) in enumerate(later, start=1):
        assert len(prompt.points_xy) == clicks + 1
        assert (prompt.mask_logits == clicks).all() if mask_input else prompt.mask_logits is None


def test_no_pixel_is_clicked_twice_and_it_ends_when_none_is_left():
    class Nothing(Painter):
        def _answer(self, size, prompt):
            return Answer(encode_mask(np.zeros(size, bool)), 0.0)

    model = Nothing(0)
    small = rectangle(0, 0, 2, 3, (8, 8))
    (ious,) = click_through(model, (8, 8), [encode_mask(small)])
    assert ious == [0.0] * 6
    clicked = [tuple(point) for point in model.prompts[-1][0].points_xy]
    assert len(set(clicked)) == 6


def test_without_objects_nothing_is_asked():
    model = Painter(3)
    assert click_through(model, (8, 8), []) == []
    assert model.prompts == []


@pytest.mark.parametrize(("ious", "clicks"), [([], None), ([0.2, 0.9, 0.3], 2), ([0.85], 1), ([0.8499], None)])
def test_the_first_time_counts(ious, clicks):
    assert clicks_until(ious, 0.85) == clicks
