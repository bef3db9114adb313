"""One training example: a window of an image, changed at random, and some of its masks on the low-res grid."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from training.packed_set import Image, Masks, PackedSet

MIN_CELLS = 6
"""Cells of the low-res grid that an object needs; below, there is no shape to learn."""


@dataclass(frozen=True, kw_only=True)
class ExampleSettings:
    """How examples are made.

    Attributes:
        size: side of the network input in pixels.
        objects: masks per example.
        smallest_window: shortest side of the window, as a fraction of the image's side.
        paste_probability: how likely an object of another image is pasted into this one.
    """

    size: int
    objects: int = 4
    smallest_window: float = 0.4
    paste_probability: float = 0.3


@dataclass(frozen=True)
class TrainingExample:
    """What the network sees of one image.

    Attributes:
        pixels: (S, S, 3) uint8 RGB; zero in the padding.
        valid: (S / 4, S / 4) bool, False in the padding.
        targets: (N, S / 4, S / 4) bool, N at most the number asked for; can be 0.
    """

    pixels: Image
    valid: npt.NDArray[np.bool_]
    targets: Masks


def make_example(
    data: PackedSet, index: int, settings: ExampleSettings, random: np.random.Generator
) -> TrainingExample:
    """Draw an example of an image."""
    image = data.image(index)
    chosen = _draw(len(data.masks[index]), 3 * settings.objects, random)
    masks = data.some_masks(index, chosen)
    if random.random() < settings.paste_probability:
        image, masks = _with_pasted_object(image, masks, data, random)
    if data.sources[data.source_of[index]] in _SEEN_FROM_ABOVE and random.random() < 0.75:
        turns = int(random.integers(1, 4))
        image, masks = np.rot90(image, turns), np.rot90(masks, turns, axes=(1, 2))
    if random.random() < 0.5:
        image, masks = image[:, ::-1], masks[:, :, ::-1]
    image, masks = _window(image, masks, settings.smallest_window, random)
    pixels, valid, targets = _on_canvas(image, masks, settings.size, random)
    kept = [target for target in targets if MIN_CELLS <= target.sum() < 0.95 * valid.sum()][: settings.objects]
    side = settings.size // 4
    return TrainingExample(
        _other_colours(pixels, random), valid, np.stack(kept) if kept else np.zeros((0, side, side), dtype=bool)
    )


_SEEN_FROM_ABOVE = frozenset({"dubai", "flood", "dsb2018", "lgg"})
"""Sources without an up and a down, which may be turned."""


def _draw(available: int, wanted: int, random: np.random.Generator) -> list[int]:
    chosen: list[int] = random.permutation(available)[:wanted].tolist()
    return chosen


def _with_pasted_object(
    image: Image, masks: Masks, data: PackedSet, random: np.random.Generator
) -> tuple[Image, Masks]:
    """The image with an object of another one in front, first among its masks."""
    other = int(random.integers(len(data)))
    if not data.masks[other]:
        return image, masks
    [shape] = data.some_masks(other, _draw(len(data.masks[other]), 1, random))
    if not 0.01 <= shape.mean() <= 0.5:
        return image, masks
    rows, columns = np.flatnonzero(shape.any(1)), np.flatnonzero(shape.any(0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    H, W = image.shape[:2]  # noqa: N806
    # As large as one sixth to two thirds of the image.
    scale = random.uniform(1 / 6, 2 / 3) * max(H, W) / max(shape[box].shape)
    h, w = (max(4, min(round(side * scale), limit)) for side, limit in zip(shape[box].shape, (H, W), strict=True))
    soft = cv2.resize(shape[box].astype(np.float32), (w, h), interpolation=cv2.INTER_LINEAR)
    cut_out = cv2.resize(data.image(other)[box], (w, h), interpolation=cv2.INTER_AREA)
    if random.random() < 0.5:
        soft, cut_out = soft[:, ::-1], cut_out[:, ::-1]
    top, left = int(random.integers(H - h + 1)), int(random.integers(W - w + 1))
    place = np.s_[top : top + h, left : left + w]
    pasted = image.copy()
    alpha = soft[..., None]
    pasted[place] = (alpha * cut_out + (1 - alpha) * image[place]).astype(np.uint8)
    front = np.zeros((H, W), dtype=bool)
    front[place] = soft >= 0.5
    return pasted, np.concatenate([front[None], masks & ~front])


def _window(image: Image, masks: Masks, smallest: float, random: np.random.Generator) -> tuple[Image, Masks]:
    """A window of the image; one time in three all of it."""
    if random.random() < 1 / 3:
        return image, masks
    H, W = image.shape[:2]  # noqa: N806
    area_side = random.uniform(smallest, 1)
    stretch = float(np.exp(random.uniform(-0.3, 0.3)))
    h, w = min(H, max(32, round(H * area_side * stretch))), min(W, max(32, round(W * area_side / stretch)))
    top, left = int(random.integers(H - h + 1)), int(random.integers(W - w + 1))
    return image[top : top + h, left : left + w], masks[:, top : top + h, left : left + w]


def _on_canvas(
    image: Image, masks: Masks, size: int, random: np.random.Generator
) -> tuple[Image, npt.NDArray[np.bool_], list[npt.NDArray[np.bool_]]]:
    """Resized and padded to the network input; masks and validity on the grid of a quarter."""
    H, W = image.shape[:2]  # noqa: N806
    scale = size / max(H, W)
    if random.random() < 0.15:  # sometimes smaller than the canvas, so that small objects are seen too
        scale *= random.uniform(0.6, 1)
    h, w = max(4, round(H * scale)), max(4, round(W * scale))
    pixels = np.zeros((size, size, 3), dtype=np.uint8)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels[:h, :w] = cv2.resize(np.ascontiguousarray(image), (w, h), interpolation=way)
    side = size // 4
    rows, columns = min(side, max(1, round(h / 4))), min(side, max(1, round(w / 4)))
    valid = np.zeros((side, side), dtype=bool)
    valid[:rows, :columns] = True
    targets = []
    for mask in masks:
        target = np.zeros((side, side), dtype=bool)
        soft = cv2.resize(
            np.ascontiguousarray(mask).view(np.uint8) * 255, (columns, rows), interpolation=cv2.INTER_AREA
        )
        target[:rows, :columns] = soft >= 128
        targets.append(target)
    return pixels, valid, targets


def _other_colours(pixels: Image, random: np.random.Generator) -> Image:
    """Contrast, brightness, gamma and colour changed a little; one time in ten grey."""
    table = np.linspace(0, 1, 256, dtype=np.float32) ** np.exp(random.uniform(-0.3, 0.3))
    table = 255 * (table * random.uniform(0.7, 1.3) + random.uniform(-0.12, 0.12))
    balance = 1 + random.uniform(-0.1, 0.1, size=3).astype(np.float32)
    tables = np.clip(table[:, None] * balance, 0, 255).astype(np.uint8)
    changed = cv2.LUT(pixels, tables.reshape(256, 1, 3))
    if random.random() < 0.1:
        changed = cv2.cvtColor(cv2.cvtColor(changed, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return changed.astype(np.uint8, copy=False)
