"""Number of clicks per object: a simulated user clicks the centre of the largest error until the mask is good enough.

The protocol is RITM's (Sofiiuk et al. 2021, "Reviving iterative training with mask guidance", `isegm/inference/
clicker.py` and `evaluation.py`), which the Segment Anything paper also follows (Kirillov et al. 2023, appendix D.1
"Point sampling"): the first click is the pixel of the object farthest from its border. Each further click is the pixel
deepest inside a false-negative or false-positive region; no pixel is clicked twice. The maximum is 20 clicks, and an
object that does not reach the target counts as 20.

As in SAM's training and use, each further click includes the previous low-res logits, if the checkpoint takes them. The
first click is ambiguous, so the mask with the highest predicted IoU of three is used; later clicks use the single mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from samara.masks.distance import deepest_pixel
from samara.masks.overlap import mask_iou
from samara.masks.rle import Rle
from samara.measurement.evaluation.adapters import Answer, ModelUnderTest
from samara.segmentation.prompts import Prompt
from samara.segmentation.segmenter import Seen

MAX_CLICKS = 20
TARGETS = (0.85, 0.90)
"""Target IoUs of the clicks."""


@dataclass
class _Interaction:
    """One object and its clicks so far, updated with every click."""

    truth: Rle
    clicks: list[tuple[int, int]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    ious: list[float] = field(default_factory=list)
    logits: npt.NDArray[np.float32] | None = None

    @property
    def is_good(self) -> bool:
        return bool(self.ious) and self.ious[-1] >= max(TARGETS)

    def click(self, answer: npt.NDArray[np.bool_]) -> bool:
        """Click the largest error; return False if no pixel is left."""
        place = next_click(self.truth.decode(), answer, self.clicks)
        if place is None:
            return False
        point, label = place
        self.clicks.append(point)
        self.labels.append(label)
        return True


def next_click(
    truth: npt.NDArray[np.bool_], answer: npt.NDArray[np.bool_], clicked: Sequence[tuple[int, int]] = ()
) -> tuple[tuple[int, int], int] | None:
    """Find the next click of a user.

    Args:
        truth: (H, W) bool, the object.
        answer: (H, W) bool, current mask; all False before the first click.
        clicked: pixels clicked before.

    Returns:
        The pixel (x, y) and its label, 1 for a false negative and 0 for a false positive; None if no unclicked wrong
        pixel is left.
    """
    missed, missed_depth = deepest_pixel(truth & ~answer, clicked)
    extra, extra_depth = deepest_pixel(answer & ~truth, clicked)
    if not max(missed_depth, extra_depth):
        return None
    return (missed, 1) if missed_depth > extra_depth else (extra, 0)


def click_through(model: ModelUnderTest[Seen], seen: Seen, truths: Sequence[Rle]) -> list[list[float]]:
    """Click every object of an image until its mask is good, all objects in parallel.

    Args:
        model: model that takes points and background points.
        seen: the embedded image.
        truths: the objects, none empty.

    Returns:
        For each object the IoU after every click, from one to `MAX_CLICKS` values.
    """
    interactions = [_Interaction(truth) for truth in truths]
    nothing = np.zeros((truths[0].height, truths[0].width), bool) if truths else np.zeros((0, 0), bool)
    active = [one for one in interactions if one.click(nothing)]
    takes_logits = model.capabilities.mask_input
    for _ in range(MAX_CLICKS):
        if not active:
            break
        prompts = [Prompt(one.clicks, one.labels, mask_logits=one.logits) for one in active]
        answers = model.answer(seen, prompts)
        for one, answer in zip(active, answers, strict=True):
            _note(one, answer, takes_logits=takes_logits)
        active = [
            one
            for one, answer in zip(active, answers, strict=True)
            if not one.is_good and len(one.clicks) < MAX_CLICKS and one.click(answer.rle.decode())
        ]
    return [one.ious for one in interactions]


def _note(one: _Interaction, answer: Answer, *, takes_logits: bool) -> None:
    one.ious.append(float(mask_iou([one.truth], [answer.rle])[0, 0]))
    one.logits = answer.low_res_logits if takes_logits else None


def clicks_until(ious: Sequence[float], target: float) -> int | None:
    """Count the clicks until an IoU is first reached; None if it never is."""
    return next((number for number, iou in enumerate(ious, start=1) if iou >= target), None)
