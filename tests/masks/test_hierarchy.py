import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samara.errors import SettingsError
from samara.masks.hierarchy import parents
from samara.masks.rle import encode_mask
from tests.masks.strategies import NAMED, encode_all, image, stacks


@given(stacks(most=8), st.sampled_from([0.1, 0.5, 0.75, 0.95, 1]))
def test_parents_equal_a_loop_over_pixels(masks, threshold):
    areas = masks.sum((1, 2))
    expected = []
    for index, mask in enumerate(masks):
        larger = [
            other
            for other, whole in enumerate(masks)
            if areas[other] > areas[index] > 0 and (mask & whole).sum() / areas[index] >= threshold
        ]
        expected.append(min(larger, key=lambda other: (areas[other], other), default=-1))
    found = parents(encode_all(masks), threshold)
    assert found.dtype == np.int64
    assert found.tolist() == expected


def test_a_face_in_a_person_in_a_crowd():
    crowd, person, face = (
        image("######", "######"),
        image(".##...", ".##..."),
        image(".#....", "......"),
    )
    beside = image("...##.", "......")
    assert parents(encode_all([face, crowd, beside, person])).tolist() == [3, -1, 1, 1]


def test_nothing_equals_and_empties_have_no_parent():
    assert parents([]).tolist() == []
    assert parents(encode_all([NAMED["hole"], NAMED["hole"], NAMED["empty"]])).tolist() == [-1, -1, -1]


@pytest.mark.parametrize("threshold", [0, 1.1, -1, float("nan")])
def test_parents_refuses_thresholds(threshold):
    with pytest.raises(SettingsError, match="above 0 and at most 1"):
        parents([], threshold)


def test_parents_refuses_masks_of_different_images():
    with pytest.raises(SettingsError, match="within one image"):
        parents([encode_mask(NAMED["full"]), encode_mask(NAMED["one pixel image"])])
