"""Scores of the masks of one image, as values for a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from samara.errors import RecordError
from samara.masks.boundary import boundary_iou
from samara.masks.overlap import mask_iou
from samara.masks.rle import Rle
from samara.measurement.evaluation.adapters import Answer
from samara.measurement.evaluation.clicks import MAX_CLICKS, clicks_until
from samara.measurement.evaluation.protocols import PROMPTS
from samara.measurement.records.metrics import METRICS_OF


@dataclass(frozen=True, kw_only=True)
class ScoredAnswer:
    """Scored mask of one prompt.

    Attributes:
        iou: IoU with the ground truth, in [0, 1].
        boundary_iou: boundary IoU with the ground truth, in [0, 1].
        predicted_iou: IoU predicted by the checkpoint.
        counts: the mask as COCO's compressed run lengths.
    """

    iou: float
    boundary_iou: float
    predicted_iou: float
    counts: str

    @classmethod
    def of(cls, truth: Rle, answer: Answer) -> ScoredAnswer:
        """Compare an answer with the ground truth."""
        return cls(
            iou=float(mask_iou([truth], [answer.rle])[0, 0]),
            boundary_iou=boundary_iou(truth, answer.rle),
            predicted_iou=answer.predicted_iou,
            counts=answer.rle.to_coco()["counts"],
        )


@dataclass(frozen=True, kw_only=True)
class ObjectScores:
    """Scores of one prompted object.

    Attributes:
        place: index among the image's objects, without crowds and empty masks.
        answers: scored masks by measure.
        clicks: IoU after every click; None if not measured.
    """

    place: int
    answers: Mapping[str, ScoredAnswer]
    clicks: tuple[float, ...] | None


@dataclass(frozen=True, kw_only=True)
class ImageScores:
    """Scores of one image.

    Attributes:
        name: name of the image.
        source: data set of the image.
        objects: scores of the prompted objects.
        everything: for each object of the image, the fraction of IoU thresholds at which it was found; None if not
            measured.
    """

    name: str
    source: str
    objects: tuple[ObjectScores, ...]
    everything: tuple[float, ...] | None

    def to_json(self) -> str:
        """Return one line of JSON, without the newline."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> ImageScores:
        """Parse the output of `to_json`.

        Raises:
            RecordError: The line does not contain scores.
        """
        try:
            document: dict[str, Any] = json.loads(line)  # Any: JSON values
            objects = tuple(_object_scores(one) for one in document.pop("objects"))
            everything = document.pop("everything")
            return cls(objects=objects, everything=None if everything is None else tuple(everything), **document)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecordError(f"{line[:60]!r} does not contain scores of an image ({error})") from error


def _object_scores(document: Mapping[str, Any]) -> ObjectScores:  # Any: JSON values
    clicks = document["clicks"]
    return ObjectScores(
        place=document["place"],
        answers={name: ScoredAnswer(**answer) for name, answer in document["answers"].items()},
        clicks=None if clicks is None else tuple(clicks),
    )


def values_of(metric: str, image: ImageScores) -> list[float]:
    """Return the values of a quality metric on one image, one per prompted object; possibly none."""
    return _VALUES[metric](image)


def _of_answers(measure: str, field: str, image: ImageScores) -> list[float]:
    return [getattr(one.answers[measure], field) for one in image.objects if measure in one.answers]


def _clicks(target: float, image: ImageScores) -> list[int | None]:
    return [clicks_until(one.clicks, target) for one in image.objects if one.clicks is not None]


def _clicks_to(target: float, image: ImageScores) -> list[float]:
    return [float(MAX_CLICKS if clicks is None else clicks) for clicks in _clicks(target, image)]


def _not_reached(target: float, image: ImageScores) -> list[float]:
    return [float(clicks is None) for clicks in _clicks(target, image)]


_VALUES: Mapping[str, Callable[[ImageScores], list[float]]] = {
    **{
        metric: partial(_of_answers, measure, metric.removeprefix(f"{measure}_"))
        for measure in PROMPTS
        for metric in METRICS_OF[measure]
    },
    "clicks_to_85": partial(_clicks_to, 0.85),
    "clicks_to_90": partial(_clicks_to, 0.90),
    "not_reached_85": partial(_not_reached, 0.85),
    "not_reached_90": partial(_not_reached, 0.90),
    "average_recall": lambda image: list(image.everything or ()),
}
