"""Overlay of masks on their image, with prompts on top; several answers to a prompt side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from samara.images.contrast import made_visible
from samara.masks.drawing.sheet import captioned, side_by_side
from samara.masks.drawing.style import Labels, OverlayStyle
from samara.masks.mask_set import MaskSet
from samara.segmentation.drawing.prompts import boxes_of_clicks, draw_prompts
from samara.segmentation.prompts import Prompt

Image = npt.NDArray[np.uint8]


def draw_masks(
    image: Image,
    masks: MaskSet,
    prompts: Sequence[Prompt] = (),
    *,
    ids: Sequence[int] | None = None,
    opacity: float = OverlayStyle.opacity,
    outline: int | None = OverlayStyle.outline,
    labels: Labels = OverlayStyle.labels,
    label_size: int | None = OverlayStyle.label_size,
) -> Image:
    """Draw masks over an image; small masks lie on large ones.

    A dark or flat image, such as one of fluorescence or one with few of its 16 bits in use, is stretched first.

    Args:
        image: (H, W, 3) RGB uint8 of the masks' size; not modified.
        masks: M masks. With several classes, masks of one class have one colour.
        prompts: points and boxes to mark.
        ids: M numbers that label the masks; None for 1 to M.
        opacity: see `OverlayStyle`, as for the next three.
        outline: width of the outlines in pixels.
        labels: text at each mask.
        label_size: height of that text in pixels.

    Returns:
        A new (H, W, 3) RGB uint8 image.
    """
    style = OverlayStyle(opacity=opacity, outline=outline, labels=labels, label_size=label_size)
    return draw_styled(image, masks, prompts, ids=ids, style=style)


def draw_styled(
    image: Image, masks: MaskSet, prompts: Sequence[Prompt], *, ids: Sequence[int] | None, style: OverlayStyle
) -> Image:
    """Draw masks over an image; see `draw_masks`."""
    clear = boxes_of_clicks(prompts, masks.size_hw)
    return draw_prompts(masks.drawn_on(made_visible(image), ids=ids, style=style, keep_clear=clear), prompts)


def draw_answers(
    image: Image, masks: MaskSet, prompts: Sequence[Prompt], *, ids: Sequence[int], style: OverlayStyle
) -> Image:
    """Draw several answers to each prompt side by side, the best first, each labelled with number and score.

    Args:
        image: (H, W, 3) RGB uint8; not modified.
        masks: M masks, `prompt_index` refers to `prompts`.
        prompts: the prompts.
        ids: M numbers of the masks.
        style: how they are drawn.

    Returns:
        (H', W', 3) RGB uint8: as many panels as a prompt has answers.
    """
    ranks = answer_ranks(masks)
    count = int(ranks.max(initial=0)) + 1
    visible, clear, panels = made_visible(image), boxes_of_clicks(prompts, masks.size_hw), []
    for rank in range(count):
        chosen = np.flatnonzero(ranks == rank)
        numbers = [ids[int(index)] for index in chosen]
        drawn = masks[chosen].drawn_on(visible, ids=numbers, style=style, with_score=True, keep_clear=clear)
        panels.append(captioned(draw_prompts(drawn, prompts), f"answer {rank + 1} of {count}"))
    return side_by_side(panels)


def answer_ranks(masks: MaskSet) -> npt.NDArray[np.int64]:
    """Return the rank of each mask among the answers to its prompt, (M,), 0 for the highest predicted IoU."""
    ranks = np.zeros(len(masks), dtype=np.int64)
    for prompt in np.unique(masks.prompt_index):
        answers = np.flatnonzero(masks.prompt_index == prompt)
        ranks[answers[np.argsort(-masks.predicted_iou[answers], kind="stable")]] = np.arange(answers.size)
    return ranks
