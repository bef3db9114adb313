"""Measures: their prompts and metrics, and the capabilities that they require of a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from samara.masks.boxes import jittered_boxes
from samara.masks.distance import centre_of
from samara.masks.rle import Rle
from samara.measurement.evaluation.clicks import MAX_CLICKS
from samara.measurement.evaluation.seeding import generator_of_object
from samara.measurement.evaluation.settings import Measure
from samara.networks.variants import Capabilities
from samara.segmentation.prompts import Prompt

# Kirillov et al. 2023, appendix A "Training algorithm".
JITTER_FRACTION, JITTER_MAX_PX = 0.1, 20.0


@dataclass(frozen=True)
class Need:
    """Requirements of a measure.

    Attributes:
        points: maximum points per prompt.
        background_points: whether points may be background.
        box: whether prompts include a box.
    """

    points: int = 0
    background_points: bool = False
    box: bool = False

    def refused_by(self, capabilities: Capabilities) -> str | None:
        """Return the unsupported prompts as text; None if all are supported. Mask logits are optional."""
        return capabilities.refused(
            points=self.points, background_points=self.background_points, box=self.box, mask_input=False
        )


NEEDS: Mapping[Measure, Need] = {
    "centre_click": Need(points=1),
    "random_click": Need(points=1),
    "box": Need(box=True),
    "jittered_box": Need(box=True),
    "clicks": Need(points=MAX_CLICKS, background_points=True),
    "everything": Need(),
}

METRICS_OF: Mapping[Measure, tuple[str, ...]] = {
    "centre_click": ("centre_click_iou", "centre_click_boundary_iou"),
    "random_click": ("random_click_iou", "random_click_boundary_iou"),
    "box": ("box_iou", "box_boundary_iou"),
    "jittered_box": ("jittered_box_iou", "jittered_box_boundary_iou"),
    "clicks": ("clicks_to_85", "clicks_to_90", "not_reached_85", "not_reached_90"),
    "everything": ("average_recall",),
}


def centre_click(truth: Rle, image: str, seed: int) -> Prompt:
    """Return a click on the pixel farthest from the object's border."""
    return Prompt(centre_of(truth), [1])


def random_click(truth: Rle, image: str, seed: int) -> Prompt:
    """Return a click drawn uniformly from the object's pixels."""
    rank = int(generator_of_object(seed, image, truth, "random click").integers(truth.area))
    return Prompt(pixel_of_rank(truth, rank), [1])


def tight_box(truth: Rle, image: str, seed: int) -> Prompt:
    """Return the tight box."""
    return Prompt(box=truth.box_xyxy)


def jittered_box(truth: Rle, image: str, seed: int) -> Prompt:
    """Return the tight box with noise on each side; the tight box if the result has no area."""
    noise = generator_of_object(seed, image, truth, "jitter").standard_normal((1, 4))
    (x0, y0, x1, y1) = jittered_boxes(
        torch.tensor([truth.box_xyxy]),
        torch.from_numpy(noise.astype(np.float32)),
        (truth.height, truth.width),
        fraction=JITTER_FRACTION,
        max_px=JITTER_MAX_PX,
    )[0].tolist()
    return Prompt(box=(x0, y0, x1, y1) if x1 > x0 and y1 > y0 else truth.box_xyxy)


PROMPTS: Mapping[Measure, Callable[[Rle, str, int], Prompt]] = {
    "centre_click": centre_click,
    "random_click": random_click,
    "box": tight_box,
    "jittered_box": jittered_box,
}
"""Function from an object's mask, the image's name and a seed to its prompt."""


def pixel_of_rank(rle: Rle, rank: int) -> tuple[int, int]:
    """Find a pixel (x, y) of a mask by its index, from 0, counted column by column."""
    edges = rle.edges()
    starts, lengths = edges[0::2], edges[1::2] - edges[0::2]
    run = int(np.searchsorted(np.cumsum(lengths), rank, side="right"))
    x, y = divmod(int(starts[run] + rank - lengths[:run].sum()), rle.height)
    return x, y


def refusals(measures: tuple[Measure, ...], capabilities: Capabilities, who: str) -> dict[Measure, str]:
    """Return the unsupported measures with their reasons."""
    refused = {measure: NEEDS[measure].refused_by(capabilities) for measure in measures}
    return {measure: f"{who} cannot take {what}" for measure, what in refused.items() if what is not None}
