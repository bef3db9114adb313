"""The worst and the best masks, for inspection, because a mean hides what goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
class JudgedAnswer:
    """One mask with its object.

    Attributes:
        image: the image.
        source: data set of the image.
        measure: kind of prompt.
        prompt: the prompt.
        truth: the object.
        answer: the predicted mask; may be empty.
        iou: IoU of the two.
        predicted_iou: predicted IoU of the mask.
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
) -> list[JudgedAnswer]:
    """Find the masks with the lowest IoU, `settings.failures` for each kind of prompt.

    Only the worst of each image is included, so that one hard image does not fill the list; ties go to the largest
    object.

    Args:
        images: images with ground truth.
        scores: scores of the same images, in the same order.
        settings: settings of the evaluation.

    Returns:
        Answers by kind of prompt in the order of `PROMPTS`, the worst first.
    """
    return _first(images, scores, settings, _rank)


def best_answers(
    images: Sequence[EvaluatedImage], scores: Sequence[ImageScores], settings: EvaluationSettings
) -> list[JudgedAnswer]:
    """Find the masks with the highest IoU, as many as `worst_answers` and by the same rules, the best first."""
    return _first(images, scores, settings, lambda one: (-one.iou, -one.truth.area))


def _first(
    images: Sequence[EvaluatedImage],
    scores: Sequence[ImageScores],
    settings: EvaluationSettings,
    rank: Callable[[JudgedAnswer], tuple[float, int]],
) -> list[JudgedAnswer]:
    chosen: list[JudgedAnswer] = []
    for measure in PROMPTS:
        of_images = [
            min(found, key=rank)
            for image, of_image in zip(images, scores, strict=True)
            if (found := _answers(image, of_image, measure, settings.seed))
        ]
        chosen += sorted(of_images, key=rank)[: settings.failures]
    return chosen


def _rank(one: JudgedAnswer) -> tuple[float, int]:
    return one.iou, -one.truth.area


def _answers(image: EvaluatedImage, scores: ImageScores, measure: Measure, seed: int) -> list[JudgedAnswer]:
    H, W = image.image.size_hw  # noqa: N806
    return [
        JudgedAnswer(
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
