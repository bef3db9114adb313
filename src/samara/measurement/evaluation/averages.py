"""Means with intervals over the objects of a source and over the sources of a domain.

Intervals come from `samara.datasets.bootstrap`, which draws images with all of their objects. Sources have equal
weight, because the number of objects reflects annotation effort, not importance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from samara.datasets.bootstrap import drawn_means, percentile_interval
from samara.measurement.evaluation.seeding import generator_of
from samara.measurement.records.records import Interval


@dataclass(frozen=True)
class Average:
    """A mean.

    Attributes:
        value: the mean.
        interval: 95 % bootstrap percentile interval; None if a source has only one image.
        objects: number of values.
        images: number of images of the values.
    """

    value: float
    interval: Interval | None
    objects: int
    images: int


def average(values: Mapping[str, Sequence[Sequence[float]]], seed: int) -> dict[str | None, Average]:
    """Average the values of one metric.

    Args:
        values: for each source and image, the values of its objects. Images without values and sources without images
            are ignored.
        seed: seed of the bootstrap.

    Returns:
        The mean of each source, and under None the mean of these means; empty if there are no values.
    """
    by_source = {source: [one for one in images if len(one)] for source, images in values.items()}
    by_source = {source: images for source, images in by_source.items() if images}
    if not by_source:
        return {}
    draws = {source: drawn_means(images, generator_of(seed, source)) for source, images in by_source.items()}
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


def _interval(means: npt.NDArray[np.float64] | None) -> Interval | None:
    if means is None:
        return None
    low, high = percentile_interval(means)
    return Interval(low=low, high=high, kind="95 % bootstrap")
