"""Mask selection by points and boxes, FastSAM's form of prompting.

Source: Zhao et al. 2023 (FastSAM), section 3.3, and its README: a point selects the masks that contain it, background
points exclude masks, and the selected masks are merged; a box selects the mask with the highest IoU.

Differs from the published code: a mask excluded by any background point stays excluded, independent of the order of
masks and points, and a box that overlaps no mask selects none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from samara.errors import PromptError
from samara.masks.mask_set import MaskSet, concatenate
from samara.masks.overlap import mask_iou
from samara.masks.rle import Rle, encode_mask
from samara.segmentation.prompts import Prompt


def choose(masks: MaskSet, prompts: Sequence[Prompt], *, multimask: bool = True) -> MaskSet:
    """Answer prompts by selecting from given masks.

    Args:
        masks: all masks of the image.
        prompts: any number of points and boxes in pixels of the image.
        multimask: return all masks that a prompt selects, the most confident first; otherwise merge them into one with
            the highest confidence. A box selects at most one mask in either case.

    Returns:
        The masks in the order of the prompts, with `prompt_index`. A prompt that selects nothing has no mask.

    Raises:
        PromptError: A prompt is outside the image, contains mask logits, or has only background points.
    """
    for prompt in prompts:
        prompt.check_inside(masks.size_hw)
    answers = [masks[:0]]  # for an empty list of prompts
    for number, prompt in enumerate(prompts):
        chosen = masks[_chosen_by(prompt, masks)]
        answer = chosen if multimask or len(chosen) < 2 else _merged(chosen)
        answers.append(answer.with_prompt_index(np.full(len(answer), number)))
    return concatenate(answers)


def _chosen_by(prompt: Prompt, masks: MaskSet) -> npt.NDArray[np.int64]:
    """Return the indices of the selected masks, the most confident first."""
    if prompt.mask_logits is not None:
        raise PromptError("mask logits cannot select masks; give points or a box")
    foreground = prompt.point_labels == 1
    if prompt.box_xyxy is None and not foreground.any():
        raise PromptError("background points alone select nothing; add a foreground point or a box")
    fits = np.ones(len(masks), dtype=bool)
    if len(foreground):
        inside = _inside(prompt, masks)
        fits = (inside[:, foreground].any(axis=1) | ~foreground.any()) & ~inside[:, ~foreground].any(axis=1)
    fitting = np.flatnonzero(fits)
    if prompt.box_xyxy is not None and len(fitting):
        iou = mask_iou([masks.rles[index] for index in fitting], [_filled(prompt.box_xyxy, masks.size_hw)])[:, 0]
        best = int(iou.argmax())
        return fitting[best : best + 1] if iou[best] > 0 else fitting[:0]
    return fitting[np.argsort(-masks.predicted_iou[fitting], kind="stable")]


def _inside(prompt: Prompt, masks: MaskSet) -> npt.NDArray[np.bool_]:
    """Return (M, P) whether masks contain the pixels of points; points just outside the image count as its edge."""
    H, W = masks.size_hw  # noqa: N806
    x, y = np.floor(prompt.points_xy + 0.5).astype(np.int64).clip(0, [W - 1, H - 1]).T
    inside = np.zeros((len(masks), len(x)), dtype=bool)
    for index, rle in enumerate(masks.rles):
        inside[index] = _holds(rle, x * H + y)
    return inside


def _holds(rle: Rle, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return whether pixels, counted column by column, belong to a mask: those after an odd number of edges do."""
    return np.asarray(np.searchsorted(rle.edges(), positions, side="right") % 2 == 1)


def _filled(box_xyxy: npt.NDArray[np.float64], size_hw: tuple[int, int]) -> Rle:
    """Return the box as a mask: the pixels with centres inside it, at least one."""
    H, W = size_hw  # noqa: N806
    x0, y0, x1, y1 = np.ceil(box_xyxy - 0.5).astype(np.int64)
    mask = np.zeros(size_hw, dtype=bool)
    left, top = min(max(x0, 0), W - 1), min(max(y0, 0), H - 1)
    mask[top : max(y1, top + 1), left : max(x1, left + 1)] = True
    return encode_mask(mask)


def _merged(chosen: MaskSet) -> MaskSet:
    """Return the union of the masks, with the scores of the first."""
    union = np.zeros(chosen.size_hw, dtype=bool)
    for rle in chosen.rles:
        x0, y0, x1, y1 = rle.box_xyxy
        union[y0:y1, x0:x1] |= rle.decode()[y0:y1, x0:x1]
    return chosen[:1].with_rles([encode_mask(union)])
