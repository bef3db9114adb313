"""A place moves boxes from its crop to the image."""

from __future__ import annotations

from tests.segmentation.automatic.searching import CROPPED


def test_boxes_are_moved_and_become_inclusive():
    assert CROPPED.inclusive([[1, 2, 5, 7]]).tolist() == [[61, 32, 64, 36]]
    assert CROPPED.inclusive([]).shape == (0, 4)


def test_a_mask_at_the_edge_of_the_crop_is_not_whole():
    assert CROPPED.is_whole([[40, 40, 90, 90], [0, 40, 90, 90], [40, 40, 90, 199]]).tolist() == [True, False, False]
