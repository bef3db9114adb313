"""Bootstrap of a mean over the objects of images.

Objects of one image are not independent: a hard image makes all of them hard. So images are drawn, with all of their
objects. The interval of a paired difference is that of the mean of the differences.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

DRAWS = 2000
LOW, HIGH = 2.5, 97.5
"""Percentiles of a 95 % interval."""


def drawn_means(images: Sequence[Sequence[float]], generator: np.random.Generator) -> npt.NDArray[np.float64] | None:
    """Draw means over objects.

    Args:
        images: for each image, the values of its objects, at least one.
        generator: source of the draws.

    Returns:
        (DRAWS,); None for fewer than two images, which have no spread.
    """
    if len(images) < 2:
        return None
    sums = np.array([np.sum(one) for one in images])
    counts = np.array([len(one) for one in images])
    drawn = generator.integers(len(images), size=(DRAWS, len(images)))
    return np.asarray(sums[drawn].sum(1) / counts[drawn].sum(1))


def percentile_interval(means: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the low and high end of the 95 % interval of drawn means."""
    low, high = np.percentile(means, (LOW, HIGH))
    return float(low), float(high)


def interval_of_mean(images: Sequence[Sequence[float]], seed: int = 0) -> tuple[float, float] | None:
    """Return the 95 % interval of a mean over objects; see `drawn_means`. Equal calls give equal intervals."""
    means = drawn_means(images, np.random.default_rng(seed))
    return None if means is None else percentile_interval(means)
