"""Labels at masks: placed inside their visible part if they fit, beside it if not, and apart from each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from samara.images.text import Coverage, text_pixels
from samara.masks.drawing.colours import Rgb, ink_on

Image = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]
"""(x0, y0, x1, y1) in pixels, right and bottom exclusive."""

# Font sizes in pixels: the smallest that is legible, and their share of the image's short side.
_LEGIBLE_PX = 10
_LARGE, _SMALL = 1 / 42, 1 / 85
# Long side at which the centre of a mask's visible part is looked for.
_SEARCHED_PX = 160
_NEARLY = 0.9
_HALO: Rgb = (0, 0, 0)


@dataclass(frozen=True)
class Room:
    """The room for a label in the visible part of a mask.

    Attributes:
        centre_xy: centre of the largest circle inside.
        radius: its radius in pixels.
        box_xyxy: the mask's box.
    """

    centre_xy: tuple[float, float]
    radius: float
    box_xyxy: Box


@dataclass(frozen=True, eq=False)
class Label:
    """A label to be drawn.

    Attributes:
        text: what it says.
        rgb: colour of its mask.
        room: where it may stand.
    """

    text: str
    rgb: Rgb
    room: Room


def room_in(visible: npt.NDArray[np.bool_], box_xyxy: Box) -> Room:
    """Find the room for a label.

    Args:
        visible: (y1 - y0, x1 - x0) visible part of a mask, within its box.
        box_xyxy: the mask's box, not empty.
    """
    x0, y0, _, _ = box_xyxy
    scale = min(1.0, _SEARCHED_PX / max(visible.shape))
    size = max(1, round(visible.shape[1] * scale)), max(1, round(visible.shape[0] * scale))
    small = cv2.resize(visible.astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    distances = cv2.distanceTransform(np.pad(small, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    # Of a bar, the middle: of all points that are nearly as good as the best, the one nearest to their mean.
    good = np.argwhere(distances >= _NEARLY * distances.max())
    row, column = good[np.square(good - good.mean(axis=0)).sum(axis=1).argmin()]
    centre = x0 + (float(column) + 0.5) / scale, y0 + (float(row) + 0.5) / scale
    return Room(centre, float(distances[row, column]) / scale, box_xyxy)


def draw_labels(
    canvas: Image,
    labels: Iterable[Label],
    *,
    on_patches: bool,
    keep_clear: Sequence[Box] = (),
    size_px: int | None = None,
) -> None:
    """Draw labels on an image, which is changed.

    Args:
        canvas: (H, W, 3) RGB.
        labels: those of large masks first, which find their place first.
        on_patches: on patches of the mask's colour, for words; otherwise white with a dark rim, for numbers.
        keep_clear: boxes that labels leave free if they can.
        size_px: size of the font; None for one that fits the image, and numbers their masks.
    """
    taken: list[Box] = list(keep_clear)
    for label in labels:
        pixels = text_pixels(label.text, size_px or _font_px(label, canvas, fixed=on_patches))
        margin = max(2, pixels.shape[0] // 5) if on_patches else max(1, pixels.shape[0] // 12)
        height, width = (min(side + 2 * margin, limit) for side, limit in zip(pixels.shape, canvas.shape, strict=False))
        x, y = _place(label.room, (width, height), taken, canvas)
        taken.append((x, y, x + width, y + height))
        part = canvas[y : y + height, x : x + width]
        coverage = np.pad(pixels, margin)[:height, :width]
        if on_patches:
            part[:] = label.rgb
            _ink(part, coverage, ink_on(label.rgb))
        else:
            _ink(part, _widened(coverage, margin), _HALO, 0.75)
            _ink(part, coverage, (255, 255, 255))


def _font_px(label: Label, canvas: Image, *, fixed: bool) -> int:
    """Return the size of the font: as large as fits into the mask, within limits."""
    side: int = min(canvas.shape[:2])
    small, large = max(_LEGIBLE_PX, round(side * _SMALL)), max(_LEGIBLE_PX, round(side * _LARGE))
    if fixed:
        return max(_LEGIBLE_PX, round(side * (_SMALL + _LARGE) / 2))
    fitting = int(2.2 * label.room.radius / max(1.0, 0.55 * len(label.text)))
    return min(max(fitting, small), large)


def _place(room: Room, size: tuple[int, int], taken: Sequence[Box], canvas: Image) -> tuple[int, int]:
    """Choose the corner of a label: of the possible places the first that is free, or else the freest."""
    width, height = size
    x0, y0, x1, y1 = room.box_xyxy
    x, y = (round(centre - side / 2) for centre, side in zip(room.centre_xy, size, strict=True))
    inside = [(x, y), (x, y - height), (x, y + height), (x - width, y), (x + width, y)]
    beside = [(x1, y0 - height // 2), (x0 - width, y0 - height // 2), (x, y0 - height), (x, y1)]
    places = inside + beside if 2 * room.radius >= height else beside + inside
    limit_x, limit_y = canvas.shape[1] - width, canvas.shape[0] - height
    corners = [(min(max(0, left), limit_x), min(max(0, top), limit_y)) for left, top in places]
    others = np.array(taken, dtype=np.int64).reshape(-1, 4)
    return min(corners, key=lambda corner: _covered(corner, size, others))


def _covered(corner: tuple[int, int], size: tuple[int, int], others: npt.NDArray[np.int64]) -> int:
    """Return how many pixels of a label other labels cover."""
    near, far = np.array(corner), np.array(corner) + size
    sides = np.minimum(others[:, 2:], far) - np.maximum(others[:, :2], near)
    return int(np.prod(np.maximum(sides, 0), axis=1).sum())


def _widened(coverage: Coverage, by_px: int) -> Coverage:
    side = 2 * by_px + 1
    return cv2.dilate(coverage, np.ones((side, side), np.uint8)).astype(np.uint8, copy=False)


def _ink(part: Image, coverage: Coverage, rgb: Rgb, strength: float = 1.0) -> None:
    share = strength * coverage[..., None] / 255
    part[:] = np.round((1 - share) * part + share * np.array(rgb)).astype(np.uint8)
