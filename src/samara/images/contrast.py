"""Contrast for looking: dark and flat images are stretched before they are drawn on. No network sees the result."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

# An image whose values, but for the outermost 0.2 % at each end, span at least this many of 256 is shown as it is.
ENOUGH = 96
_OUTERMOST_PERCENT = 0.2
_SAMPLES = 1 << 18


def levels_to_see(image: Image) -> tuple[int, int] | None:
    """Return the values to show as black and white.

    Args:
        image: (H, W, 3) RGB.

    Returns:
        The two values, the same for all channels so that hues stay; None if the image is shown as it is, which
        includes an image of one colour.
    """
    step = max(1, round((image.shape[0] * image.shape[1] / _SAMPLES) ** 0.5))
    sample = image[::step, ::step].reshape(-1, 3)
    if not sample.size:
        return None
    low, high = np.percentile(sample, [_OUTERMOST_PERCENT, 100 - _OUTERMOST_PERCENT], axis=0)
    black, white = int(low.min()), int(np.ceil(high.max()))
    return (black, white) if 0 < white - black < ENOUGH else None


def stretched(image: Image, levels: tuple[int, int] | None) -> Image:
    """Map the values between two levels to 0..255.

    Args:
        image: (H, W, 3) RGB; not modified.
        levels: result of `levels_to_see`, also for a part or a smaller copy of the same image.

    Returns:
        A new image of the same shape.
    """
    if levels is None:
        return image.copy()
    black, white = levels
    table = np.clip((np.arange(256) - black) * (255 / (white - black)), 0, 255).round().astype(np.uint8)
    return cv2.LUT(np.ascontiguousarray(image), table).astype(np.uint8, copy=False)


def made_visible(image: Image) -> Image:
    """Return a copy of an image, (H, W, 3) RGB, stretched if it is too dark or too flat to be looked at."""
    return stretched(image, levels_to_see(image))
