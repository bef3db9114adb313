import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samara.errors import SettingsError
from samara.masks.regions import clean, fill_holes, remove_specks
from samara.masks.rle import encode_mask
from tests.masks.strategies import image, one_mask


def parts(mask: np.ndarray) -> list[set[tuple[int, int]]]:
    """The 8-connected parts, by flooding one after the other."""
    unseen = set(zip(*(axis.tolist() for axis in np.nonzero(mask)), strict=True))
    found = []
    while unseen:
        part, border = set(), [min(unseen)]
        while border:
            pixel = border.pop()
            if pixel in unseen:
                unseen.discard(pixel)
                part.add(pixel)
                border += [(pixel[0] + dy, pixel[1] + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        found.append(part)
    return found


@given(one_mask(), st.integers(0, 150) | st.floats(0, 9))
def test_fill_holes_equals_flooding(mask, max_area):
    expected, original = mask.copy(), mask.copy()
    for hole in parts(~mask):
        if len(hole) < max_area:
            for pixel in hole:
                expected[pixel] = True
    filled, changed = fill_holes(mask, max_area)
    np.testing.assert_array_equal(filled, expected)
    np.testing.assert_array_equal(mask, original)
    assert changed is bool((expected != original).any())


@given(one_mask(), st.integers(0, 150) | st.floats(0, 9))
def test_remove_specks_equals_flooding(mask, max_area):
    original = mask.copy()
    all_parts = parts(mask)
    large = [part for part in all_parts if len(part) >= max_area]
    cleaned, changed = remove_specks(mask, max_area)
    left = parts(cleaned)
    np.testing.assert_array_equal(mask, original)
    assert changed is (len(large) != len(all_parts))
    assert all(part in all_parts for part in left)
    if large or not all_parts:
        assert left == large
    else:
        assert [len(part) for part in left] == [max(map(len, all_parts))]


RING = image("####", "#..#", "####")


@pytest.mark.parametrize(
    ("mask", "max_area", "filled"),
    [
        (
            image("....", "...."),
            100,
            image("####", "####"),
        ),  # as Meta does: all background is one small hole
        (image("....", "...."), 8, image("....", "....")),
        (RING, 2, RING),
        (RING, 3, image("####", "####", "####")),
        (image("..####", "..#..#", "..####"), 3, image("..####", "..####", "..####")),
        (image("##.", "###"), 2, image("###", "###")),  # a notch at the border counts as a hole
        (image("#.##", "##.#", "####"), 2, image("#.##", "##.#", "####")),  # holes meet at corners
        (image("#.##", "##.#", "####"), 3, image("####", "####", "####")),
    ],
)
def test_fill_holes(mask, max_area, filled):
    found, changed = fill_holes(mask, max_area)
    np.testing.assert_array_equal(found, filled)
    assert changed is bool((filled != mask).any())


@pytest.mark.parametrize(
    ("mask", "max_area", "cleaned"),
    [
        (image("....", "...."), 100, image("....", "....")),
        (image("##..", "##.#"), 2, image("##..", "##..")),
        (image("##..", "##.#"), 1, image("##..", "##.#")),
        (image("##..", "##.#"), 100, image("##..", "##..")),  # the largest stays
        (image("#..", ".#.", "..#"), 3, image("#..", ".#.", "..#")),
    ],
)
def test_remove_specks(mask, max_area, cleaned):
    found, changed = remove_specks(mask, max_area)
    np.testing.assert_array_equal(found, cleaned)
    assert changed is bool((cleaned != mask).any())


def test_a_small_only_part_stays_and_counts_as_changed():
    # As in the reference, where it loses against an unchanged duplicate.
    mask = image("...", ".#.")
    cleaned, changed = remove_specks(mask, 100)
    assert cleaned is mask
    assert changed


@given(one_mask(), st.integers(0, 20))
def test_clean_fills_first_and_then_removes(mask, max_area):
    rle = encode_mask(mask)
    expected = encode_mask(remove_specks(fill_holes(mask, max_area)[0], max_area)[0])
    cleaned, changed = clean(rle, max_area)
    assert cleaned == expected
    if not changed:
        assert cleaned is rle


@pytest.mark.parametrize("function", [fill_holes, remove_specks])
@pytest.mark.parametrize("mask", [np.zeros((2, 2)), np.zeros(2, bool), np.zeros((0, 2), bool), [[True]]])
def test_only_boolean_planes_are_masks(function, mask):
    with pytest.raises(SettingsError, match="boolean array"):
        function(mask, 5)
