"""Scatter chart of quality against speed: logarithmic seconds, intervals, Pareto front, a name at each point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import FuncFormatter, LogLocator, MultipleLocator
from matplotlib.transforms import Bbox, IdentityTransform

from samara.measurement.comparison.charts import Point, Scatter
from samara.measurement.comparison.pareto import pareto_front
from samara.measurement.reporting.drawing import (
    ACCENT,
    CARD,
    INK,
    LINE,
    QUIET,
    as_svg,
    bare_axes,
    drawn_alike,
    shortened,
)
from samara.measurement.reporting.quantities import quantity, round_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

WIDTH, HEIGHT, LEFT = 420.0, 300.0, 46.0

# A front rises from left to right, so there is room below right and above left of it.
_SIDES = ((9, -14, "left"), (-9, 6, "right"))
_LABEL: Any = {"color": INK, "fontsize": 12, "fontweight": "bold"}  # Any: keywords
_MOVES = sorted(range(-112, 113, 14), key=abs)


def scatter_svg(chart: Scatter) -> str:
    """Draw a chart as an SVG element."""
    with drawn_alike():
        return as_svg(drawn_axes(chart), f"{chart.title} against seconds", tips_of(chart))


def tips_of(chart: Scatter) -> list[str]:
    """Return the tooltips of the points."""
    return [f"{one.title}: {quantity(one.seconds, 'seconds')}, {one.quality:.3f}" for one in chart.points]


def drawn_axes(chart: Scatter) -> Axes:
    """Draw a chart, within `drawn_alike`."""
    axes = bare_axes(WIDTH, HEIGHT, left=LEFT, right=16, top=14, bottom=44)
    _scale(axes, chart)
    _draw_points(axes, chart.points)
    _name_points(axes, chart.points)
    return axes


def _scale(axes: Axes, chart: Scatter) -> None:
    seconds, highest = [one.seconds for one in chart.points], max(one.high for one in chart.points)
    first, last = 10**-0.35 * min(seconds), 10**0.65 * max(seconds)
    step = 0.05 if highest - chart.origin < 0.3 else 0.2
    axes.set_xscale("log")
    axes.set(xlim=(first, last), ylim=(step * (chart.origin // step), min(1.0, step * math.ceil(highest / step + 0.1))))
    axes.set_xlabel("image and click", color=QUIET, fontsize=11)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3) if last < 1000 * first else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: round_quantity(value, "seconds")))
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_locator(MultipleLocator(step))
    axes.grid(axis="y", color=LINE, linewidth=1, clip_on=False)


def _draw_points(axes: Axes, points: tuple[Point, ...]) -> None:
    front = pareto_front([one.seconds for one in points], [one.quality for one in points])
    line = [points[index].seconds for index in front], [points[index].quality for index in front]
    axes.plot(*line, color=ACCENT, linewidth=1.5, dashes=(2.7, 2), clip_on=False)
    for index, one in enumerate(points):
        axes.vlines(one.seconds, one.low, one.high, color=QUIET, linewidth=1.5, clip_on=False)
        look: Any = {"color": ACCENT} if index in front else {"color": QUIET, "markerfacecolor": CARD}  # Any: keywords
        axes.plot(one.seconds, one.quality, "o", ms=10, mew=2, clip_on=False, gid=f"tip_{index}", **look)


def _name_points(axes: Axes, points: tuple[Point, ...]) -> None:
    """Write names next to their points, as close to their height as other names and points allow."""
    places = axes.transData.transform([(one.seconds, one.quality) for one in points])
    taken = [Bbox.from_bounds(x - 7, y - 7, 14, 14) for x, y in places]
    for index, (x, y) in enumerate(places):
        others = [*taken[:index], *taken[index + 1 :]]
        name = axes.text(
            x, y, shortened(points[index].title), transform=IdentityTransform(), **_LABEL, gid=f"tip_{index}"
        )
        spots = [(x + right, y + up + move, side) for move in _MOVES for right, up, side in _SIDES]
        free = (box for spot in spots if _is_free(box := _moved(name, *spot), others))
        taken.append(next(free, None) or _moved(name, *spots[0]))


def _moved(name: Text, x: float, y: float, side: str) -> Bbox:
    name.set(position=(x, y), ha=side)
    return name.get_window_extent()


def _is_free(box: Bbox, others: Sequence[Bbox]) -> bool:
    return box.x0 >= LEFT and box.x1 <= WIDTH and not box.count_overlaps(others)
