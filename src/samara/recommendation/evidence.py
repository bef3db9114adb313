"""Which quality measurements count: enough objects, a narrow interval, the right domain, and one data set for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from samara.measurement.evaluation.settings import DOMAIN
from samara.measurement.records.records import Record
from samara.recommendation.tasks import PromptKind

MIN_OBJECTS, MIN_IMAGES = 30, 10
"""Fewer say little about other images."""

WIDEST_INTERVAL = 0.15
"""Max. width of a 95 % interval: the published qualities of most checkpoints lie within 0.15 of each other."""

RULE = (
    f"a measurement counts with at least {MIN_OBJECTS} objects in {MIN_IMAGES} images and a 95 % interval of at most "
    f"{WIDEST_INTERVAL:g}"
)

METRICS_OF: Mapping[PromptKind, tuple[str, ...]] = {
    "point": ("centre_click_iou", "random_click_iou"),
    "background point": ("centre_click_iou",),
    "box": ("box_iou", "jittered_box_iou"),
    "mask": ("box_iou",),
    "everything": ("average_recall",),
}
"""Quality metrics for each kind of prompt; the first one with enough evidence counts."""


@dataclass(frozen=True)
class Evidence:
    """Measurements of one metric on one data set, which may be compared with each other.

    Attributes:
        metric: name of the metric.
        records: by name of the checkpoint.
    """

    metric: str
    records: Mapping[str, Record]


def evidence_for(records: Iterable[Record], prompt: PromptKind, domain: str) -> Evidence | None:
    """Return the measurements that count for a kind of prompt; None if there are none.

    Of several data sets, the one with the most checkpoints counts, then the one measured last.
    """
    known = [one for one in records if counts(one) and is_of_domain(one, domain)]
    for metric in METRICS_OF.get(prompt, ()):
        by_data: dict[object, dict[str, Record]] = {}
        for one in sorted((one for one in known if one.metric == metric), key=lambda one: one.when):
            by_data.setdefault((one.domain, one.settings.get("ground_truth")), {})[one.subject.checkpoint] = one
        if by_data:
            return Evidence(metric, max(by_data.values(), key=lambda found: _rank(found, domain)))
    return None


def _rank(found: Mapping[str, Record], domain: str) -> tuple[bool, int, str]:
    newest = max(found.values(), key=lambda one: one.when)
    return newest.domain == domain, len(found), newest.when


def is_of_domain(record: Record, domain: str) -> bool:
    """Whether a record is about images of a domain, or does not say of which."""
    return record.domain in (domain, DOMAIN, None)


def is_about_quality(record: Record) -> bool:
    """Whether it is the mean quality of a checkpoint with the weights of its file, in a metric that is looked at."""
    metrics = {metric for several in METRICS_OF.values() for metric in several}
    is_mean = record.source is None and record.subject.weights == "file"
    return record.metric in metrics and is_mean and record.status == "measured"


def counts(record: Record) -> bool:
    """Whether a record is about quality and rests on enough objects, see `RULE`."""
    spread = record.interval
    return (
        is_about_quality(record)
        and record.n >= MIN_OBJECTS
        and (record.images or 0) >= MIN_IMAGES
        and spread is not None
        and spread.high - spread.low <= WIDEST_INTERVAL
    )
