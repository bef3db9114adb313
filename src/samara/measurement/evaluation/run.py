"""Evaluation of all images of a ground truth, resumable after a crash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from samara.errors import RecordError
from samara.measurement.evaluation.adapters import ModelUnderTest
from samara.measurement.evaluation.averages import average
from samara.measurement.evaluation.ground_truth import EvaluatedImage, GroundTruth
from samara.measurement.evaluation.scores import ImageScores, values_of
from samara.measurement.evaluation.scoring import score_image
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.measurement.records.environment import Environment, identity_of
from samara.measurement.records.json_lines import append_lines, read_lines
from samara.measurement.records.metrics import METRICS_OF, Measure
from samara.measurement.records.numbers import Number, as_record, without_value
from samara.measurement.records.records import Record, Subject
from samara.segmentation.segmenter import Seen
from samara.system.progress import Progress


def score_images(
    model: ModelUnderTest[Seen],
    images: Sequence[EvaluatedImage],
    settings: EvaluationSettings,
    *,
    refused: Mapping[Measure, str] | None = None,
    journal: Path | None = None,
    progress: Progress | None = None,
) -> list[ImageScores]:
    """Evaluate a model on every image.

    Args:
        model: model to measure.
        images: images with ground truth, from `read_ground_truth` with the same settings.
        settings: settings of the evaluation.
        refused: measures to leave out, see `samara.measurement.evaluation.protocols.refusals`.
        journal: file of scores; each image is written when finished, and images already in it are skipped. It must
            belong to this model, ground truth and settings alone.
        progress: called before the first image and after each.

    Returns:
        The scores in the order of the images.

    Raises:
        ImageError, DatasetError: An image cannot be read, or is not the annotated one.
        RecordError: The journal is damaged or belongs to another evaluation.
        OutputError: The journal cannot be written.
    """
    measures = [measure for measure in settings.measures if measure not in (refused or {})]
    done = {} if journal is None else _read_journal(journal, images)
    scores = []
    for number, image in enumerate(images):
        if progress is not None:
            progress("evaluating", number, len(images))
        if image.name not in done:
            done[image.name] = score_image(model, image, measures, settings.seed)
            if journal is not None:
                append_lines(journal, [done[image.name].to_json()])
        scores.append(done[image.name])
    if progress is not None:
        progress("evaluating", len(images), len(images))
    return scores


def _read_journal(journal: Path, images: Sequence[EvaluatedImage]) -> dict[str, ImageScores]:
    scores = [ImageScores.from_json(line) for line in read_lines(journal)]
    prompted = {image.name: image.prompted for image in images}
    for one in scores:
        if tuple(of_object.place for of_object in one.objects) != prompted.get(one.name):
            raise RecordError(f"{journal} holds scores of other images or objects, such as {one.name!r}; delete it")
    return {one.name: one for one in scores}


@dataclass(frozen=True)
class Quality:
    """Identity of one evaluation: the facts common to its records.

    Attributes:
        subject: the measured checkpoint.
        where: the ground truth.
        settings: settings of the evaluation.
        here: machine, versions, commit.
        details: further facts that identify the subject, JSON values.
    """

    subject: Subject
    where: GroundTruth
    settings: EvaluationSettings
    here: Environment
    details: Mapping[str, Any]  # Any: JSON values

    @property
    def facts(self) -> dict[str, Any]:  # Any: JSON values
        """Settings of the records."""
        return self.settings.as_json() | {"ground_truth": self.where.digest, **self.details}

    @property
    def job(self) -> str:
        """See `Record.job`."""
        return identity_of(
            {"job": "quality", "domain": self.where.domain} | asdict(self.subject) | self.facts | self.here.identity
        )

    def records(self, scores: Sequence[ImageScores], refused: Mapping[Measure, str]) -> list[Record]:
        """Average scores: one record per metric and source, and one per metric for the mean of the sources."""
        return [
            as_record(
                number,
                subject=self.subject,
                job=self.job,
                settings=self.facts,
                here=self.here,
                domain=self.where.domain,
            )
            for number in averages_of(scores, self.settings, refused)
        ]


def averages_of(
    scores: Sequence[ImageScores], settings: EvaluationSettings, refused: Mapping[Measure, str]
) -> list[Number]:
    """Average scores.

    Args:
        scores: scores of any number of images.
        settings: settings of the evaluation.
        refused: skipped measures with their reasons.

    Returns:
        For each metric, one number per source and one for the mean of the sources; if it was skipped, one without a
        value.
    """
    numbers: list[Number] = []
    for measure in settings.measures:
        for metric in METRICS_OF[measure]:
            if measure in refused:
                numbers.append(without_value(metric, "not applicable", refused[measure]))
            else:
                numbers += _averages(metric, scores, settings.seed)
    return numbers


def _averages(metric: str, scores: Sequence[ImageScores], seed: int) -> list[Number]:
    sources = sorted({one.source for one in scores})
    values = {source: [values_of(metric, one) for one in scores if one.source == source] for source in sources}
    return [
        Number(
            metric=metric, value=mean.value, interval=mean.interval, n=mean.objects, images=mean.images, source=source
        )
        for source, mean in average(values, seed).items()
    ]
