"""Both searches find what the official steps find, one after the other, whatever they hold back or skip."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from samara.engines.engine import DecodedMasks
from samara.segmentation.automatic.search import Criteria
from tests.segmentation.automatic.searching import PLACES, SEARCHES, WHOLE, by_the_book, decoded, search


def assert_same(found, expected, *, pixels=0):
    """Masks by windows are equal to the last pixel; whole ones may differ where a logit is within rounding of 0."""
    np.testing.assert_array_equal(found.prompt, expected.prompt)
    np.testing.assert_array_equal(found.predicted_iou, expected.predicted_iou)
    np.testing.assert_allclose(found.stability, expected.stability, atol=5e-4 if pixels else 0)
    for one, other in zip(found.rles, expected.rles, strict=True):
        assert (one.decode() != other.decode()).sum() <= pixels
        assert one.box_xyxy == other.box_xyxy


@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize(
    "criteria",
    [
        Criteria(0.0, 1.0, 0.8, 0.7),
        Criteria(0.0, 1.0, 0.0, 0.5),
        Criteria(0.3, 0.5, 0.9, 1.0),
        Criteria(0.0, 1.0, 0.0, 0.0),
    ],
    ids=["usual", "no stability", "no suppression", "nothing overlaps"],
)
def test_what_survives_is_what_the_official_steps_find(kind, place, criteria):
    given = decoded(60, 7)
    expected = by_the_book(given, place, criteria)
    assert_same(search(kind, given, place, criteria), expected, pixels=0 if kind == "windows" else 2)
    assert len(expected.rles) > 1


@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.parametrize("held_bytes", [0, 100_000, 300_000])
def test_little_memory_changes_nothing(kind, held_bytes):
    given, criteria = decoded(90, 3), Criteria(0.0, 1.0, 0.5, 0.6)
    little = search(kind, given, WHOLE, criteria, held_bytes=held_bytes)
    assert_same(little, search(kind, given, WHOLE, criteria))
    assert len(little.rles) > 3


@pytest.mark.parametrize("kind", SEARCHES)
def test_nothing_decoded_is_nothing_found(kind):
    nothing = DecodedMasks(torch.zeros(0, dtype=torch.int64), torch.zeros(0, 64, 64), torch.zeros(0))
    found = SEARCHES[kind](WHOLE, Criteria(0.0, 1.0, 0.5, 0.6))
    assert found.survivors().rles == ()
    found.add(nothing, 0)
    survivors = found.survivors()
    assert survivors.rles == ()
    assert survivors.prompt.shape == survivors.predicted_iou.shape == survivors.stability.shape == (0,)
