"""Numbers with their units as people read them: three significant digits, the unit that keeps them short."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

TO, NOTHING, TIMES = "–", "–", "×"

# One end of a range needs a unit of its own if it is so small a part of the other.
_FEW = 0.1

# Unit of a metric → units for people with what one of them is worth, the largest first.
_SCALES: Mapping[str, Sequence[tuple[str, float]]] = {
    "seconds": (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)),
    "bytes": (("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)),
    "parameters": (("M", 1e6), ("k", 1e3), ("", 1.0)),
    "floating-point operations": (("TFLOP", 1e12), ("GFLOP", 1e9), ("MFLOP", 1e6), ("FLOP", 1.0)),
    "images per second": (("img/s", 1.0),),
    "times": ((TIMES, 1.0),),
}
_PLAIN: Mapping[str, str] = {"fraction": "{:.3f}", "clicks": "{:.1f}"}


def quantity(value: float, unit: str) -> str:
    """Write a number with its unit, e.g. "15.2 s", "0.567" or "375 MB".

    Args:
        value: in `unit`.
        unit: of a metric; of one that is not known the number is followed by its name.
    """
    return quantity_range(value, value, unit)


def round_quantity(value: float, unit: str) -> str:
    """Write a round number for an axis, without zeros that say nothing: "3 s"."""
    return quantity_range(value, value, unit, stated=True)


def quantity_range(low: float, high: float, unit: str, *, stated: bool = False) -> str:
    """Write a range, e.g. "0.15–0.45 s" or "8 ms–3 s"; a single number where both ends read the same.

    Args:
        low: in `unit`.
        high: likewise.
        unit: see `quantity`.
        stated: these are other people's numbers: zeros at their end are left out, for they say nothing there.
    """
    if unit in _PLAIN:
        return _joined(_PLAIN[unit].format(low), _PLAIN[unit].format(high))
    if low < _FEW * high < math.inf and _scale(low, unit) != _scale(high, unit):
        return f"{quantity_range(low, low, unit, stated=stated)}{TO}{quantity_range(high, high, unit, stated=stated)}"
    name, scale = _scale(max(abs(end) for end in (low, high) if math.isfinite(end)), unit)
    numbers = [significant(one / scale) for one in (low, high)]
    if stated:
        numbers = [one.rstrip("0").rstrip(".") if "." in one else one for one in numbers]
    return f"{_joined(*numbers)}{name if name == TIMES else ' ' + name}".rstrip()


def significant(value: float) -> str:
    """Three significant digits, without an exponent; thousands are parted by commas."""
    if value == float("inf"):
        return "∞"
    magnitude = abs(value)
    digits = 0 if magnitude >= 99.95 else 1 if magnitude >= 9.995 else 2 if magnitude >= 0.9995 else 3
    return f"{value:,.{digits}f}"


def _scale(value: float, unit: str) -> tuple[str, float]:
    scales = _SCALES.get(unit, ((unit, 1.0),))
    # 0.9995 of a unit is written "1.00" of it.
    return next((one for one in scales if value >= 0.9995 * one[1]), scales[-1] if value else scales[0])


def _joined(low: str, high: str) -> str:
    return low if low == high else f"{low}{TO}{high}"
