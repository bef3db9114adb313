"""Intersection and IoU of masks, computed on run lengths without decoding.

NMS, the hierarchy of masks, fine-tuning and evaluation share these two functions. They use pycocotools, except for
masks too large for it, e.g. of aerial images segmented in tiles, which are compared here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from samara.errors import SettingsError
from samara.masks.rle import Rle
from samara.masks.run_alphabet import PYCOCOTOOLS_MAX_PIXELS


def mask_intersection(a: Sequence[Rle], b: Sequence[Rle]) -> NDArray[np.int64]:
    """Count the pixels that each mask of one set shares with each mask of another.

    Args:
        a: N masks.
        b: K masks of images of the same size.

    Returns:
        (N, K) pixels.

    Raises:
        SettingsError: the masks belong to images of different sizes.
    """
    require_one_size([*a, *b])
    if not a or not b:
        return np.zeros((len(a), len(b)), np.int64)
    if a[0].height * a[0].width <= PYCOCOTOOLS_MAX_PIXELS:
        # As if all of `b` were crowds: the fraction of each mask of `a`, which times its area is exact below 2²⁹.
        shares = coco_mask.iou(_coco(a), _coco(b), [1] * len(b))
        pixels: NDArray[np.int64] = np.rint(shares * areas_of(a)[:, None]).astype(np.int64)
        return pixels
    return _intersection_of_large(a, b)


def mask_iou(a: Sequence[Rle], b: Sequence[Rle]) -> NDArray[np.float64]:
    """Compare every mask of one set with every mask of another.

    Args:
        a: N masks.
        b: K masks of images of the same size.

    Returns:
        (N, K) in [0, 1]; 0 where a mask is empty, never NaN.

    Raises:
        SettingsError: the masks belong to images of different sizes.
    """
    common = mask_intersection(a, b)
    union = areas_of(a)[:, None] + areas_of(b)[None, :] - common
    iou: NDArray[np.float64] = np.divide(common, union, out=np.zeros(common.shape), where=union > 0)
    return iou


def areas_of(rles: Sequence[Rle]) -> NDArray[np.int64]:
    """Collect the areas, (M,) pixels."""
    return np.array([rle.area for rle in rles], np.int64)


def boxes_of_rles(rles: Sequence[Rle]) -> NDArray[np.int64]:
    """Collect the boxes, (M, 4) xyxy, right and bottom exclusive; zeros for empty masks."""
    return np.array([rle.box_xyxy for rle in rles], np.int64).reshape(-1, 4)


def boxes_touch(a_xyxy: NDArray[np.int64], b_xyxy: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which boxes share a pixel, (N, 4) and (K, 4) → (N, K): only their masks can overlap."""
    a, b = a_xyxy[:, None], b_xyxy[None]
    shares = (a[..., :2] < b[..., 2:]) & (b[..., :2] < a[..., 2:])  # (N, K, 2)
    return np.asarray(shares.all(-1))


def pixels_shared_by_boxes(box_xyxy: NDArray[np.int64], boxes_xyxy: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the pixels a box (4,) shares with each of (K, 4) → (K,), a bound for masks in them."""
    size = np.minimum(boxes_xyxy[:, 2:], box_xyxy[2:]) - np.maximum(boxes_xyxy[:, :2], box_xyxy[:2])
    return np.asarray(size.clip(0).prod(1))


def require_one_size(rles: Sequence[Rle]) -> None:
    """Refuse masks of different images.

    Raises:
        SettingsError: the masks belong to images of different sizes.
    """
    sizes = sorted({(rle.height, rle.width) for rle in rles})
    if len(sizes) > 1:
        (height, width), (other_height, other_width) = sizes[:2]
        raise SettingsError(
            f"Masks can be compared only within one image; some have {height} x {width} pixels, others "
            f"{other_height} x {other_width}."
        )


def _coco(rles: Sequence[Rle]) -> list[dict[str, object]]:
    return [{"size": (rle.height, rle.width), "counts": rle.counts} for rle in rles]


def _intersection_of_large(a: Sequence[Rle], b: Sequence[Rle]) -> NDArray[np.int64]:
    common = np.zeros((len(a), len(b)), np.int64)
    touching = boxes_touch(boxes_of_rles(a), boxes_of_rles(b))
    edges = [rle.edges() if touching[:, index].any() else None for index, rle in enumerate(b)]
    for row, rle in enumerate(a):
        near = np.flatnonzero(touching[row])
        if near.size:
            common[row, near] = _common_pixels(rle, [edges[index] for index in near])
    return common


def _common_pixels(rle: Rle, others: Sequence[NDArray[np.int64] | None]) -> NDArray[np.int64]:
    """Return the pixels shared with each of K masks, given as their edges; (K,)."""
    edges = [other for other in others if other is not None]
    own = rle.edges()
    # The cumulative foreground is piecewise linear between the edges, with slope 1 inside a run and 0 between runs,
    # which keeps the interpolation exact up to 2⁵³.
    before = np.zeros(own.size)
    before[1::2] = np.cumsum(own[1::2] - own[0::2])
    before[2::2] = before[1:-1:2]
    gained = np.interp(np.concatenate(edges), own, before)
    per_run = gained[1::2] - gained[0::2]
    runs_before = np.cumsum([0] + [other.size // 2 for other in edges[:-1]])
    return np.add.reduceat(per_run, runs_before).astype(np.int64)
