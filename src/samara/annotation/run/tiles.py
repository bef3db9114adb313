"""Tiling of large images: cutting them into overlapping tiles, and joining the masks of the tiles.

Two masks of neighbouring tiles are one object if they nearly agree within the band that both tiles share. Masks stay
run-length encoded throughout; no bitmap of the whole image is ever made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from samara.masks.mask_set import MaskSet, concatenate
from samara.masks.overlap import areas_of, mask_iou
from samara.masks.rle import Rle, place
from samara.masks.windows import cut, union

Box = tuple[int, int, int, int]

# IoU within the shared band above which two masks are one object. Both come from nearly the same pixels, so the same
# object usually exceeds 0.8; between a part and a whole, the better match wins.
SAME_OBJECT_IOU = 0.5


@dataclass(frozen=True)
class Tile:
    """A window of the image: its place in the grid, and its box xyxy in pixels."""

    row: int
    column: int
    box_xyxy: Box


def tiles_of(size_hw: tuple[int, int], side: int | None, overlap: int) -> list[Tile]:
    """Cut an image into tiles, row by row.

    Args:
        size_hw: (H, W) in pixels.
        side: side of a tile; None, or at least the image's size, for a single tile.
        overlap: minimum overlap of neighbours in pixels. The last tile of a row or column is shifted back into the
            image, so that all tiles have full size.
    """
    height, width = size_hw
    if side is None:
        return [Tile(0, 0, (0, 0, width, height))]
    return [
        Tile(row, column, (x, y, min(x + side, width), min(y + side, height)))
        for row, y in enumerate(_starts(height, side, overlap))
        for column, x in enumerate(_starts(width, side, overlap))
    ]


def _starts(length: int, side: int, overlap: int) -> list[int]:
    if length <= side:
        return [0]
    count = -(-(length - overlap) // (side - overlap))
    return [min(index * (side - overlap), length - side) for index in range(count)]


def stitch(tiles: Sequence[Tile], found: Sequence[MaskSet], size_hw: tuple[int, int]) -> MaskSet:
    """Join the masks of tiles into masks of the image.

    Args:
        tiles: tiles of one image, from `tiles_of`.
        found: masks of each tile, in the tile's frame.
        size_hw: (H, W) of the image.

    Returns:
        Masks in the image's frame, ordered by the first tile that contains each. Predicted IoU and stability score of a
        joined mask are means over its parts, weighted by area; its point and prompt are those of its largest part;
        its crop box is the bounding box of its tiles.
    """
    first = np.cumsum([0, *(len(masks) for masks in found)]).tolist()
    whole = _Groups(first[-1])
    for a, b in neighbours(tiles):
        for i, j in same_objects(found[a], tiles[a].box_xyxy, found[b], tiles[b].box_xyxy):
            whole.join(first[a] + i, first[b] + j)
    parts = concatenate([_placed(masks, tile, size_hw) for tile, masks in zip(tiles, found, strict=True)])
    return _joined(parts, whole.groups())


def neighbours(tiles: Sequence[Tile]) -> Iterator[tuple[int, int]]:
    """Yield the indices of tiles that are horizontal or vertical neighbours."""
    index_at = {(tile.row, tile.column): index for index, tile in enumerate(tiles)}
    for index, tile in enumerate(tiles):
        for place_in_grid in ((tile.row, tile.column + 1), (tile.row + 1, tile.column)):
            if place_in_grid in index_at:
                yield index, index_at[place_in_grid]


def same_objects(a: MaskSet, a_box: Box, b: MaskSet, b_box: Box) -> list[tuple[int, int]]:
    """Return pairs of masks that show the same object, one to one, the most similar first."""
    band = (max(a_box[0], b_box[0]), max(a_box[1], b_box[1]), min(a_box[2], b_box[2]), min(a_box[3], b_box[3]))
    of_a, in_a = _within(a, a_box, band)
    of_b, in_b = _within(b, b_box, band)
    if not of_a or not of_b:
        return []
    iou = mask_iou(in_a, in_b)
    if a.class_index is not None and b.class_index is not None:
        iou[a.class_index[of_a][:, None] != b.class_index[of_b][None]] = 0
    rows, columns = np.nonzero(iou >= SAME_OBJECT_IOU)
    pairs: list[tuple[int, int]] = []
    taken_a, taken_b = set(), set()
    for index in np.argsort(-iou[rows, columns], kind="stable").tolist():
        i, j = int(rows[index]), int(columns[index])
        if i not in taken_a and j not in taken_b:
            taken_a.add(i)
            taken_b.add(j)
            pairs.append((of_a[i], of_b[j]))
    return pairs


def _within(masks: MaskSet, tile: Box, band: Box) -> tuple[list[int], list[Rle]]:
    """Return the masks that reach into a band, clipped to it: their indices and run lengths."""
    x0, y0 = tile[:2]
    window = (band[0] - x0, band[1] - y0, band[2] - x0, band[3] - y0)
    boxes = masks.boxes_xyxy
    reach = (
        (boxes[:, 0] < window[2]) & (boxes[:, 2] > window[0]) & (boxes[:, 1] < window[3]) & (boxes[:, 3] > window[1])
    )
    cuts = [(int(index), cut(masks.rles[index], window)) for index in np.flatnonzero(reach)]
    return [index for index, rle in cuts if rle.area], [rle for _, rle in cuts if rle.area]


def _placed(masks: MaskSet, tile: Tile, size_hw: tuple[int, int]) -> MaskSet:
    """Move the masks of a tile to the image's frame."""
    x0, y0, _, _ = tile.box_xyxy
    crops = masks.crop_boxes_xyxy
    return replace(
        masks,
        rles=tuple(place(rle, *size_hw, x0, y0) for rle in masks.rles),
        size_hw=size_hw,
        points_xy=None if masks.points_xy is None else masks.points_xy + np.array([x0, y0]),
        crop_boxes_xyxy=np.tile(np.array(tile.box_xyxy), (len(masks), 1))
        if crops is None
        else crops + np.array([x0, y0, x0, y0]),
        low_res_logits=None,
        parent=None,
    )


def _joined(parts: MaskSet, groups: Sequence[Sequence[int]]) -> MaskSet:
    areas = areas_of(parts.rles)
    largest = [max(group, key=lambda index: (areas[index], -index)) for group in groups]
    masks = parts[np.array(largest, dtype=np.int64)]
    means: dict[str, Any] = {}
    for name in ("predicted_iou", "stability_score"):
        values = getattr(parts, name)
        if values is not None:
            means[name] = np.array([np.average(values[group], weights=areas[group]) for group in groups], np.float64)
    if parts.crop_boxes_xyxy is not None and groups:
        boxes = [parts.crop_boxes_xyxy[group] for group in groups]
        means["crop_boxes_xyxy"] = np.array([[*box[:, :2].min(0), *box[:, 2:].max(0)] for box in boxes])
    rles = tuple(parts.rles[group[0]] if len(group) == 1 else union([parts.rles[i] for i in group]) for group in groups)
    return replace(masks, rles=rles, **means)


class _Groups:
    """Disjoint sets of parts that belong together."""

    def __init__(self, count: int) -> None:
        self.leader = list(range(count))

    def _find(self, part: int) -> int:
        while self.leader[part] != part:
            self.leader[part] = self.leader[self.leader[part]]
            part = self.leader[part]
        return part

    def join(self, a: int, b: int) -> None:
        a, b = self._find(a), self._find(b)
        self.leader[max(a, b)] = min(a, b)

    def groups(self) -> list[list[int]]:
        """Return the parts of each whole, in the order of their first parts."""
        members: dict[int, list[int]] = {}
        for part in range(len(self.leader)):
            members.setdefault(self._find(part), []).append(part)
        return list(members.values())
