"""Segmentation of an image's prompts: one mask each, in the window that shows it best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from samara.annotation.inputs.decoded import ImageByWindow
from samara.annotation.run.tiles import Box, Tile
from samara.annotation.store.plan import Asked
from samara.masks.mask_set import MaskSet, concatenate
from samara.masks.rle import place
from samara.segmentation.segmenter import Segmenter

Answering = Segmenter[Any]  # Any: each kind of segmenter has its own embedding


def answer_in_windows(
    segmenter: Answering,
    image: ImageByWindow,
    asked: Sequence[Asked],
    tiles: Sequence[Tile],
    *,
    compares_answers: bool = False,
) -> MaskSet:
    """Segment all prompts of an image.

    Args:
        segmenter: segmenter to use.
        image: the image, whole or by windows.
        asked: its prompts, possibly none.
        tiles: windows to choose from.
        compares_answers: measure how much the three answers to each prompt disagree, see `Segmenter.answer_iou`.

    Returns:
        One mask per prompt, in their order and in the image's frame.

    Raises:
        PromptError: A prompt is invalid or exceeds the image.
    """
    for one in asked:
        one.prompt().check_inside(image.size_hw)
    windows: dict[Box, list[int]] = {}
    for index, one in enumerate(asked):
        windows.setdefault(window_of(one, image.size_hw, tiles), []).append(index)
    found = [no_masks(image.size_hw, segmenter.loaded.name)]
    found += [
        _in_window(segmenter, image, window, asked, indices, compares_answers=compares_answers)
        for window, indices in windows.items()
    ]
    masks = concatenate([one for one in found if len(one)] or found[:1])
    return masks[np.argsort(masks.prompt_index, kind="stable")]


def _in_window(
    segmenter: Answering,
    image: ImageByWindow,
    window: Box,
    asked: Sequence[Asked],
    indices: Sequence[int],
    *,
    compares_answers: bool,
) -> MaskSet:
    x0, y0, _, _ = window
    seen = segmenter.embed(image.window(window))
    prompts = [asked[index].prompt((-x0, -y0)) for index in indices]
    masks = segmenter.best(seen, prompts, with_logits=False)
    if compares_answers and (agreement := segmenter.answer_iou(seen, prompts)) is not None:
        masks = replace(masks, answer_iou=agreement[masks.prompt_index])
    rles = tuple(place(rle, *image.size_hw, x0, y0) for rle in masks.rles)
    of = np.array(indices, dtype=np.int64)[masks.prompt_index]
    return replace(masks, prompt_index=of, rles=rles, size_hw=image.size_hw)


def window_of(one: Asked, size_hw: tuple[int, int], tiles: Sequence[Tile]) -> Box:
    """Choose the window in which to segment a prompt.

    Args:
        one: the prompt.
        size_hw: (H, W) of the image.
        tiles: windows to choose from.

    Returns:
        Of the tiles that contain the prompt, the one whose inner edges are farthest from it; if none contains it, a
        window around the prompt with half its size as margin.
    """
    corners = [*one.points, *((one.box[:2], one.box[2:]) if one.box is not None else ())]
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    limit = np.array(size_hw[::-1])

    def margin(tile: Tile) -> float:
        box = np.array(tile.box_xyxy)
        gaps = np.concatenate([(low - box[:2])[box[:2] > 0], (box[2:] - high)[box[2:] < limit]])
        return float(gaps.min(initial=np.inf))

    best = max(tiles, key=margin)
    if margin(best) >= 0:
        return best.box_xyxy
    around = (high - low).max() / 2
    x0, y0 = np.maximum(0, np.floor(low - around)).astype(int).tolist()
    x1, y1 = np.minimum(limit, np.ceil(high + around)).astype(int).tolist()
    return x0, y0, x1, y1


def no_masks(size_hw: tuple[int, int], checkpoint: str) -> MaskSet:
    """Return an empty set of masks."""
    return MaskSet(
        rles=(), size_hw=size_hw, checkpoint=checkpoint, predicted_iou=np.zeros(0), prompt_index=np.zeros(0, np.int64)
    )
