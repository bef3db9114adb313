"""Drawing of curves with their intervals as bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator, MultipleLocator

from samara.measurement.reporting.curve import COLOUR_NAMES, CurveChart
from samara.measurement.reporting.drawing import LINE, QUIET, as_svg, bare_axes, drawn_alike
from samara.system.templates import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 420.0, 280.0

_DASHES = ("-", "--", "-.", ":")  # so that a print without colours can be read
_COLOURS = tuple(PALETTE[name][0] for name in COLOUR_NAMES)


def curve_chart_svg(chart: CurveChart) -> str:
    """Draw a chart as an SVG element; the page adds the legend."""
    with drawn_alike():
        return as_svg(curve_chart_axes(chart), description_of(chart))


def description_of(chart: CurveChart) -> str:
    """Return the description of a chart for screen readers."""
    return f"{chart.title}: {', '.join(curve.title for curve in chart.curves)} by {chart.across}"


def curve_chart_axes(chart: CurveChart, *, with_legend: bool = False) -> Axes:
    """Draw a chart, within `drawn_alike`; a file has its legend inside."""
    axes = bare_axes(WIDTH, HEIGHT, left=46, right=16, top=14, bottom=44)
    last = max(curve.at[-1] for curve in chart.curves)
    axes.set(xlim=(min(curve.at[0] for curve in chart.curves), last), ylim=(0, 1))
    axes.set_xlabel(chart.across, color=QUIET, fontsize=11)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=last > 1))
    axes.yaxis.set_major_locator(MultipleLocator(0.2))
    axes.grid(axis="y", color=LINE, linewidth=1, clip_on=False)
    for curve, colour, dashes in zip(chart.curves, _COLOURS, _DASHES, strict=False):
        if curve.low:
            axes.fill_between(curve.at, curve.low, curve.high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(curve.at, curve.values, color=colour, linewidth=2, linestyle=dashes, label=curve.title, clip_on=False)
    if with_legend:
        axes.legend(frameon=False, fontsize=11, labelcolor=QUIET)
    return axes
