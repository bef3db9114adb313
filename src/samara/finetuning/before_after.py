"""Results of two checkpoints on the same prompts: computed by fine-tuning, shown in reports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from samara.datasets.bootstrap import interval_of_mean
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.masks.rle import Rle
from samara.segmentation.prompts import Prompt

ClickOrBox = Literal["click", "box"]
"""The prompt of an object: a click in its centre, or its tight box."""

# Min. change of IoU to count as better or worse; resampling alone can cause smaller ones.
NOTABLE_CHANGE = 0.01


@dataclass(frozen=True, eq=False)
class AnswersBeforeAndAfter:
    """The masks of one prompt before and after.

    Attributes:
        prompt: in pixels of the original image.
        before: mask of the first checkpoint, (H, W) of the image.
        after: mask of the second.
        iou_before: IoU of the first with the ground truth, in [0, 1].
        iou_after: IoU of the second with the ground truth, in [0, 1].
    """

    prompt: Prompt
    before: Rle
    after: Rle
    iou_before: float
    iou_after: float

    @property
    def change(self) -> float:
        """IoU gained, negative if lost."""
        return self.iou_after - self.iou_before


@dataclass(frozen=True, eq=False)
class ComparedObject:
    """One object, prompted by click and by box.

    Attributes:
        truth: its ground-truth mask.
        click: masks for a click in its centre, of three the one with the highest predicted IoU; None for checkpoints
            that take boxes alone.
        box: masks for its tight box.
    """

    truth: Rle
    click: AnswersBeforeAndAfter | None
    box: AnswersBeforeAndAfter

    @property
    def answers(self) -> dict[ClickOrBox, AnswersBeforeAndAfter]:
        """The masks by kind of prompt."""
        return {"box": self.box} if self.click is None else {"click": self.click, "box": self.box}

    @property
    def change(self) -> float:
        """IoU gained, mean over the kinds of prompt."""
        changes = [one.change for one in self.answers.values()]
        return math.fsum(changes) / len(changes)

    @property
    def worst(self) -> ClickOrBox:
        """The kind of prompt that gained less, or lost more."""
        answers = self.answers
        return min(answers, key=lambda kind: answers[kind].change)

    @property
    def worst_change(self) -> float:
        """The smallest of the gains."""
        return self.answers[self.worst].change


@dataclass(frozen=True, eq=False)
class ComparedImage:
    """An image with at least one object.

    Attributes:
        path: the image file.
        name: name in the data set; may be any file name.
        objects: its objects, at least one.
        reading: how the file is read.
    """

    path: Path
    name: str
    objects: tuple[ComparedObject, ...]
    reading: ImageReading = AS_THEY_ARE

    @property
    def change(self) -> float:
        """IoU gained, mean over the objects."""
        return math.fsum(one.change for one in self.objects) / len(self.objects)


@dataclass(frozen=True)
class Score:
    """Scores of one kind of prompt over many objects.

    Attributes:
        before: mean IoU over the objects, in [0, 1].
        after: mean IoU afterwards, in [0, 1].
        better: number of objects whose IoU rose by more than `NOTABLE_CHANGE`.
        worse: number of objects whose IoU fell by more than that.
        objects: number of objects.
        before_interval: 95 % interval of `before`, by images; None for a single image, as for the next two.
        after_interval: 95 % interval of `after`.
        change_interval: 95 % interval of the paired change.
    """

    before: float
    after: float
    better: int
    worse: int
    objects: int
    before_interval: tuple[float, float] | None = None
    after_interval: tuple[float, float] | None = None
    change_interval: tuple[float, float] | None = None

    @property
    def change(self) -> float:
        """IoU gained."""
        return self.after - self.before

    @property
    def is_clear(self) -> bool:
        """Whether the interval of the change does not contain 0."""
        return self.change_interval is not None and not self.change_interval[0] <= 0 <= self.change_interval[1]

    @property
    def verdict(self) -> str:
        """Say in a few words what the interval of the change tells."""
        if self.change_interval is None:
            return "only one image"
        if self.change_interval == (0.0, 0.0):
            return "unchanged"
        if not self.is_clear:
            return "could be chance"
        return "clearly better" if self.change > 0 else "clearly worse"


@dataclass(frozen=True, eq=False)
class ComparedSet:
    """All images of a set that have an object; at least one."""

    images: tuple[ComparedImage, ...]

    @cached_property
    def objects(self) -> tuple[ComparedObject, ...]:
        """All objects of all images."""
        return tuple(one for image in self.images for one in image.objects)

    @cached_property
    def kinds(self) -> tuple[ClickOrBox, ...]:
        """The kinds of prompt that were compared."""
        return tuple(self.objects[0].answers)

    def score(self, kind: ClickOrBox) -> Score:
        """Score one kind of prompt with intervals; every object has the same weight."""
        images = [[one.answers[kind] for one in image.objects] for image in self.images]
        return replace(
            score([one for image in images for one in image]),
            before_interval=interval_of_mean([[one.iou_before for one in image] for image in images]),
            after_interval=interval_of_mean([[one.iou_after for one in image] for image in images]),
            change_interval=interval_of_mean([[one.change for one in image] for image in images]),
        )

    def scores(self) -> dict[ClickOrBox, Score]:
        """Score every kind of prompt that was compared."""
        return {kind: self.score(kind) for kind in self.kinds}

    def extremes(self, most: int) -> tuple[tuple[ComparedImage, ...], tuple[ComparedImage, ...]]:
        """Choose the images with the largest gains, and those with the smallest gains or largest losses.

        Args:
            most: max. number of images. Each end gets half of them, whatever the signs, so that a page cannot show only
                gains.

        Returns:
            The best half, largest gain first; the worst half, largest loss first. Together all images, if there are
            few.
        """
        ranked = sorted(self.images, key=lambda image: -image.change)
        shown = min(most, len(ranked))
        worst = shown // 2
        return tuple(ranked[: shown - worst]), tuple(reversed(ranked[len(ranked) - worst :]))

    def losses(self, most: int) -> tuple[tuple[ComparedImage, ComparedObject], ...]:
        """Choose the objects with the largest losses, with their images, largest loss first.

        Args:
            most: max. number; fewer if fewer lost more than `NOTABLE_CHANGE`.
        """
        pairs = [(image, one) for image in self.images for one in image.objects]
        lost = [pair for pair in pairs if pair[1].worst_change < -NOTABLE_CHANGE]
        return tuple(sorted(lost, key=lambda pair: pair[1].worst_change)[:most])


def score(answers: Sequence[AnswersBeforeAndAfter]) -> Score:
    """Score at least one result."""
    count = len(answers)
    return Score(
        before=math.fsum(one.iou_before for one in answers) / count,
        after=math.fsum(one.iou_after for one in answers) / count,
        better=sum(one.change > NOTABLE_CHANGE for one in answers),
        worse=sum(one.change < -NOTABLE_CHANGE for one in answers),
        objects=count,
    )
