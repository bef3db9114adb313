import numpy as np
import pytest
from hypothesis import given

from samara.errors import SettingsError
from samara.masks.partition import exclusive, label_map
from samara.masks.rle import encode_mask
from tests.masks.strategies import NAMED, encode_all, image, stacks


@given(stacks(most=7))
def test_a_partition_is_the_smallest_mask_of_every_pixel(masks):
    parts = exclusive(encode_all(masks))
    areas = masks.sum((1, 2))
    expected = np.zeros_like(masks)
    for y, x in np.ndindex(masks.shape[1:]):
        here = np.flatnonzero(masks[:, y, x])
        if here.size:
            expected[min(here, key=lambda index: (areas[index], index)), y, x] = True
    assert parts == encode_all(expected)


def test_nothing_is_nothing():
    assert exclusive([]) == []
    empty = encode_mask(NAMED["empty"])
    assert exclusive([empty, empty]) == [empty, empty]


def test_small_masks_lie_on_top_and_of_equal_ones_the_first():
    large, small, again = image("####", "####"), image("##..", "...."), image("##..", "....")
    assert exclusive(encode_all([large, small, again])) == encode_all(
        [image("..##", "####"), small, np.zeros((2, 4), bool)]
    )


def test_exclusive_refuses():
    with pytest.raises(SettingsError, match="'smallest_first'"):
        exclusive([], order="smallest_first")
    with pytest.raises(SettingsError, match="within one image"):
        exclusive([encode_mask(NAMED["full"]), encode_mask(NAMED["one pixel image"])])


@given(stacks(least=1, most=7))
def test_a_label_map_is_the_partition(masks):
    rles = encode_all(masks)
    labels = label_map(rles)
    assert labels.shape == masks.shape[1:]
    for index, part in enumerate(exclusive(rles)):
        np.testing.assert_array_equal(labels == index, part.decode())
    np.testing.assert_array_equal(labels == -1, ~masks.any(0))


def test_a_label_map_needs_a_size():
    with pytest.raises(SettingsError, match="at least one mask"):
        label_map([])
