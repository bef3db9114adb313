"""Charts of a comparison as geometry, in units of an SVG's view box: quality against speed, and where the time goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samara.measurement.comparison.comparison import Comparison, Contender, DeviceOfMachine
from samara.measurement.comparison.tables import QUALITY, mean_quality, prompt_time
from samara.measurement.published.figures import FIGURES, Figure
from samara.measurement.published.record import PUBLISHED_METRICS
from samara.measurement.records.metrics import METRICS
from samara.measurement.reporting.quantities import quantity

PUBLISHED_QUALITY = ("coco_ap", "lvis_ap", "seginw_ap")
"""Published metrics used as quality; only those of one table are comparable."""

CLICK = QUALITY[0]
"""Metric of quality in the charts of each kind of images."""

MIN_POINTS = 3
"""Minimum points of published quality for a chart."""


@dataclass(frozen=True)
class Point:
    """One contender in a scatter chart: title, seconds, and quality with its interval."""

    title: str
    seconds: float
    quality: float
    low: float
    high: float


@dataclass(frozen=True)
class Scatter:
    """Quality against speed at one place.

    Attributes:
        title: origin of the quality: kind of images, or its publisher.
        metric: title of the metric of quality.
        note: conditions of the quality; may be empty.
        place: machine and device that speed was measured on.
        points: contenders with both numbers.
        origin: upper limit for the start of the quality axis.
    """

    title: str
    metric: str
    note: str
    place: str
    points: tuple[Point, ...]
    origin: float


@dataclass(frozen=True)
class BarPart:
    """Part of a bar: name, duration, and share in [0, 1]."""

    kind: str
    text: str
    share: float


@dataclass(frozen=True)
class Bar:
    """Time breakdown of one contender.

    Attributes:
        title: title of the contender.
        total: total time as text.
        parts: parts from left to right.
    """

    title: str
    total: str
    parts: tuple[BarPart, ...]


@dataclass(frozen=True)
class BarChart:
    """Bars under a title."""

    title: str
    bars: tuple[Bar, ...]


def scatters(comparison: Comparison) -> list[Scatter]:
    """Return charts of measured quality, one for each place and kind of images that has a point."""
    return [
        Scatter(domain, METRICS[CLICK].title, "", place.title, tuple(_measured(one, domain) for one in drawn), origin=0)
        for place in comparison.places
        for domain in comparison.domains
        if (drawn := [one for one in comparison.at(place) if is_drawn(one, domain)])
    ]


def leading_scatter(comparison: Comparison, place: DeviceOfMachine) -> Scatter | None:
    """Return the chart that says most about a place: measured quality by the ranking metric, else published."""
    here, domains = comparison.at(place), comparison.domains
    metric, ranked = ranked_by_quality(here, domains)
    drawn = [one for one in ranked if prompt_time(one).value]
    if not drawn:
        return _published(here, place)
    if len(domains) == 1:
        points = [_measured(one, domains[0], metric) for one in drawn]
    else:
        points = [_mean(one, domains, metric) for one in drawn]
    title = domains[0] if len(domains) == 1 else f"mean of {', '.join(domains)}"
    return Scatter(title, METRICS[metric].title, "", place.title, tuple(points), origin=0)


def ranked_by_quality(contenders: Sequence[Contender], domains: Sequence[str]) -> tuple[str, list[Contender]]:
    """Return the metric that ranks most contenders, boxes before clicks, and those with it, the best first."""
    ranked = {metric: ranked_by(contenders, metric, domains) for metric in reversed(QUALITY)}
    metric = max(ranked, key=lambda name: len(ranked[name]))
    return metric, ranked[metric]


def ranked_by(contenders: Sequence[Contender], metric: str, domains: Sequence[str]) -> list[Contender]:
    """Return the contenders with a mean of a metric over the kinds of images, the best first."""
    values = {one.title: mean_quality(one, metric, domains).value for one in contenders}
    known = [one for one in contenders if values[one.title] is not None]
    return sorted(known, key=lambda one: -(values[one.title] or 0.0))


def _mean(one: Contender, domains: Sequence[str], metric: str) -> Point:
    """Return a point without an interval: those of the kinds of images are in their own charts."""
    quality = mean_quality(one, metric, domains).value or 0.0
    return Point(one.title, prompt_time(one).value or 0.0, quality, quality, quality)


def not_drawn(comparison: Comparison) -> list[str]:
    """Return the titles of contenders without quality or speed, which no chart of measured quality shows."""
    return [
        one.title for one in comparison.contenders if not any(is_drawn(one, domain) for domain in comparison.domains)
    ]


def is_drawn(one: Contender, domain: str) -> bool:
    """Return whether a contender has both numbers."""
    return bool(prompt_time(one).value) and one.value(CLICK, domain=domain) is not None


def _measured(one: Contender, domain: str, metric: str = CLICK) -> Point:
    record = one.newest[metric, domain, None, None]
    quality, interval = record.value or 0.0, record.interval
    low, high = (quality, quality) if interval is None else (interval.low, interval.high)
    return Point(one.title, prompt_time(one).value or 0.0, quality, low, high)


def published_scatters(comparison: Comparison) -> list[Scatter]:
    """Return charts of published quality against measured speed: per place, the table that covers most contenders.

    A chart contains only figures of one table under equal conditions.
    """
    return [chart for place in comparison.places if (chart := _published(comparison.at(place), place)) is not None]


def _published(contenders: Sequence[Contender], place: DeviceOfMachine) -> Scatter | None:
    timed = {one.checkpoint: one for one in contenders if prompt_time(one).value}
    tables: dict[tuple[str, str, str], dict[str, Figure]] = {}
    for figure in FIGURES:
        if figure.metric in PUBLISHED_QUALITY and figure.checkpoint in timed:
            table = (figure.metric, figure.source, str(figure.conditions))
            tables.setdefault(table, {})[figure.checkpoint] = figure
    if not tables:
        return None
    (metric, source, conditions), figures = max(tables.items(), key=lambda table: len(table[1]))
    if len(figures) < MIN_POINTS:
        return None
    points = tuple(
        Point(timed[name].title, prompt_time(timed[name]).value or 0.0, figure.value, figure.value, figure.value)
        for name, figure in figures.items()
    )
    origin = max(0.0, min(point.quality for point in points) - 0.05)
    title = PUBLISHED_METRICS[metric].title
    return Scatter(title, title, f"{source}: {conditions}", place.title, points, origin)


def bars(comparison: Comparison) -> list[BarChart]:
    """Return time breakdowns of a click on a new image, and of everything in an image."""
    click, everything = [], []
    for one in comparison.contenders:
        encode = one.value("encode_seconds", batch_size=1)
        decode, whole = one.value("decode_1_seconds"), one.value("everything_seconds")
        if encode and decode:
            click.append(_bar(one.title, {"encode": encode, "decode": decode}))
        if encode and whole and whole >= encode:
            everything.append(_bar(one.title, {"encode": encode, "prompts and masks": whole - encode}))
    made = (BarChart("One click on a new image", tuple(click)), BarChart("Everything in an image", tuple(everything)))
    return [one for one in made if one.bars]


def _bar(title: str, seconds: dict[str, float]) -> Bar:
    total = sum(seconds.values())
    parts = tuple(BarPart(kind, quantity(value, "seconds"), value / total) for kind, value in seconds.items())
    return Bar(title, quantity(total, "seconds"), parts)
