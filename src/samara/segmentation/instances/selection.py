"""Prompts that choose: what FastSAM answers to points and boxes, out of the masks that it found without them.

Source: Zhao et al. 2023 (FastSAM), section 3.3, and its README: a point chooses the masks that it lies in, background
points rule masks out, the chosen masks are merged; a box chooses the mask with the best IoU.

Differs from the published code: a mask ruled out by any background point stays out, whatever the order of masks and
points, and a box that meets no mask chooses none.
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
    """Answer prompts with masks that are already there.

    Args:
        masks: everything in the image.
        prompts: points and boxes in pixels of the image, any number.
        multimask: several masks per prompt, those that it chooses, the most confident first; otherwise one, of all of
            them merged, with the confidence of the best. A box chooses one at most in either case.

    Returns:
        The masks in the order of the prompts, `prompt_index` says whose they are. None for a prompt that meets none.

    Raises:
        PromptError: a prompt leaves the image, holds mask logits, or names nothing to look for.
    """
    for prompt in prompts:
        prompt.check_inside(masks.size_hw)
    answers = [masks[:0]]  # so that no prompt gives no mask
    for number, prompt in enumerate(prompts):
        chosen = masks[_chosen_by(prompt, masks)]
        answer = chosen if multimask or len(chosen) < 2 else _merged(chosen)
        answers.append(answer.with_prompt_index(np.full(len(answer), number)))
    return concatenate(answers)


def _chosen_by(prompt: Prompt, masks: MaskSet) -> npt.NDArray[np.int64]:
    """Indices, the most confident first."""
    if prompt.mask_logits is not None:
        raise PromptError("mask logits cannot choose among masks; give points or a box")
    foreground = prompt.point_labels == 1
    if prompt.box_xyxy is None and not foreground.any():
        raise PromptError("background points alone choose nothing; give a foreground point or a box as well")
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
    """(M, P) whether the pixel that a point names lies in a mask; points just outside of the image name its edge."""
    H, W = masks.size_hw  # noqa: N806
    x, y = np.floor(prompt.points_xy + 0.5).astype(np.int64).clip(0, [W - 1, H - 1]).T
    inside = np.zeros((len(masks), len(x)), dtype=bool)
    for index, rle in enumerate(masks.rles):
        inside[index] = _holds(rle, x * H + y)
    return inside


def _holds(rle: Rle, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether pixels, counted column by column, belong to a mask: those behind an odd number of edges do."""
    return np.asarray(np.searchsorted(rle.edges(), positions, side="right") % 2 == 1)


def _filled(box_xyxy: npt.NDArray[np.float64], size_hw: tuple[int, int]) -> Rle:
    """The box as a mask: the pixels whose centres lie in it, at least one."""
    H, W = size_hw  # noqa: N806
    x0, y0, x1, y1 = np.ceil(box_xyxy - 0.5).astype(np.int64)
    mask = np.zeros(size_hw, dtype=bool)
    left, top = min(max(x0, 0), W - 1), min(max(y0, 0), H - 1)
    mask[top : max(y1, top + 1), left : max(x1, left + 1)] = True
    return encode_mask(mask)


def _merged(chosen: MaskSet) -> MaskSet:
    """One mask of all pixels that belong to any, with the numbers of the first."""
    union = np.zeros(chosen.size_hw, dtype=bool)
    for rle in chosen.rles:
        x0, y0, x1, y1 = rle.box_xyxy
        union[y0:y1, x0:x1] |= rle.decode()[y0:y1, x0:x1]
    return chosen[:1].with_rles([encode_mask(union)])
