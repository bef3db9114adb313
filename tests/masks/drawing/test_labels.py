"""Labels: inside the mask if they fit, apart from each other, and beside masks that are too small."""

import numpy as np
import pytest

from samara.masks.drawing.labels import Label, Room, draw_labels, room_in

GREY = np.full((300, 400, 3), 100, np.uint8)


def changed(labels, **how):
    canvas = GREY.copy()
    draw_labels(canvas, labels, **{"on_patches": True} | how)
    return np.argwhere((canvas != GREY).any(axis=2))


def label(text, centre, radius=40.0, box=None):
    x, y = centre
    return Label(text, (255, 0, 0), Room((x, y), radius, box or (x - 40, y - 40, x + 40, y + 40)))


def test_room_is_in_the_largest_part():
    visible = np.zeros((60, 100), bool)
    visible[:, :8] = True
    visible[10:50, 40:80] = True
    room = room_in(visible, (200, 100, 300, 160))
    assert room.centre_xy == pytest.approx((260, 130), abs=2)
    assert room.radius == pytest.approx(20, abs=1.5)


def test_room_of_a_large_mask_is_looked_for_at_a_smaller_size():
    visible = np.zeros((2000, 3000), bool)
    visible[500:1500, 1000:2000] = True
    room = room_in(visible, (0, 0, 3000, 2000))
    assert room.centre_xy == pytest.approx((1500, 1000), abs=40)
    assert room.radius == pytest.approx(500, abs=30)


def test_a_label_stands_at_the_centre():
    places = changed([label("7", (200, 150))])
    assert places.mean(axis=0) == pytest.approx((150, 200), abs=2)


def test_a_label_is_as_high_as_asked():
    low, high = (np.ptp(changed([label("7", (200, 150))], size_px=size)[:, 0]) for size in (12, 48))
    assert high == pytest.approx(4 * low, rel=0.2)


def test_labels_at_one_place_are_moved_apart():
    one = len(changed([label("12", (200, 150))]))
    assert len(changed([label("12", (200, 150))] * 4)) > 3.9 * one


def test_a_label_leaves_marks_free():
    places = changed([label("12", (200, 150))], keep_clear=[(190, 140, 210, 160)])
    inside = (places[:, 0] >= 140) & (places[:, 0] < 160) & (places[:, 1] >= 190) & (places[:, 1] < 210)
    assert len(places)
    assert not inside.any()


def test_the_label_of_a_tiny_mask_does_not_cover_it():
    places = changed([label("123", (200, 150), radius=1.5, box=(198, 148, 202, 152))], on_patches=False)
    assert len(places)
    assert not (((places >= (148, 198)) & (places < (152, 202))).all(axis=1)).any()


def test_numbers_grow_with_their_mask():
    small, large = (len(changed([label("5", (200, 150), radius)], on_patches=False)) for radius in (3.0, 60.0))
    assert large >= small
