"""Times of each checkpoint on one logarithmic axis: the comparison chart for any number of checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from matplotlib.transforms import IdentityTransform, blended_transform_factory

from samara.measurement.comparison.comparison import Comparison, Contender, DeviceOfMachine
from samara.measurement.comparison.drawing import (
    ACCENT,
    INK,
    LINE,
    SECOND,
    THIRD,
    as_svg,
    bare_axes,
    drawn_alike,
    shortened,
)
from samara.measurement.comparison.quantities import quantity, round_quantity
from samara.measurement.comparison.tables import Cell, measured, prompt_time

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, ROW, TOP, BOTTOM = 960.0, 26.0, 44.0, 30.0
AXIS_LEFT, AXIS_RIGHT = 210.0, 610.0
COLUMNS_AT: Sequence[float] = (735.0, 860.0, 955.0)
"""Right edges of the numbers next to the axis, one for each workload."""

TEXT: Mapping[str, Any] = {"fontsize": 13}  # Any: keywords
COLOURS = (THIRD, ACCENT, SECOND)
MAX_LETTERS = 26

WORKS: Mapping[str, Callable[[Contender], Cell]] = {
    "one more click": partial(measured, metric="decode_1_seconds"),
    "image and click": prompt_time,
    "everything": partial(measured, metric="everything_seconds"),
}


@dataclass(frozen=True)
class Line:
    """One contender: title, whether its weights are random, and seconds for each of `WORKS`."""

    title: str
    is_random: bool
    seconds: tuple[float | None, ...]


@dataclass(frozen=True)
class TimeChart:
    """Times of all contenders in one place, the fastest first."""

    place: str
    lines: tuple[Line, ...]


def time_charts(comparison: Comparison) -> list[TimeChart]:
    """Return one chart for each place with a measured time."""
    made = (_chart(comparison.at(place), place) for place in comparison.places)
    return [chart for chart in made if chart.lines]


def _chart(contenders: Sequence[Contender], place: DeviceOfMachine) -> TimeChart:
    lines = [
        Line(one.title, one.is_random, tuple(work(one).value or None for work in WORKS.values())) for one in contenders
    ]
    # The wait for a new image: that of a click if possible, otherwise of everything.
    timed = sorted(
        (line for line in lines if any(line.seconds)), key=lambda line: line.seconds[1] or line.seconds[2] or math.inf
    )
    return TimeChart(place.title, tuple(timed))


def time_chart_svg(chart: TimeChart, *, standalone: bool = False) -> str:
    """Draw a chart as an SVG element, or as a separate file that follows the reader's light or dark mode."""
    with drawn_alike():
        height = TOP + ROW * len(chart.lines) + BOTTOM
        axes = bare_axes(WIDTH, height, left=AXIS_LEFT, right=WIDTH - AXIS_RIGHT, top=TOP, bottom=BOTTOM)
        axes.set_ylim(len(chart.lines) - 0.5, -0.5)
        axes.set_yticks([])
        _scale(axes, [value for line in chart.lines for value in line.seconds if value])
        for heading, right, colour in zip(WORKS, COLUMNS_AT, COLOURS, strict=True):
            look: Any = {**TEXT, "color": colour, "weight": "bold", "ha": "right"}  # Any: keywords
            axes.text(right, height - 24, heading, transform=IdentityTransform(), **look)
        for row, line in enumerate(chart.lines):
            _draw_line(axes, row, line)
        return as_svg(axes, f"Seconds on {chart.place}", standalone=standalone)


def _scale(axes: Axes, times: Sequence[float]) -> None:
    first, last = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))
    decades = [10.0**power for power in range(first, max(last, first + 1) + 1)]
    axes.set_xscale("log")
    axes.set_xlim(decades[0], decades[-1])
    axes.set_xticks(decades, [round_quantity(value, "seconds") for value in decades], **TEXT)
    axes.set_xticks([], minor=True)
    axes.grid(axis="x", color=LINE, linewidth=1, clip_on=False)


def _draw_line(axes: Axes, row: int, line: Line) -> None:
    # x in units of the view box, for the text next to the axis.
    across = blended_transform_factory(IdentityTransform(), axes.transData)
    title = shortened(line.title, MAX_LETTERS) + (" *" if line.is_random else "")
    axes.text(0, row, title, transform=across, va="center_baseline", **TEXT, color=INK, weight="bold")
    seconds = [value for value in line.seconds if value]
    axes.hlines(row, min(seconds), max(seconds), color=LINE, linewidth=3, clip_on=False)
    for value, right, colour in zip(line.seconds, COLUMNS_AT, COLOURS, strict=True):
        if value:
            axes.plot(value, row, "o", markersize=12, markeredgewidth=0, color=colour, clip_on=False)
            text = quantity(value, "seconds")
            axes.text(right, row, text, transform=across, va="center_baseline", **TEXT, color=INK, ha="right")
