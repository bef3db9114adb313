"""Settings within their ranges, or one sentence that says which is not."""

from __future__ import annotations

import math
from collections.abc import Mapping

from samara.errors import SettingsError

Range = tuple[float, float]
"""Lowest and highest value, both allowed; infinity where there is no limit."""


def check_ranges(settings: object, ranges: Mapping[str, Range]) -> None:
    """Check attributes that are numbers; None is within every range.

    Args:
        settings: has the attributes.
        ranges: by name of the attribute.

    Raises:
        SettingsError: one of them is outside its range, or no number.
    """
    for name, (low, high) in ranges.items():
        value = getattr(settings, name)
        if value is not None and not low <= value <= high:
            told = f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
            raise SettingsError(f"{name} is {value}; it must be {told}")
