"""Range checks of settings."""

from __future__ import annotations

import math
from collections.abc import Mapping

from samara.errors import SettingsError

Range = tuple[float, float]
"""Minimum and maximum, both inclusive; infinity for no limit."""


def check_ranges(settings: object, ranges: Mapping[str, Range]) -> None:
    """Check the ranges of numeric attributes; None is always accepted.

    Args:
        settings: object with the attributes.
        ranges: ranges by attribute name.

    Raises:
        SettingsError: An attribute is outside its range or not a number.
    """
    for name, (low, high) in ranges.items():
        value = getattr(settings, name)
        if value is not None and not low <= value <= high:
            told = f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
            raise SettingsError(f"{name} is {value}; it must be {told}")
