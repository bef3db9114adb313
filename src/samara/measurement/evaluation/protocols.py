"""What is asked for each measure: the prompt, and what a checkpoint must be able to do."""

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
from samara.measurement.records.metrics import Measure
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
        everything: whether all masks of an image are wanted, without a prompt.
        prompt: of an object, by its mask, the image's name and the seed; None for what is not one prompt per object.
    """

    points: int = 0
    background_points: bool = False
    box: bool = False
    everything: bool = False
    prompt: Callable[[Rle, str, int], Prompt] | None = None

    def refused_by(self, capabilities: Capabilities) -> str | None:
        """Return why it cannot be measured, a clause about the checkpoint; None if it can. Mask logits are optional."""
        if self.everything and not capabilities.everything:
            return "finds nothing without a box"
        refused = capabilities.refused(
            points=self.points, background_points=self.background_points, box=self.box, mask_input=False
        )
        return None if refused is None else f"cannot take {refused}"


def centre_click(truth: Rle, image: str, seed: int) -> Prompt:
    """Return a click on the pixel farthest from the object's border."""
    return Prompt(centre_of(truth), [1])


def random_click(truth: Rle, image: str, seed: int) -> Prompt:
    """Return a click drawn uniformly from the object's pixels."""
    rank = int(generator_of_object(seed, image, truth, "random click").integers(truth.area))
    return Prompt(pixel_of_rle(truth, rank), [1])


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


NEEDS: Mapping[Measure, Need] = {
    "centre_click": Need(points=1, prompt=centre_click),
    "random_click": Need(points=1, prompt=random_click),
    "box": Need(box=True, prompt=tight_box),
    "jittered_box": Need(box=True, prompt=jittered_box),
    "clicks": Need(points=MAX_CLICKS, background_points=True),
    "everything": Need(everything=True),
}

PROMPTS = {measure: need.prompt for measure, need in NEEDS.items() if need.prompt is not None}
"""The measures that are one prompt per object."""


def pixel_of_rle(rle: Rle, rank: int) -> tuple[int, int]:
    """Find a pixel (x, y) of a mask by its index, from 0, counted column by column."""
    edges = rle.edges()
    starts, lengths = edges[0::2], edges[1::2] - edges[0::2]
    run = int(np.searchsorted(np.cumsum(lengths), rank, side="right"))
    x, y = divmod(int(starts[run] + rank - lengths[:run].sum()), rle.height)
    return x, y


def refusals(measures: tuple[Measure, ...], capabilities: Capabilities, who: str) -> dict[Measure, str]:
    """Return the unsupported measures with their reasons."""
    refused = {measure: NEEDS[measure].refused_by(capabilities) for measure in measures}
    return {measure: f"{who} {why}" for measure, why in refused.items() if why is not None}
