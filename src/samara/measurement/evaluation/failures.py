"""The worst answers, to be looked at: a mean hides what goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samara.datasets.ground_truth import LabelledImage
from samara.masks.rle import Rle
from samara.measurement.evaluation.ground_truth import Picture
from samara.measurement.evaluation.protocols import PROMPTS
from samara.measurement.evaluation.scores import PictureScores
from samara.measurement.evaluation.settings import EvaluationSettings, Measure
from samara.segmentation.prompts import Prompt


@dataclass(frozen=True, eq=False)
class Failure:
    """One bad answer.

    Attributes:
        image: the picture.
        source: the data set that it is from.
        measure: kind of prompt.
        prompt: as given.
        truth: the object.
        answer: the mask that came; may be empty.
        iou: of the two.
        predicted_iou: what the checkpoint thought of its answer.
    """

    image: LabelledImage
    source: str
    measure: Measure
    prompt: Prompt
    truth: Rle
    answer: Rle
    iou: float
    predicted_iou: float


def worst_answers(
    pictures: Sequence[Picture], scores: Sequence[PictureScores], settings: EvaluationSettings
) -> list[Failure]:
    """Find the answers with the lowest IoU, for each kind of prompt `settings.failures` of them.

    Of each picture only the worst is taken, so that one hard picture does not fill the list; of equals the largest
    object.

    Args:
        pictures: with their ground truth.
        scores: of the same pictures, in the same order.
        settings: with which they were made.

    Returns:
        Kind by kind in the order of `PROMPTS`, the worst first.
    """
    failures: list[Failure] = []
    for measure in PROMPTS:
        worst = [
            min(found, key=_rank)
            for picture, of_picture in zip(pictures, scores, strict=True)
            if (found := _answers(picture, of_picture, measure, settings.seed))
        ]
        failures += sorted(worst, key=_rank)[: settings.failures]
    return failures


def _rank(failure: Failure) -> tuple[float, int]:
    return failure.iou, -failure.truth.area


def _answers(picture: Picture, scores: PictureScores, measure: Measure, seed: int) -> list[Failure]:
    H, W = picture.image.size_hw  # noqa: N806
    return [
        Failure(
            image=picture.image,
            source=picture.source,
            measure=measure,
            prompt=PROMPTS[measure](truth := picture.objects[one.place], picture.name, seed),
            truth=truth,
            answer=Rle(H, W, (answer := one.answers[measure]).counts.encode()),
            iou=answer.iou,
            predicted_iou=answer.predicted_iou,
        )
        for one in scores.objects
        if measure in one.answers
    ]
