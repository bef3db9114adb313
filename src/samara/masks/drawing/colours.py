"""Colours of masks: far apart for neighbouring numbers, however many there are."""

from __future__ import annotations

import colorsys
from typing import TypeAlias

Rgb: TypeAlias = tuple[int, int, int]

# Successive indices are far apart on the colour wheel for any number of masks.
_GOLDEN_RATIO = 0.618033988749895
_FIRST_HUE = 0.58
_TONES = ((0.85, 1.0), (0.65, 0.95), (0.95, 0.85))


def colour(index: int) -> Rgb:
    """Return the RGB colour of a mask or class by index: hues by the golden ratio, with three alternating tones."""
    hue = (_FIRST_HUE + index * _GOLDEN_RATIO) % 1.0
    saturation, value = _TONES[index % len(_TONES)]
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, saturation, value))
    return red, green, blue


def ink_on(rgb: Rgb) -> Rgb:
    """Return black or white, whichever is legible on a colour."""
    is_light = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] > 140  # ITU-R BT.601 luma
    return (0, 0, 0) if is_light else (255, 255, 255)
