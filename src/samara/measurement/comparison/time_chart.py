"""How long each checkpoint takes, on one logarithmic axis: the chart of a comparison that holds any number of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from samara.measurement.comparison.charts import shortened
from samara.measurement.comparison.comparison import Comparison, Contender, Place
from samara.measurement.comparison.quantities import quantity, round_quantity
from samara.measurement.comparison.tables import Cell, measured, prompt_time
from samara.system.templates import template

WIDTH, ROW, TOP, BOTTOM = 960.0, 26.0, 44.0, 30.0
AXIS_LEFT, AXIS_RIGHT = 210.0, 610.0
COLUMNS_AT: Sequence[float] = (735.0, 860.0, 955.0)
"""Right edges of the numbers beside the axis, one for each kind of work."""

MAX_LETTERS = 26

WORKS: Mapping[str, Callable[[Contender], Cell]] = {
    "one more click": partial(measured, metric="decode_1_seconds"),
    "image and click": prompt_time,
    "everything": partial(measured, metric="everything_seconds"),
}


@dataclass(frozen=True)
class Mark:
    """One time: which of `WORKS` it is, its place on the axis, its text and where that ends."""

    work: int
    x: float
    text: str
    text_x: float


@dataclass(frozen=True)
class Line:
    """One contender: its title, its height, whether its weights are random, its times."""

    title: str
    y: float
    is_random: bool
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Grid:
    """A vertical line of the axis and its text."""

    x: float
    text: str


@dataclass(frozen=True)
class TimeChart:
    """The times of everything that was measured at one place, the quickest first.

    Attributes:
        place: where.
        width, height: of the drawing.
        lines: of contenders.
        grid: of the axis.
        headings: of the columns of numbers, with where they end.
    """

    place: str
    width: float
    height: float
    lines: tuple[Line, ...]
    grid: tuple[Grid, ...]
    headings: tuple[tuple[str, float], ...]


def time_charts(comparison: Comparison) -> list[TimeChart]:
    """One chart for each place where any time was measured."""
    made = (_chart(comparison.at(place), place) for place in comparison.places)
    return [chart for chart in made if chart is not None]


def _chart(contenders: Sequence[Contender], place: Place) -> TimeChart | None:
    times = [(one, [work(one).value for work in WORKS.values()]) for one in contenders]
    times = [(one, values) for one, values in times if any(values)]
    if not times:
        return None
    all_of_them = [value for _, values in times for value in values if value]
    first, last = math.floor(math.log10(min(all_of_them))), math.ceil(math.log10(max(all_of_them)))
    last += first == last

    def x_of(seconds: float) -> float:
        return AXIS_LEFT + (math.log10(seconds) - first) / (last - first) * (AXIS_RIGHT - AXIS_LEFT)

    # What a user waits for with a new image: the click where there is one, else everything.
    ordered = sorted(times, key=lambda one: one[1][1] or one[1][2] or math.inf)
    return TimeChart(
        place.title,
        WIDTH,
        TOP + ROW * len(ordered) + BOTTOM,
        tuple(
            Line(
                shortened(one.title, MAX_LETTERS),
                TOP + ROW * (row + 0.5),
                one.is_random,
                tuple(
                    Mark(work, x_of(value), quantity(value, "seconds"), COLUMNS_AT[work])
                    for work, value in enumerate(values)
                    if value
                ),
            )
            for row, (one, values) in enumerate(ordered)
        ),
        tuple(Grid(x_of(10.0**power), round_quantity(10.0**power, "seconds")) for power in range(first, last + 1)),
        tuple(zip(WORKS, COLUMNS_AT, strict=True)),
    )


def time_chart_svg(chart: TimeChart) -> str:
    """Draw a chart as an SVG file of its own, light or dark as its reader is.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    return template("measurement/comparison/time_chart.svg.j2").render(chart=chart, standalone=True)
