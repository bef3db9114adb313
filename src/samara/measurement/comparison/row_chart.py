"""Numbers of each checkpoint on one axis, a row for each: the chart for any number of checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from matplotlib.transforms import IdentityTransform, blended_transform_factory

from samara.measurement.comparison.comparison import Comparison, Contender, DeviceOfMachine
from samara.measurement.comparison.tables import measured, prompt_time
from samara.measurement.reporting.drawing import (
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
from samara.measurement.reporting.quantities import quantity, round_quantity
from samara.measurement.reporting.table import Cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW, TOP, BOTTOM = 26.0, 44.0, 30.0
COLOURS = (THIRD, ACCENT, SECOND)
"""Colours of the series, in their order."""

COLOUR_NAMES = ("third", "accent", "second")
"""The same by name in the page's palette."""


@dataclass(frozen=True)
class Layout:
    """Where the parts of a row lie, in units of the view box.

    Attributes:
        width: width of the chart.
        axis: left and right end of the axis.
        columns_at: right edges of the numbers; one for each series, or a single one for the leading series.
        letters: maximum letters of a title.
        font: size of the text.
    """

    width: float
    axis: tuple[float, float]
    columns_at: tuple[float, ...]
    letters: int
    font: float


WIDE = Layout(960, (210, 610), (735, 860, 955), 26, 13)
"""For a page's whole width, and for files."""

NARROW = Layout(400, (132, 322), (398,), 18, 12)
"""For a third of a page's width, and for a phone."""

Seriesful = Mapping[str, Callable[[Contender], Cell]]
"""What each row shows, by title: at most three."""

TIMES: Seriesful = {
    "one more click": partial(measured, metric="decode_1_seconds"),
    "image and click": prompt_time,
    "everything": partial(measured, metric="everything_seconds"),
}


@dataclass(frozen=True)
class Line:
    """One contender: title, whether its weights are random, and a number for each series; None if not measured."""

    title: str
    is_random: bool
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class RowChart:
    """Numbers of all contenders in one place, the smallest first.

    Attributes:
        title: what is shown.
        place: machine and device of the numbers.
        unit: unit of the numbers.
        series: titles of what each row shows.
        lead: index of the series that orders the rows, and whose number a narrow chart shows.
        lines: the rows.
    """

    title: str
    place: str
    unit: str
    series: tuple[str, ...]
    lead: int
    lines: tuple[Line, ...]

    @property
    def legend(self) -> dict[str, str]:
        """Titles of the series that have a number, with the names of their colours."""
        named = zip(self.series, COLOUR_NAMES, strict=False)
        return {title: colour for index, (title, colour) in enumerate(named) if self.has(index)}

    def has(self, series: int) -> bool:
        """Return whether any row has a number of a series."""
        return any(line.values[series] for line in self.lines)


def time_charts(comparison: Comparison) -> list[RowChart]:
    """Return one chart of times for each place that has one; rows are ordered by the wait for a new image."""
    made = (_chart(comparison.at(place), place, "Times", "seconds", TIMES, 1) for place in comparison.places)
    return [chart for chart in made if chart.lines]


def memory_charts(comparison: Comparison) -> list[RowChart]:
    """Return one chart of peak memory for each place that has one."""
    made = (
        _chart(comparison.at(place), place, "Peak memory", "bytes", _memory_of(place), 0) for place in comparison.places
    )
    return [chart for chart in made if chart.lines]


def _memory_of(place: DeviceOfMachine) -> Seriesful:
    kind = "resident" if place.is_cpu else "device"
    return {
        "encoding": partial(measured, metric=f"encode_{kind}_peak_bytes", batch_size=1),
        "everything": partial(measured, metric=f"everything_{kind}_peak_bytes"),
        "fine-tuning": partial(measured, metric=f"finetune_{kind}_peak_bytes"),
    }


def _chart(
    contenders: Sequence[Contender], place: DeviceOfMachine, title: str, unit: str, series: Seriesful, lead: int
) -> RowChart:
    lines = [
        Line(one.title, one.is_random, tuple(make(one).value or None for make in series.values())) for one in contenders
    ]
    found = [line for line in lines if any(line.values)]
    # What lacks the leading number is placed by its largest, e.g. a detector's one pass.
    found.sort(key=lambda line: line.values[lead] or max(value or -math.inf for value in line.values))
    return RowChart(title, place.title, unit, tuple(series), lead, tuple(found))


def row_chart_svg(chart: RowChart, layout: Layout = WIDE, *, standalone: bool = False) -> str:
    """Draw a chart as an SVG element, or as a separate file that follows the reader's light or dark mode."""
    with drawn_alike():
        return as_svg(row_chart_axes(chart, layout), f"{chart.title} on {chart.place}", standalone=standalone)


def row_chart_axes(chart: RowChart, layout: Layout = WIDE) -> Axes:
    """Draw a chart, within `drawn_alike`."""
    height = TOP + ROW * len(chart.lines) + BOTTOM
    left, right = layout.axis
    axes = bare_axes(layout.width, height, left=left, right=layout.width - right, top=TOP, bottom=BOTTOM)
    axes.set_ylim(len(chart.lines) - 0.5, -0.5)
    axes.set_yticks([])
    _scale(axes, [value for line in chart.lines for value in line.values if value], chart.unit, layout)
    for series, edge in _columns(chart, layout).items():
        look: Any = {"fontsize": layout.font, "weight": "bold", "ha": "right"}  # Any: keywords
        axes.text(edge, height - 24, chart.series[series], transform=IdentityTransform(), color=COLOURS[series], **look)
    for row, line in enumerate(chart.lines):
        _draw_line(axes, row, line, chart, layout)
    return axes


def _columns(chart: RowChart, layout: Layout) -> dict[int, float]:
    """Return the right edge of the numbers of each series that has some."""
    if len(layout.columns_at) == 1:
        return {chart.lead: layout.columns_at[0]}
    return {index: edge for index, edge in enumerate(layout.columns_at) if chart.has(index)}


def _scale(axes: Axes, values: Sequence[float], unit: str, layout: Layout) -> None:
    first, last = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    decades = [10.0**power for power in range(first, max(last, first + 1) + 1)]
    axes.set_xscale("log")
    axes.set_xlim(decades[0], decades[-1])
    # A narrow axis has no room for more than three labels.
    step = 1 if layout is WIDE else math.ceil((len(decades) - 1) / 2)
    axes.set_xticks(decades[::step], [round_quantity(value, unit) for value in decades[::step]], fontsize=layout.font)
    axes.set_xticks([], minor=True)
    axes.grid(axis="x", color=LINE, linewidth=1, clip_on=False)


def _draw_line(axes: Axes, row: int, line: Line, chart: RowChart, layout: Layout) -> None:
    # x in units of the view box, for the text next to the axis.
    across = blended_transform_factory(IdentityTransform(), axes.transData)
    text: Any = {"transform": across, "va": "center_baseline", "fontsize": layout.font, "color": INK}  # Any: keywords
    title = shortened(line.title, layout.letters) + (" *" if line.is_random else "")
    axes.text(0, row, title, weight="bold", **text)
    values = [value for value in line.values if value]
    axes.hlines(row, min(values), max(values), color=LINE, linewidth=3, clip_on=False)
    for value, colour in zip(line.values, COLOURS, strict=False):
        if value:
            axes.plot(value, row, "o", markersize=layout.font - 1, markeredgewidth=0, color=colour, clip_on=False)
    for series, edge in _columns(chart, layout).items():
        if value := line.values[series]:
            axes.text(edge, row, quantity(value, chart.unit), ha="right", **text)
