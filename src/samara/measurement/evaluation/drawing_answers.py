"""Drawing of a judged answer: object and prompt beside the mask."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from samara.measurement.evaluation.judged_answers import JudgedAnswer
from samara.segmentation.drawing.difference import draw_difference, draw_truth
from samara.segmentation.drawing.view import View

SIDE_PX = 640
"""Long side of each half in a file, which shows the object with a margin of its own width."""


def draw_answer(one: JudgedAnswer, side_px: int = SIDE_PX) -> npt.NDArray[np.uint8]:
    """Draw an answer: left, the ground truth with the prompt; right, the correct, missed and excess pixels.

    Args:
        one: the answer.
        side_px: long side of each half in pixels.

    Returns:
        (H, W, 3) RGB uint8.
    """
    image = one.image.pixels()
    view = View(_window(one), side_px)
    shown, prompts = view.image(image), [view.prompt(one.prompt)]
    truth, answer = view.mask(one.truth), view.mask(one.answer)
    left = draw_difference(draw_truth(shown, [truth]), [], prompts)
    right = draw_difference(shown, [(truth, answer)], prompts)
    gap = np.full((left.shape[0], 8, 3), 255, np.uint8)
    return np.concatenate([left, gap, right], axis=1)


def _window(one: JudgedAnswer) -> tuple[int, int, int, int]:
    """Return the window of object and mask with a margin."""
    H, W = one.image.size_hw  # noqa: N806
    boxes = np.array([rle.box_xyxy for rle in (one.truth, one.answer) if rle.area])
    (x0, y0), (x1, y1) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    margin = max(16, (x1 - x0) // 2, (y1 - y0) // 2)
    return max(0, int(x0 - margin)), max(0, int(y0 - margin)), min(W, int(x1 + margin)), min(H, int(y1 + margin))
