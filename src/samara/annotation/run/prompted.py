"""Answering the prompts of an image: each in the window that shows it best, one mask each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from samara.annotation.inputs.decoded import Image
from samara.annotation.run.tiles import Box, Tile
from samara.annotation.store.plan import Asked
from samara.masks.mask_set import MaskSet, concatenate
from samara.masks.rle import place
from samara.segmentation.predictor import Predictor

PROMPTS_AT_A_TIME = 64


@dataclass(frozen=True, eq=False)
class PromptedSegmenter:
    """Predicts one mask per prompt.

    Attributes:
        predictor: of a promptable checkpoint.
        prompts_at_a_time: answered together.
    """

    predictor: Predictor
    prompts_at_a_time: int = PROMPTS_AT_A_TIME

    def answer(self, image: Image, asked: Sequence[Asked], tiles: Sequence[Tile]) -> MaskSet:
        """Predict the masks of all prompts.

        Args:
            image: whole or by windows.
            asked: its prompts, possibly none.
            tiles: windows to choose from.

        Returns:
            One mask per prompt, in their order and in the image's frame.

        Raises:
            PromptError: a prompt makes no sense or leaves the image.
        """
        for one in asked:
            one.prompt().check_inside(image.size_hw)
        windows: dict[Box, list[int]] = {}
        for index, one in enumerate(asked):
            windows.setdefault(window_of(one, image.size_hw, tiles), []).append(index)
        found = [no_masks(image.size_hw, self.predictor.loaded.name)]
        found += [self._in_window(image, window, asked, indices) for window, indices in windows.items()]
        masks = concatenate(found)
        return masks[np.argsort(masks.prompt_index, kind="stable")]

    def _in_window(self, image: Image, window: Box, asked: Sequence[Asked], indices: Sequence[int]) -> MaskSet:
        x0, y0, _, _ = window
        embedding = self.predictor.embed(image.window(window))
        prompts = [asked[index].prompt((-x0, -y0)) for index in indices]
        found = []
        # A single click may mean the whole, a part or a subpart, so that the best of three answers; any other prompt
        # says what it means (Kirillov et al. 2023, section 3 "Resolving ambiguity").
        for is_ambiguous in (True, False):
            of_kind = [at for at, prompt in enumerate(prompts) if prompt.is_ambiguous == is_ambiguous]
            for start in range(0, len(of_kind), self.prompts_at_a_time):
                chunk = of_kind[start : start + self.prompts_at_a_time]
                several = self.predictor.predict_prompts(
                    embedding, [prompts[at] for at in chunk], multimask=is_ambiguous
                )
                masks = several.best()
                index = np.array([indices[chunk[at]] for at in masks.prompt_index], dtype=np.int64)
                rles = tuple(place(rle, *image.size_hw, x0, y0) for rle in masks.rles)
                found.append(replace(masks, prompt_index=index, low_res_logits=None, rles=rles, size_hw=image.size_hw))
        return concatenate(found)


def window_of(one: Asked, size_hw: tuple[int, int], tiles: Sequence[Tile]) -> Box:
    """Find the window in which a prompt is answered.

    Args:
        one: the prompt.
        size_hw: (H, W) of the image.
        tiles: windows to choose from.

    Returns:
        Of the tiles that hold the prompt, the one whose inner edges are farthest from it; if none holds it, a window of
        its own, with half its size around it.
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
    """A set of no masks."""
    return MaskSet(
        rles=(), size_hw=size_hw, checkpoint=checkpoint, predicted_iou=np.zeros(0), prompt_index=np.zeros(0, np.int64)
    )
