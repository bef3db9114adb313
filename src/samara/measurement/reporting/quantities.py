"""Readable numbers with units: three significant digits in the unit that keeps them short."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

TO, NOTHING, TIMES, MINUS = "–", "–", "×", "−"

# Below this fraction of the other end, an end of a range gets its own unit.
_FEW = 0.1

# Unit of a metric → display units with their factors, the largest first.
_SCALES: Mapping[str, Sequence[tuple[str, float]]] = {
    "seconds": (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)),
    "bytes": (("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)),
    "parameters": (("M", 1e6), ("k", 1e3), ("", 1.0)),
    "floating-point operations": (("TFLOP", 1e12), ("GFLOP", 1e9), ("MFLOP", 1e6), ("FLOP", 1.0)),
    "images per second": (("img/s", 1.0),),
    "times": ((TIMES, 1.0),),
}
_PLAIN: Mapping[str, str] = {
    "fraction": "{:.3f}",
    "clicks": "{:.1f}",
    "fraction, difference": "{:+.3f}",
    "clicks, difference": "{:+.1f}",
}


def quantity(value: float, unit: str) -> str:
    """Format a number with its unit, e.g. "15.2 s", "0.567" or "375 MB".

    Args:
        value: value in `unit`.
        unit: unit of a metric; an unknown unit is appended as it is.
    """
    return quantity_range(value, value, unit)


def round_quantity(value: float, unit: str) -> str:
    """Format a round number for an axis, without trailing zeros: "3 s"."""
    return quantity_range(value, value, unit, stated=True)


def quantity_range(low: float, high: float, unit: str, *, stated: bool = False) -> str:
    """Format a range, e.g. "0.15–0.45 s" or "8 ms–3 s"; a single number if both ends look the same.

    Args:
        low: low end in `unit`.
        high: high end in `unit`; infinite for "32+ GB".
        unit: see `quantity`.
        stated: whether the numbers are quoted; trailing zeros are then omitted, because they imply no precision.
    """
    if unit in _PLAIN:
        first, second = (_PLAIN[unit].format(one).replace("-", MINUS) for one in (low, high))
        return _joined(first, second, _between(unit))
    if low < _FEW * high < math.inf and _scale(low, unit) != _scale(high, unit):
        return f"{quantity_range(low, low, unit, stated=stated)}{TO}{quantity_range(high, high, unit, stated=stated)}"
    name, scale = _scale(max(abs(end) for end in (low, high) if math.isfinite(end)), unit)
    numbers = [significant(one / scale) for one in (low, high)]
    if stated:
        numbers = [one.rstrip("0").rstrip(".") if "." in one else one for one in numbers]
    return f"{_joined(*numbers)}{name if name == TIMES else ' ' + name}".rstrip()


def significant(value: float) -> str:
    """Format three significant digits, without exponent, with commas between thousands."""
    if value == float("inf"):
        return "∞"
    magnitude = abs(value)
    digits = 0 if magnitude >= 99.95 else 1 if magnitude >= 9.995 else 2 if magnitude >= 0.9995 else 3
    return f"{value:,.{digits}f}"


def _scale(value: float, unit: str) -> tuple[str, float]:
    scales = _SCALES.get(unit, ((unit, 1.0),))
    # 0.9995 of a unit rounds to "1.00" of it.
    return next((one for one in scales if value >= 0.9995 * one[1]), scales[-1] if value else scales[0])


def _between(unit: str) -> str:
    """Return what stands between the ends of a range: a word beside signs, which a dash would be taken for."""
    return " to " if unit.endswith("difference") else TO


def _joined(low: str, high: str, between: str = TO) -> str:
    if high == "∞":
        return f"{low}+"
    return low if low == high else f"{low}{between}{high}"
