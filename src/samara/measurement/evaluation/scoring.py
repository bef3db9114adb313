"""Scoring of one image: embed it, run all measures, compare with the ground truth."""

from __future__ import annotations

from collections.abc import Collection

from samara.masks.rle import Rle
from samara.measurement.evaluation.adapters import ModelUnderTest
from samara.measurement.evaluation.clicks import click_through
from samara.measurement.evaluation.ground_truth import EvaluatedImage
from samara.measurement.evaluation.protocols import PROMPTS
from samara.measurement.evaluation.recall import recall_of_objects
from samara.measurement.evaluation.scores import ImageScores, ObjectScores, ScoredAnswer
from samara.measurement.records.metrics import Measure
from samara.segmentation.segmenter import Seen


def score_image(
    model: ModelUnderTest[Seen], image: EvaluatedImage, measures: Collection[Measure], seed: int
) -> ImageScores:
    """Evaluate a model on one image.

    Args:
        model: model to measure.
        image: image with ground truth.
        measures: measures that the model supports.
        seed: see `EvaluationSettings`.

    Raises:
        ImageError: The image cannot be read.
        DatasetError: The image differs in size from its masks.
    """
    seen = model.embed(image.image.pixels())
    truths = [image.objects[place] for place in image.prompted]
    answers = {
        measure: _ask(model, seen, truths, measure, image.name, seed) for measure in PROMPTS if measure in measures
    }
    clicks = click_through(model, seen, truths) if "clicks" in measures else None
    everything = None
    if image.everything and "everything" in measures:
        everything = tuple(recall_of_objects(image.objects, model.everything(seen)).tolist())
    return ImageScores(
        name=image.name,
        source=image.source,
        objects=tuple(
            ObjectScores(
                place=place,
                answers={measure: of_measure[index] for measure, of_measure in answers.items()},
                clicks=None if clicks is None else tuple(clicks[index]),
            )
            for index, place in enumerate(image.prompted)
        ),
        everything=everything,
    )


def _ask(
    model: ModelUnderTest[Seen], seen: Seen, truths: list[Rle], measure: Measure, name: str, seed: int
) -> list[ScoredAnswer]:
    prompts = [PROMPTS[measure](truth, name, seed) for truth in truths]
    answers = model.answer(seen, prompts)
    return [ScoredAnswer.of(truth, answer) for truth, answer in zip(truths, answers, strict=True)]
