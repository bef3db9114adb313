"""Curves as values, for charts."""

from __future__ import annotations

from dataclasses import dataclass

COLOUR_NAMES = ("accent", "second", "third", "down")
"""Colours of the curves of a chart, by name in the page's palette."""


@dataclass(frozen=True)
class Curve:
    """Values over an axis, with the ends of their 95 % intervals where there are any.

    Attributes:
        title: what the curve is of.
        at: places on the axis.
        values: value at each place, in [0, 1].
        low, high: ends of the interval at each place; empty without intervals.
    """

    title: str
    at: tuple[float, ...]
    values: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True)
class CurveChart:
    """Curves over one axis.

    Attributes:
        name: name of its files, without ending.
        title: what is shown.
        caption: explanation for readers.
        across: title of the horizontal axis.
        curves: at most four curves.
    """

    name: str
    title: str
    caption: str
    across: str
    curves: tuple[Curve, ...]

    @property
    def legend(self) -> dict[str, str]:
        """Titles of the curves with the names of their colours."""
        return dict(zip((curve.title for curve in self.curves), COLOUR_NAMES, strict=False))
