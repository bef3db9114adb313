"""Curves behind the means: quality by the number of clicks, and the shares of objects by IoU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from samara.measurement.evaluation.averages import average
from samara.measurement.evaluation.clicks import MAX_CLICKS, TARGETS, clicks_until
from samara.measurement.evaluation.protocols import PROMPTS
from samara.measurement.evaluation.scores import ImageScores, ObjectScores
from samara.measurement.reporting.curve import Curve, CurveChart

SHARES_AT = tuple(float(iou) for iou in np.linspace(0, 1, 51))
"""IoUs at which the shares of objects are taken."""


def curve_charts(scores: Sequence[ImageScores], seed: int) -> list[CurveChart]:
    """Return the charts of an evaluation that have curves.

    Args:
        scores: scores of any number of images.
        seed: seed of the bootstrap.
    """
    clicks = click_curves(scores, seed)
    charts = (
        CurveChart(
            "iou-by-clicks",
            "Quality by clicks",
            "Mean IoU after each click, with its 95 % interval over images. An object that reached "
            f"{max(TARGETS):.2f} is clicked no further and keeps its last IoU.",
            "clicks",
            tuple(clicks[:1]),
        ),
        CurveChart(
            "good-by-clicks",
            "Objects that are good enough",
            "Share of objects that reached an IoU within so many clicks, with its 95 % interval over images.",
            "clicks",
            tuple(clicks[1:]),
        ),
        CurveChart(
            "objects-by-iou",
            "Objects by IoU",
            "Share of objects whose mask has at least this IoU, by prompt. Every object counts once here; the means "
            "of the table weigh sources equally.",
            "IoU",
            tuple(share_curves(scores)),
        ),
    )
    return [chart for chart in charts if chart.curves]


def click_curves(scores: Sequence[ImageScores], seed: int) -> list[Curve]:
    """Return the mean IoU and the shares of objects at each target, after each number of clicks.

    An object that was good enough is clicked no further and keeps its last IoU. Means are those of
    `samara.measurement.evaluation.averages.average`.

    Args:
        scores: scores of any number of images.
        seed: seed of the bootstrap.

    Returns:
        The curve of the IoU, then one for each of `TARGETS`; empty if clicks were not measured.
    """
    if not any(one.clicks for image in scores for one in image.objects):
        return []
    numbers = range(1, MAX_CLICKS + 1)
    curves = [_curve("mean IoU", scores, seed, [partial(iou_after, clicks=number) for number in numbers])]
    for target in TARGETS:
        reached = [partial(_reached, clicks=number, target=target) for number in numbers]
        curves.append(_curve(f"IoU {target:.2f}", scores, seed, reached))
    return curves


def iou_after(one: ObjectScores, clicks: int) -> float:
    """Return the IoU of a clicked object after a number of clicks; the last one if there were fewer."""
    assert one.clicks, "the object was clicked"
    return one.clicks[min(clicks, len(one.clicks)) - 1]


def _reached(one: ObjectScores, clicks: int, target: float) -> float:
    needed = clicks_until(one.clicks or (), target)
    return float(needed is not None and needed <= clicks)


def _curve(
    title: str, scores: Sequence[ImageScores], seed: int, values: Sequence[Callable[[ObjectScores], float]]
) -> Curve:
    means = [average(_by_source(scores, value), seed)[None] for value in values]
    ends = [mean.interval for mean in means if mean.interval is not None]
    low, high = tuple(end.low for end in ends), tuple(end.high for end in ends)
    at = tuple(float(number) for number in range(1, len(values) + 1))
    bands = (low, high) if len(ends) == len(means) else ((), ())
    return Curve(title, at, tuple(mean.value for mean in means), *bands)


def _by_source(scores: Sequence[ImageScores], value: Callable[[ObjectScores], float]) -> dict[str, list[list[float]]]:
    found: dict[str, list[list[float]]] = {}
    for image in scores:
        found.setdefault(image.source, []).append([value(one) for one in image.objects if one.clicks])
    return found


def share_curves(scores: Sequence[ImageScores]) -> list[Curve]:
    """Return, for each kind of prompt, the share of objects whose IoU is at least that on the axis.

    Every object counts once; sources are not weighted, unlike in the means.

    Args:
        scores: scores of any number of images.
    """
    objects = [one for image in scores for one in image.objects]
    curves = []
    for measure in PROMPTS:
        ious = np.array([one.answers[measure].iou for one in objects if measure in one.answers])
        if len(ious):
            shares = tuple(float((ious >= at).mean()) for at in SHARES_AT)
            curves.append(Curve(measure.replace("_", " "), SHARES_AT, shares))
    return curves
