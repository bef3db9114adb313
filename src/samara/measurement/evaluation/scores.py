"""What the answers on one image were worth, as values that a line of JSON holds."""

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
    """The answer to one prompt.

    Attributes:
        iou: with the ground truth, in [0, 1].
        boundary_iou: likewise.
        predicted_iou: what the checkpoint thought of it.
        counts: its mask, COCO's compressed run lengths.
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
    """One object that was prompted.

    Attributes:
        place: its position among the image's objects, without crowds and empty masks.
        answers: by measure.
        clicks: IoU after every click; None if that was not measured.
    """

    place: int
    answers: Mapping[str, ScoredAnswer]
    clicks: tuple[float, ...] | None


@dataclass(frozen=True, kw_only=True)
class ImageScores:
    """One image.

    Attributes:
        name: of the image.
        source: the data set that it is from.
        objects: those that were prompted.
        everything: for each object of the image the fraction of IoU thresholds at which it was found; None if that
            was not measured.
    """

    name: str
    source: str
    objects: tuple[ObjectScores, ...]
    everything: tuple[float, ...] | None

    def to_json(self) -> str:
        """One line of JSON, without its end."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> ImageScores:
        """Read what `to_json` wrote.

        Raises:
            RecordError: something else.
        """
        try:
            document: dict[str, Any] = json.loads(line)  # Any: JSON values
            objects = tuple(_object_scores(one) for one in document.pop("objects"))
            everything = document.pop("everything")
            return cls(objects=objects, everything=None if everything is None else tuple(everything), **document)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecordError(f"{line[:60]!r} holds no scores of an image ({error})") from error


def _object_scores(document: Mapping[str, Any]) -> ObjectScores:  # Any: JSON values
    clicks = document["clicks"]
    return ObjectScores(
        place=document["place"],
        answers={name: ScoredAnswer(**answer) for name, answer in document["answers"].items()},
        clicks=None if clicks is None else tuple(clicks),
    )


def values_of(metric: str, image: ImageScores) -> list[float]:
    """The values of a quality metric on one image, one per object that was asked; possibly none."""
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
