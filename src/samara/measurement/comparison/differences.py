"""Paired differences between checkpoints: A − B over the same objects, with an interval.

Two intervals that overlap say little: a hard image is hard for both. Of the same objects the difference is taken for
each, and the bootstrap draws images, as in `samara.measurement.evaluation.averages`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from samara.measurement.comparison.charts import ranked_by_quality
from samara.measurement.comparison.comparison import Comparison, Contender
from samara.measurement.comparison.score_files import ScoreFiles
from samara.measurement.comparison.tables import QUALITY
from samara.measurement.evaluation.averages import Average, average
from samara.measurement.evaluation.scores import ImageScores, values_of
from samara.measurement.records.metrics import METRICS
from samara.measurement.reporting.quantities import NOTHING
from samara.measurement.reporting.table import Cell, Row, Table

COMPARED = (*QUALITY, "clicks_to_90", "average_recall")
"""Metrics of which differences are shown."""

SEED = 0

Scores = Mapping[str, ImageScores]
"""Scores of one checkpoint by the name of the image."""


@dataclass(frozen=True)
class Difference:
    """Mean difference of a metric between two checkpoints, over the objects that both were asked about.

    Attributes:
        first, second: titles of the contenders.
        domain: kind of images.
        metric: name of the metric.
        mean: mean of first − second with its interval.
    """

    first: str
    second: str
    domain: str
    metric: str
    mean: Average

    @property
    def is_told_apart(self) -> bool:
        """Whether the interval excludes 0: chance alone does not explain the difference."""
        interval = self.mean.interval
        return interval is not None and not interval.low <= 0 <= interval.high


def differences(comparison: Comparison, scores: ScoreFiles) -> list[Difference]:
    """Compute the differences of every pair of contenders with scores of the same ground truth and settings.

    Args:
        comparison: comparison of the contenders.
        scores: scores of every object; contenders without them are in no pair.
    """
    found: list[Difference] = []
    for domain in comparison.domains:
        known = {one.title: (one, _by_name(scores.of_domain(one, domain))) for one in comparison.contenders}
        pairs = combinations([title for title, (_, of_images) in known.items() if of_images], 2)
        for first, second in pairs:
            (one, ours), (other, theirs) = known[first], known[second]
            if _asked_alike(one, other, domain):
                found += _of_pair(first, second, domain, ours, theirs)
    return found


def _by_name(scores: Sequence[ImageScores]) -> Scores:
    return {one.name: one for one in scores}


def _asked_alike(one: Contender, other: Contender, domain: str) -> bool:
    """Return whether two contenders were asked about the same ground truth with the same seed."""
    digests = [
        {
            (record.settings.get("ground_truth"), record.settings.get("seed"))
            for record in who.newest.values()
            if record.domain == domain and record.value is not None
        }
        for who in (one, other)
    ]
    return bool(digests[0] & digests[1])


def _of_pair(first: str, second: str, domain: str, ours: Scores, theirs: Scores) -> list[Difference]:
    made = []
    for metric in COMPARED:
        mean = paired_difference(metric, ours, theirs)
        if mean is not None:
            made.append(Difference(first, second, domain, metric, mean))
    return made


def paired_difference(metric: str, ours: Scores, theirs: Scores) -> Average | None:
    """Return the mean of ours − theirs over the objects that both have values of; None if there are none.

    Args:
        metric: name of a metric of quality.
        ours: scores by image.
        theirs: scores of another checkpoint on the same images.
    """
    values: dict[str, list[list[float]]] = {}
    for name in ours.keys() & theirs.keys():
        mine, other = ours[name], theirs[name]
        first, second = values_of(metric, mine), values_of(metric, other)
        if first and len(first) == len(second) and _same_objects(mine, other):
            of_objects = [one - another for one, another in zip(first, second, strict=True)]
            values.setdefault(mine.source, []).append(of_objects)
    return average(values, SEED).get(None)


def _same_objects(one: ImageScores, other: ImageScores) -> bool:
    return [scores.place for scores in one.objects] == [scores.place for scores in other.objects]


def turned(one: Difference) -> Difference:
    """Return second − first."""
    mean, interval = one.mean, one.mean.interval
    flipped = None if interval is None else replace(interval, low=-interval.high, high=-interval.low)
    return replace(one, first=one.second, second=one.first, mean=replace(mean, value=-mean.value, interval=flipped))


def difference_table(comparison: Comparison, found: Sequence[Difference]) -> Table:
    """Return a table of the differences between the best contender and each other one, by kind of images.

    Args:
        comparison: comparison of the contenders.
        found: differences of all pairs.
    """
    _, ranked = ranked_by_quality(comparison.contenders, comparison.domains)
    title = ranked[0].title if ranked else ""
    from_best = [one if one.first == title else turned(one) for one in found if title in (one.first, one.second)]
    metrics = [metric for metric in COMPARED if any(one.metric == metric for one in from_best)]
    rows = []
    for other, domain in dict.fromkeys((one.second, one.domain) for one in from_best):
        of_metric = {one.metric: one for one in from_best if (one.second, one.domain) == (other, domain)}
        cells = tuple(
            difference_cell(of_metric[metric]) if metric in of_metric else Cell(label=NOTHING) for metric in metrics
        )
        rows.append(Row((f"{title} − {other}", domain), (*cells, _counts(of_metric.values()))))
    return Table(
        "differences",
        "Paired differences",
        "Mean of A − B over the same objects, with its 95 % bootstrap interval over images; ✓ if the interval excludes "
        "0, so that chance alone does not explain the difference. A is the checkpoint with the best masks. Of IoU and "
        "recall, more is better for A; of clicks, less.",
        ("A − B", "images"),
        (*(METRICS[metric].title for metric in metrics), "objects"),
        tuple(rows),
    )


def _counts(found: Iterable[Difference]) -> Cell:
    return Cell(label=str(max(one.mean.objects for one in found)))


def difference_cell(one: Difference) -> Cell:
    """Return the cell of a difference: signed, with its interval, and a mark if chance does not explain it."""
    interval = one.mean.interval
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return Cell(
        value=one.mean.value,
        unit=f"{METRICS[one.metric].unit}, difference",
        low=low,
        high=high,
        n=one.mean.objects,
        mark="✓" if one.is_told_apart else "",
        metric=one.metric,
    )
