"""How many clicks an object takes: a simulated user clicks where the mask is most wrong, until it is good enough.

The protocol is RITM's (Sofiiuk et al. 2021, "Reviving iterative training with mask guidance", `isegm/inference/
clicker.py` and `evaluation.py`), which the Segment Anything paper follows as well (Kirillov et al. 2023, appendix D.1
"Point sampling"): the first click is the pixel of the object that is farthest from its border. Each further one is the
pixel that is farthest from the border of what is missed or of what is too much, whichever lies deeper; no pixel is
clicked twice. At most 20 clicks, and an object that does not get there counts as 20.

As SAM was trained and is used, the previous answer's low-res logits go along with each further click, where the
checkpoint takes them. The first click is ambiguous: of its three masks the one with the highest predicted IoU is the
answer; from then on it is the single mask.
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
"""IoU that clicks shall reach."""


@dataclass
class _Interaction:
    """One object and the clicks so far; it changes while the user clicks."""

    truth: Rle
    clicks: list[tuple[int, int]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    ious: list[float] = field(default_factory=list)
    logits: npt.NDArray[np.float32] | None = None

    @property
    def is_good(self) -> bool:
        return bool(self.ious) and self.ious[-1] >= max(TARGETS)

    def click(self, answer: npt.NDArray[np.bool_]) -> bool:
        """Click where the answer is most wrong; False if there is nowhere left."""
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
    """Find where a user clicks next.

    Args:
        truth: (H, W) bool, the object.
        answer: (H, W) bool, the mask so far; all False before the first click.
        clicked: pixels that were clicked before.

    Returns:
        The pixel (x, y) and its label, 1 where something is missed and 0 where something is too much; None if every
        wrong pixel was clicked, or none is wrong.
    """
    missed, missed_depth = deepest_pixel(truth & ~answer, clicked)
    extra, extra_depth = deepest_pixel(answer & ~truth, clicked)
    if not max(missed_depth, extra_depth):
        return None
    return (missed, 1) if missed_depth > extra_depth else (extra, 0)


def click_through(model: ModelUnderTest[Seen], seen: Seen, truths: Sequence[Rle]) -> list[list[float]]:
    """Click for every object of an image until its mask is good, all objects side by side.

    Args:
        model: answers; takes points and background points.
        seen: the image.
        truths: the objects, none of them empty.

    Returns:
        For each object the IoU after every click, at most `MAX_CLICKS` of them and at least one.
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
    """Count the clicks until an IoU was reached for the first time; None if it never was."""
    return next((number for number, iou in enumerate(ious, start=1) if iou >= target), None)
