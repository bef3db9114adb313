"""Means with intervals: over the objects of a source, and over the sources of a domain.

Objects of one image are not independent: an image that is hard makes all of them hard. The bootstrap therefore
draws images, each with all of its objects. Sources count equally, because their numbers of objects say how much
somebody annotated, and not how important they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from samara.measurement.evaluation.seeding import generator_of
from samara.measurement.records.records import Interval

DRAWS = 2000
LOW, HIGH = 2.5, 97.5


@dataclass(frozen=True)
class Average:
    """A mean.

    Attributes:
        value: the mean.
        interval: 95 %, by the percentiles of the bootstrap; None where there is a source with one image only.
        objects: how many values it is made of.
        images: how many images they are from.
    """

    value: float
    interval: Interval | None
    objects: int
    images: int


def average(values: Mapping[str, Sequence[Sequence[float]]], seed: int) -> dict[str | None, Average]:
    """Average the values of one metric.

    Args:
        values: for each source, for each of its images, the values of its objects. Images without values and
            sources without images are left out.
        seed: of the bootstrap.

    Returns:
        The mean of each source, and under None the mean of their means; empty if there are no values.
    """
    by_source = {source: [one for one in images if len(one)] for source, images in values.items()}
    by_source = {source: images for source, images in by_source.items() if images}
    if not by_source:
        return {}
    draws = {source: _drawn_means(images, generator_of(seed, source)) for source, images in by_source.items()}
    averages: dict[str | None, Average] = {
        source: Average(_mean(images), _interval(draws[source]), sum(map(len, images)), len(images))
        for source, images in by_source.items()
    }
    known = [drawn for drawn in draws.values() if drawn is not None]
    overall = np.mean(known, axis=0) if len(known) == len(draws) else None
    averages[None] = Average(
        float(np.mean([one.value for one in averages.values()])),
        _interval(overall),
        sum(one.objects for one in averages.values()),
        sum(one.images for one in averages.values()),
    )
    return averages


def _mean(images: Sequence[Sequence[float]]) -> float:
    return float(np.concatenate([np.asarray(one, np.float64) for one in images]).mean())


def _drawn_means(images: Sequence[Sequence[float]], generator: np.random.Generator) -> npt.NDArray[np.float64] | None:
    """Means of as many images, drawn with replacement, (DRAWS,); None for one image, which says nothing."""
    if len(images) < 2:
        return None
    sums = np.array([np.sum(one) for one in images])
    counts = np.array([len(one) for one in images])
    drawn = generator.integers(len(images), size=(DRAWS, len(images)))
    return np.asarray(sums[drawn].sum(1) / counts[drawn].sum(1))


def _interval(means: npt.NDArray[np.float64] | None) -> Interval | None:
    if means is None:
        return None
    low, high = np.percentile(means, (LOW, HIGH))
    return Interval(low=float(low), high=float(high), kind="95 % bootstrap")
