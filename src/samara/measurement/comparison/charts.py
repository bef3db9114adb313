"""Charts of a comparison as geometry, in units of an SVG's view box: quality against speed, and where the time goes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from samara.measurement.comparison.comparison import Comparison, Contender, Place
from samara.measurement.comparison.pareto import pareto_front
from samara.measurement.comparison.quantities import quantity, round_quantity
from samara.measurement.comparison.tables import QUALITY, prompt_time
from samara.measurement.published.figures import FIGURES, Figure
from samara.measurement.published.record import METRICS

WIDTH, HEIGHT = 420.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 16.0, 14.0, 44.0
LETTER, LINE, MAX_LETTERS = 7.8, 14.0, 24
"""About the width and height of the text beside a point, and how long it may be."""

PUBLISHED_QUALITY = ("coco_ap", "lvis_ap", "seginw_ap")
"""Published numbers that stand for quality; only those of one table are comparable."""

MIN_POINTS = 3
"""Fewer points of published quality are no chart."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One contender in a scatter.

    Attributes:
        title: of the contender, shortened.
        tip: its numbers in words.
        x, y: its place.
        low_y, high_y: ends of its interval.
        label_x, label_y: where its name begins.
        on_front: whether nothing beats it.
    """

    title: str
    tip: str
    x: float
    y: float
    low_y: float
    high_y: float
    label_x: float
    label_y: float
    on_front: bool


@dataclass(frozen=True)
class Tick:
    """One mark of an axis: its place along it and its text."""

    at: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """Quality against speed at one place.

    Attributes:
        title: whose quality it is: kind of images, or who published it.
        note: under which conditions; may be empty.
        place: where speed was measured.
        points: of contenders with both numbers.
        front: the Pareto front as the points of a line.
        x_ticks, y_ticks: of the axes.
    """

    title: str
    note: str
    place: str
    points: tuple[Point, ...]
    front: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Part:
    """A part of a bar: what it is, how long it took, and its share in [0, 1]."""

    kind: str
    text: str
    share: float


@dataclass(frozen=True)
class Bar:
    """Where the time of one contender goes.

    Attributes:
        title: of the contender.
        total: the whole, in words.
        parts: from left to right.
    """

    title: str
    total: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Bars:
    """Bars under a title."""

    title: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class _Measured:
    """What becomes a point: seconds, and a quality with its interval."""

    title: str
    seconds: float
    gain: float
    low: float
    high: float


def scatters(comparison: Comparison) -> list[Scatter]:
    """Measured quality: one chart for each place and kind of images that has a point."""
    return [
        _scatter(domain, "", place, [_measured(one, domain) for one in drawn], origin=0.0)
        for place in comparison.places
        for domain in comparison.domains
        if (drawn := [one for one in comparison.at(place) if is_drawn(one, domain)])
    ]


def not_drawn(comparison: Comparison) -> list[str]:
    """Titles of contenders that are in no chart of measured quality, because they have no quality or no speed."""
    return [
        one.title for one in comparison.contenders if not any(is_drawn(one, domain) for domain in comparison.domains)
    ]


def is_drawn(one: Contender, domain: str) -> bool:
    """Whether it has both numbers."""
    return bool(prompt_time(one).value) and one.value(QUALITY[0], domain=domain) is not None


def _measured(one: Contender, domain: str) -> _Measured:
    record = one.newest[QUALITY[0], domain, None, None]
    gain, interval = record.value or 0.0, record.interval
    low, high = (gain, gain) if interval is None else (interval.low, interval.high)
    return _Measured(one.title, prompt_time(one).value or 0.0, gain, low, high)


def published_scatters(comparison: Comparison) -> list[Scatter]:
    """Published quality against the speed that was measured: at each place the table that has most of what ran there.

    Only figures of one table, under equal conditions, are in one chart.
    """
    return [chart for place in comparison.places if (chart := _published(comparison.at(place), place)) is not None]


def _published(contenders: Sequence[Contender], place: Place) -> Scatter | None:
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
    points = [
        _Measured(timed[name].title, prompt_time(timed[name]).value or 0.0, figure.value, figure.value, figure.value)
        for name, figure in figures.items()
    ]
    lowest = min(point.gain for point in points)
    return _scatter(METRICS[metric].title, f"{source}: {conditions}", place, points, origin=max(0.0, lowest - 0.05))


def _scatter(title: str, note: str, place: Place, drawn: Sequence[_Measured], origin: float) -> Scatter:
    """Lay out a chart whose axis of quality begins at `origin` or below."""
    seconds, gains = [one.seconds for one in drawn], [one.gain for one in drawn]
    front = pareto_front(seconds, gains)
    first, last = math.log10(min(seconds)) - 0.35, math.log10(max(seconds)) + 0.65
    highest = max(one.high for one in drawn)
    step = 0.05 if highest - origin < 0.3 else 0.2
    low_step, high_step = math.floor(origin / step + 1e-9), math.ceil(highest / step + 0.1)
    bottom, top = low_step * step, min(1.0, high_step * step)

    def x_of(value: float) -> float:
        return LEFT + (math.log10(value) - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def y_of(value: float) -> float:
        return HEIGHT - BOTTOM - (value - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM)

    places = [(x_of(one.seconds), y_of(one.gain)) for one in drawn]
    labels = _labels(places, [shortened(one.title) for one in drawn])
    points = tuple(
        Point(
            title=shortened(one.title),
            tip=f"{one.title}: {quantity(one.seconds, 'seconds')}, {quantity(one.gain, 'fraction')}",
            x=places[index][0],
            y=places[index][1],
            low_y=y_of(one.low),
            high_y=y_of(one.high),
            label_x=labels[index][0],
            label_y=labels[index][1],
            on_front=index in front,
        )
        for index, one in enumerate(drawn)
    )
    ticks = [number * step for number in range(low_step, high_step + 1) if number * step <= top + 1e-9]
    return Scatter(
        title=title,
        note=note,
        place=place.title,
        points=points,
        front=" ".join(f"{places[index][0]:.1f},{places[index][1]:.1f}" for index in front),
        x_ticks=tuple(Tick(x_of(value), round_quantity(value, "seconds")) for value in _decades(first, last)),
        y_ticks=tuple(Tick(y_of(value), f"{value:.{1 if step > 0.1 else 2}f}") for value in ticks),
    )


def _decades(first: float, last: float) -> Iterator[float]:
    """Round numbers between two logarithms: 1, 10, 100 ..., with 3, 30 ... where there would be few."""
    steps = (1.0, 3.0) if last - first < 3 else (1.0,)
    for power in range(math.floor(first), math.ceil(last) + 1):
        for step in steps:
            value = step * 10.0**power
            if first <= math.log10(value) <= last:
                yield value


def _labels(places: Sequence[tuple[float, float]], titles: Sequence[str]) -> list[tuple[float, float]]:
    """Where names go: beside their point, as near to its height as other names and other points let them be."""
    points = [(x - 7, y + 4, 14.0) for x, y in places]
    taken: list[tuple[float, float, float]] = []
    for index, ((x, y), title) in enumerate(zip(places, titles, strict=True)):
        width = LETTER * len(title)
        # A front rises from left to right: below it on the right and above it on the left there is room.
        sides = [(x + 9, y + 14), (x - 9 - width, y - 6)]
        sides = [(left, base) for left, base in sides if left >= LEFT and left + width <= WIDTH]
        sides = sides or [(LEFT, y + 14)]
        moves = sorted((step * LINE for step in range(-8, 9)), key=abs)
        spots = [(left, base + move, width) for move in moves for left, base in sides]
        others = [*taken, *points[:index], *points[index + 1 :]]
        taken.append(next((spot for spot in spots if not any(_touch(spot, other) for other in others)), spots[0]))
    return [(left, base) for left, base, _ in taken]


def shortened(title: str, letters: int = MAX_LETTERS) -> str:
    """A title that fits, beside a point unless more letters are allowed."""
    return title if len(title) <= letters else f"{title[: letters - 1]}…"


def _touch(one: tuple[float, float, float], other: tuple[float, float, float]) -> bool:
    return abs(one[1] - other[1]) < LINE - 1 and one[0] < other[0] + other[2] and other[0] < one[0] + one[2]


def bars(comparison: Comparison) -> list[Bars]:
    """Where the time goes of a click on a new image, and of everything in an image."""
    click, everything = [], []
    for one in comparison.contenders:
        encode = one.value("encode_seconds", batch_size=1)
        decode, whole = one.value("decode_1_seconds"), one.value("everything_seconds")
        if encode and decode:
            click.append(_bar(one.title, {"encode": encode, "decode": decode}))
        if encode and whole and whole >= encode:
            everything.append(_bar(one.title, {"encode": encode, "prompts and masks": whole - encode}))
    made = (Bars("One click on a new image", tuple(click)), Bars("Everything in an image", tuple(everything)))
    return [one for one in made if one.bars]


def _bar(title: str, seconds: dict[str, float]) -> Bar:
    total = sum(seconds.values())
    parts = tuple(Part(kind, quantity(value, "seconds"), value / total) for kind, value in seconds.items())
    return Bar(title, quantity(total, "seconds"), parts)
