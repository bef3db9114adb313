"""Segmentation of an image's prompts: one mask each, in the window that shows it best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from samara.annotation.inputs.decoded import ImageByWindow
from samara.annotation.run.tiles import Box, Tile
from samara.annotation.store.plan import Asked
from samara.masks.mask_set import MaskSet, concatenate
from samara.masks.rle import place
from samara.segmentation.prompts import Prompt
from samara.segmentation.segmenter import Segmenter
from samara.system.cores import one_ahead

Answering = Segmenter[Any]  # Any: each kind of segmenter has its own embedding

Item = TypeVar("Item")


def answer_in_windows(
    segmenter: Answering,
    image: ImageByWindow,
    asked: Sequence[Asked],
    tiles: Sequence[Tile],
    batch: int = 1,
    *,
    compares_answers: bool = False,
) -> MaskSet:
    """Segment all prompts of an image.

    Args:
        segmenter: segmenter to use.
        image: the image, whole or by windows.
        asked: its prompts, possibly none.
        tiles: windows to choose from.
        batch: maximum windows per pass of the network.
        compares_answers: measure how much the three answers to each prompt disagree, see `Segmenter.answer_iou`.

    Returns:
        One mask per prompt, in their order and in the image's frame.

    Raises:
        PromptError: A prompt is invalid or exceeds the image.
    """
    _check(asked, image.size_hw)
    windows: dict[Box, list[int]] = {}
    for index, one in enumerate(asked):
        windows.setdefault(window_of(one, image.size_hw, tiles), []).append(index)
    found = [no_masks(image.size_hw, segmenter.loaded.name)]
    groups = _groups(list(windows.items()), batch)
    for group, seen in zip(groups, seen_windows(segmenter, image, list(windows), batch), strict=True):
        prompts = [[asked[index].prompt((-x0, -y0)) for index in indices] for (x0, y0, _, _), indices in group]
        answers = _best_answers(segmenter, seen, prompts, compares_answers=compares_answers)
        found += [_placed(masks, image.size_hw, *where) for where, masks in zip(group, answers, strict=True)]
    # Without the empty set, which has no `answer_iou`, unless it is the only one.
    masks = concatenate([one for one in found if len(one)] or found[:1])
    return masks[np.argsort(masks.prompt_index, kind="stable")]


def answer_whole(
    segmenter: Answering,
    seen: Sequence[Any],
    asked: Sequence[Sequence[Asked]],
    sizes_hw: Sequence[tuple[int, int]],
    *,
    compares_answers: bool = False,
) -> list[MaskSet]:
    """Segment the prompts of several images that were embedded whole.

    Args:
        segmenter: segmenter to use.
        seen: the embedded images.
        asked: the prompts of each.
        sizes_hw: (H, W) of each.
        compares_answers: see `answer_in_windows`.

    Returns:
        For each image, one mask per prompt, in their order.

    Raises:
        PromptError: A prompt is invalid or exceeds its image.
    """
    for of_image, size_hw in zip(asked, sizes_hw, strict=True):
        _check(of_image, size_hw)
    prompts = [[one.prompt() for one in of_image] for of_image in asked]
    return _best_answers(segmenter, seen, prompts, compares_answers=compares_answers)


def seen_windows(segmenter: Answering, image: ImageByWindow, boxes: Sequence[Box], batch: int) -> Iterator[list[Any]]:
    """Embed windows of an image, in groups of `batch`; the next group is read while the network runs."""

    def ready(group: Sequence[Box]) -> list[Any]:
        return [segmenter.ready(image.window(box)) for box in group]

    with closing(one_ahead(ready, _groups(boxes, batch))) as groups:
        for group in groups:
            yield segmenter.embed_ready(group)


def _best_answers(
    segmenter: Answering, seen: Sequence[Any], prompts: Sequence[Sequence[Prompt]], *, compares_answers: bool
) -> list[MaskSet]:
    """Return the best answer to each prompt of each image, with `answer_iou` if answers are compared."""
    answers = segmenter.best_of_several(seen, prompts, with_logits=False)
    agreement = segmenter.answer_iou(seen, prompts) if compares_answers else None
    if agreement is None:
        return answers
    return [replace(masks, answer_iou=iou[masks.prompt_index]) for masks, iou in zip(answers, agreement, strict=True)]


def _check(asked: Sequence[Asked], size_hw: tuple[int, int]) -> None:
    for one in asked:
        one.prompt().check_inside(size_hw)


def _groups(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _placed(masks: MaskSet, size_hw: tuple[int, int], window: Box, indices: Sequence[int]) -> MaskSet:
    """Move the masks of a window, of the prompts at `indices`, to the image's frame."""
    x0, y0, _, _ = window
    rles = tuple(place(rle, *size_hw, x0, y0) for rle in masks.rles)
    of = np.array(indices, dtype=np.int64)[masks.prompt_index]
    return replace(masks, prompt_index=of, rles=rles, size_hw=size_hw)


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
