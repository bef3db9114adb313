"""Matching: by number, name, pixels and likeness, each mask once."""

from __future__ import annotations

from samara.annotation.review.matching import KnownMask, match
from samara.datasets.reviewed import ReviewedMask
from samara.masks.rle import encode_mask
from tests.annotation.review.stores import square


def known(*places):
    return [KnownMask(encode_mask(square(x)), number) for number, x in enumerate(places)]


def new(x, number=None, name=None):
    return ReviewedMask(encode_mask(square(x)), None, number, name)


def test_numbers_count_before_pixels():
    found = match(known(0, 10), [new(0, 1), new(10, 0)])
    assert found.pairs == ((0, 1), (1, 0))


def test_a_number_that_is_given_twice_counts_once():
    found = match(known(0), [new(12, 0), new(0, 0)])
    assert found.pairs == ((0, 0),)
    assert found.added == (1,)


def test_names_of_the_tool_count():
    masks = [KnownMask(encode_mask(square(0)), 5, "r9")]
    assert match(masks, [new(18, name="r9")]).pairs == ((0, 0),)


def test_equal_and_similar_masks_are_the_same():
    found = match(known(0, 10), [new(1), new(10), new(19)])
    assert found.pairs == ((0, 0), (1, 1))
    assert found.added == (2,)
    assert found.removed == ()


def test_what_is_gone_is_removed():
    assert match(known(0, 10), []).removed == (0, 1)
    assert match([], [new(1)]).added == (0,)
    found = match(known(0), [new(8)])
    assert (found.pairs, found.added, found.removed) == ((), (0,), (0,))


def test_equal_masks_are_matched_one_by_one():
    found = match(known(0, 0), [new(0), new(0), new(0)])
    assert found.pairs == ((0, 0), (1, 1))
    assert found.added == (2,)
