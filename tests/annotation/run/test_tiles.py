"""Tiles: they cover the image, and what they see is joined to what the image holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samara.annotation.run.tiles import neighbours, stitch, tiles_of
from samara.masks.mask_set import MaskSet
from samara.masks.rle import encode_mask
from tests.annotation.conftest import random_masks


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(20, 64), st.data())
def test_tiles_cover_the_image_and_overlap(height, width, side, data):
    overlap = data.draw(st.integers(1, side // 2))
    tiles = tiles_of((height, width), side, overlap)
    seen = np.zeros((height, width), int)
    for tile in tiles:
        x0, y0, x1, y1 = tile.box_xyxy
        assert (y1 - y0, x1 - x0) == (min(side, height), min(side, width))
        seen[y0:y1, x0:x1] += 1
    assert seen.min() >= 1
    for a, b in neighbours(tiles):
        (x0, y0, x1, y1), (left, top, _, _) = tiles[a].box_xyxy, tiles[b].box_xyxy
        assert (x1 - left >= overlap) if y0 == top else (y1 - top >= overlap and x0 == left)
    assert len(tiles_of((height, width), None, overlap)) == 1


def seen_by(tile, objects):
    """What a perfect network would see of objects (H, W) in a tile."""
    x0, y0, x1, y1 = tile.box_xyxy
    parts = [mask[y0:y1, x0:x1] for mask in objects]
    rles = tuple(encode_mask(np.ascontiguousarray(part)) for part in parts if part.any())
    count = len(rles)
    return replace(
        random_masks(0, count, (y1 - y0, x1 - x0)), rles=rles, predicted_iou=np.full(count, 0.5), crop_boxes_xyxy=None
    )


def random_objects(seed, size_hw, count):
    """Ellipses of any size, anywhere, none equal to another."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: size_hw[0], : size_hw[1]]
    objects = []
    for _ in range(count):
        centre, radii = random.random(2) * size_hw, random.random(2) * np.array(size_hw) / 3 + 3
        mask = ((y - centre[0]) / radii[0]) ** 2 + ((x - centre[1]) / radii[1]) ** 2 < 1
        if mask.sum() > 20:
            objects.append(mask)
    return objects


@pytest.mark.parametrize("seed", range(8))
def test_objects_become_whole_again(seed):
    size_hw = (97, 120)
    tiles = tiles_of(size_hw, 40, 12)
    # One object at a time: with several, two that look alike within a band may legitimately be confused.
    for mask in random_objects(seed, size_hw, 6):
        found = stitch(tiles, [seen_by(tile, [mask]) for tile in tiles], size_hw)
        joined = [one for one in found.rles if one == encode_mask(mask)]
        assert len(joined) == 1
        assert len(found) == 1


def test_several_objects_stay_apart():
    size_hw = (60, 100)
    y, x = np.mgrid[:60, :100]
    left, right = (x - 30) ** 2 + (y - 30) ** 2 < 200, (x - 72) ** 2 + (y - 28) ** 2 < 300
    part = (x - 72) ** 2 + (y - 28) ** 2 < 60
    tiles = tiles_of(size_hw, 50, 20)
    found = stitch(tiles, [seen_by(tile, [left, right, part]) for tile in tiles], size_hw)
    assert {rle.counts for rle in found.rles} == {encode_mask(mask).counts for mask in (left, right, part)}


def test_numbers_of_joined_masks_are_means_by_area():
    tiles = tiles_of((10, 30), 20, 10)
    mask = np.zeros((10, 30), bool)
    mask[2:8, 4:26] = True
    parts = [
        replace(seen_by(tile, [mask]), predicted_iou=np.array([iou]))
        for tile, iou in zip(tiles, (0.4, 0.9), strict=True)
    ]
    (joined,) = [stitch(tiles, parts, (10, 30))]
    assert joined.areas.tolist() == [6 * 22]
    assert joined.predicted_iou[0] == pytest.approx((0.4 * 16 + 0.9 * 16) / 32)
    assert joined.crop_boxes_xyxy.tolist() == [[0, 0, 30, 10]]
    assert joined.size_hw == (10, 30)


def test_nothing_found_is_nothing():
    tiles = tiles_of((50, 50), 30, 10)
    empty = [
        MaskSet(rles=(), size_hw=(30, 30), checkpoint="x", predicted_iou=np.zeros(0), prompt_index=np.zeros(0, int))
        for _ in tiles
    ]
    assert len(stitch(tiles, empty, (50, 50))) == 0


def test_objects_of_different_classes_are_not_joined():
    tiles = tiles_of((10, 30), 20, 10)
    mask = np.zeros((10, 30), bool)
    mask[2:8, 4:26] = True
    names = ("cat", "dog")
    parts = [
        replace(seen_by(tile, [mask]), class_index=np.array([kind]), class_names=names)
        for tile, kind in zip(tiles, (0, 1), strict=True)
    ]
    found = stitch(tiles, parts, (10, 30))
    assert [found.class_name(index) for index in range(len(found))] == ["cat", "dog"]
    same = stitch(tiles, [parts[0], replace(parts[1], class_index=np.array([0]))], (10, 30))
    assert [same.class_name(index) for index in range(len(same))] == ["cat"]
