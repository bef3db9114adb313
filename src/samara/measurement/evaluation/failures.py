"""The worst answers, to be looked at: a mean hides what goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samara.datasets.ground_truth import LabelledImage
from samara.masks.rle import Rle
from samara.measurement.evaluation.ground_truth import EvaluatedImage
from samara.measurement.evaluation.protocols import PROMPTS
from samara.measurement.evaluation.scores import ImageScores
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.measurement.records.metrics import Measure
from samara.segmentation.prompts import Prompt


@dataclass(frozen=True, eq=False)
class Failure:
    """One bad answer.

    Attributes:
        image: the image.
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
    images: Sequence[EvaluatedImage], scores: Sequence[ImageScores], settings: EvaluationSettings
) -> list[Failure]:
    """Find the answers with the lowest IoU, for each kind of prompt `settings.failures` of them.

    Of each image only the worst is taken, so that one hard image does not fill the list; of equals the largest
    object.

    Args:
        images: with their ground truth.
        scores: of the same images, in the same order.
        settings: with which they were made.

    Returns:
        Kind by kind in the order of `PROMPTS`, the worst first.
    """
    failures: list[Failure] = []
    for measure in PROMPTS:
        worst = [
            min(found, key=_rank)
            for image, of_image in zip(images, scores, strict=True)
            if (found := _answers(image, of_image, measure, settings.seed))
        ]
        failures += sorted(worst, key=_rank)[: settings.failures]
    return failures


def _rank(failure: Failure) -> tuple[float, int]:
    return failure.iou, -failure.truth.area


def _answers(image: EvaluatedImage, scores: ImageScores, measure: Measure, seed: int) -> list[Failure]:
    H, W = image.image.size_hw  # noqa: N806
    return [
        Failure(
            image=image.image,
            source=image.source,
            measure=measure,
            prompt=PROMPTS[measure](truth := image.objects[one.place], image.name, seed),
            truth=truth,
            answer=Rle(H, W, (answer := one.answers[measure]).counts.encode()),
            iou=answer.iou,
            predicted_iou=answer.predicted_iou,
        )
        for one in scores.objects
        if measure in one.answers
    ]
