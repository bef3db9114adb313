"""What two checkpoints answer to the same prompts: values that fine-tuning makes and reports show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.masks.rle import Rle
from samara.segmentation.prompts import Prompt

ClickOrBox = Literal["click", "box"]
"""How an object is asked for: a click in its middle, or its tight box."""

# IoU by which an answer must differ to count as better or worse; below, resampling alone can do it.
NOTABLE_CHANGE = 0.01


@dataclass(frozen=True, eq=False)
class AnswersBeforeAndAfter:
    """One prompt, answered before and after.

    Attributes:
        prompt: in pixels of the original image.
        before: mask of the first checkpoint, (H, W) of the image.
        after: of the second.
        iou_before: with the ground truth, in [0, 1].
        iou_after: likewise.
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
    """One object, asked for by click and by box.

    Attributes:
        truth: its mask as drawn.
        click: the answers to a click in its middle, of three masks the one that the checkpoint trusts most.
        box: the answers to its tight box.
    """

    truth: Rle
    click: AnswersBeforeAndAfter
    box: AnswersBeforeAndAfter

    @property
    def change(self) -> float:
        """IoU gained, mean of click and box."""
        return (self.click.change + self.box.change) / 2

    @property
    def worst_change(self) -> float:
        """The smaller of the two gains."""
        return min(self.click.change, self.box.change)


@dataclass(frozen=True, eq=False)
class ComparedImage:
    """An image with at least one object.

    Attributes:
        path: the image file.
        name: as its data set has it; anything that a file may be called.
        objects: at least one.
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
    """One kind of prompt over many objects.

    Attributes:
        before: mean IoU over the objects, in [0, 1].
        after: likewise.
        better: objects whose IoU rose by more than `NOTABLE_CHANGE`.
        worse: objects whose IoU fell by more than that.
        objects: how many there are.
    """

    before: float
    after: float
    better: int
    worse: int
    objects: int

    @property
    def change(self) -> float:
        """IoU gained."""
        return self.after - self.before


@dataclass(frozen=True, eq=False)
class ComparedSet:
    """All images of a set that have an object; at least one."""

    images: tuple[ComparedImage, ...]

    @cached_property
    def objects(self) -> tuple[ComparedObject, ...]:
        """All objects of all images."""
        return tuple(one for image in self.images for one in image.objects)

    def score(self, kind: ClickOrBox) -> Score:
        """Sum one kind of prompt up; every object counts the same."""
        return score([getattr(one, kind) for one in self.objects])

    def extremes(self, most: int) -> tuple[tuple[ComparedImage, ...], tuple[ComparedImage, ...]]:
        """Choose the images that gained most, and those that gained least or lost most.

        Args:
            most: images in all. Half of the places belong to either end, whatever the signs are, so that a page
                cannot show gains alone.

        Returns:
            The best half, largest gain first; the worst half, largest loss first. Together all, if there are no more.
        """
        ranked = sorted(self.images, key=lambda image: -image.change)
        shown = min(most, len(ranked))
        worst = shown // 2
        return tuple(ranked[: shown - worst]), tuple(reversed(ranked[len(ranked) - worst :]))

    def losses(self, most: int) -> tuple[tuple[ComparedImage, ComparedObject], ...]:
        """Choose the objects of which an answer lost most, with their images, largest loss first.

        Args:
            most: how many; fewer if fewer lost more than `NOTABLE_CHANGE`.
        """
        pairs = [(image, one) for image in self.images for one in image.objects]
        lost = [pair for pair in pairs if pair[1].worst_change < -NOTABLE_CHANGE]
        return tuple(sorted(lost, key=lambda pair: pair[1].worst_change)[:most])


def score(answers: Sequence[AnswersBeforeAndAfter]) -> Score:
    """Sum answers up, at least one."""
    count = len(answers)
    return Score(
        before=math.fsum(one.iou_before for one in answers) / count,
        after=math.fsum(one.iou_after for one in answers) / count,
        better=sum(one.change > NOTABLE_CHANGE for one in answers),
        worse=sum(one.change < -NOTABLE_CHANGE for one in answers),
        objects=count,
    )
