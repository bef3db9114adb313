"""An exercise for the decoder alone: fill the box, surround the click, whatever the picture shows.

A decoder that cannot yet fill a box learns that slowly from pictures, where every step pays for the image encoder and
where the right answer is hidden among everything else. Here the image embedding is noise and the wanted mask a rounded
box around the prompt, so that a step costs next to nothing. Afterwards the decoder must learn from pictures again;
within a minute of a leg its loss was back where it had been. What it gains in the end was not measured by itself.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from samara.finetuning.losses import LossWeights, iou_of_logits, mask_loss
from samara.networks.mask_decoder import SINGLE_MASK, THREE_MASKS
from samara.networks.prompt_encoder import BOTTOM_RIGHT, FOREGROUND, PADDING, TOP_LEFT
from training.leg import Training

_LOSSES = LossWeights(focal=0, dice=1, cross_entropy=1, iou=1)
_EXPONENT = 3  # of |x|ⁿ + |y|ⁿ ≤ 1: between an ellipse (2) and the box itself (∞)
_SMALLEST, _LARGEST = 2.0, 18.0  # half sides in cells of the low-res grid


@dataclass(frozen=True, kw_only=True)
class ShapeSettings:
    """How the exercise goes.

    Attributes:
        minutes: how long.
        grid: side of the image embedding in cells.
        prompts: per step, half of them boxes and half clicks.
        learning_rate: of an AdamW of its own.
        warmup_steps: of linear rise.
        seed: of everything random.
    """

    minutes: float
    grid: int = 12
    prompts: int = 32
    learning_rate: float = 3e-4
    warmup_steps: int = 50
    seed: int = 1


@dataclass(frozen=True)
class Shapes:
    """Prompts and what they ask for.

    Attributes:
        points: (N, 2, 2), pixels of the input: a box's corners, or a click and padding.
        labels: (N, 2) int64.
        targets: (N, 4g, 4g) bool.
        boxes: how many of the N are boxes; they come first.
    """

    points: Tensor
    labels: Tensor
    targets: Tensor
    boxes: int


def exercise(training: Training, settings: ShapeSettings, tell: Callable[[str], None]) -> None:
    """Train prompt encoder and mask decoder of a network on shapes; its average becomes the network itself."""
    network, device = training.network, training.device
    parameters = [*network.prompt_encoder.parameters(), *network.mask_decoder.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=0.02, betas=(0.9, 0.98))
    generator = torch.Generator().manual_seed(settings.seed)
    started = time.monotonic()
    step = 0
    while time.monotonic() - started < 60 * settings.minutes:
        step += 1
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * min(1.0, step / settings.warmup_steps)
        shapes = draw_shapes(settings, generator)
        noise = torch.randn(len(shapes.targets), 256, settings.grid, settings.grid, generator=generator)
        box_iou, click_iou = _add_gradients(training, shapes, noise.to(device))
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if step % 50 == 0:
            tell(f"step {step}, box {box_iou:.3f}, best of a click's three {click_iou:.3f}")
    training.average.load_state_dict(network.state_dict())


def draw_shapes(settings: ShapeSettings, generator: torch.Generator) -> Shapes:
    """Draw rounded boxes of all sizes, even over the logarithm, cut off at the border of the grid."""
    side = 4 * settings.grid
    middle = torch.rand(settings.prompts, 2, generator=generator) * side
    spread = math.log(_LARGEST) - math.log(_SMALLEST)
    half = torch.exp(torch.rand(settings.prompts, 2, generator=generator) * spread + math.log(_SMALLEST))
    low, high = (middle - half).clamp(0, side), (middle + half).clamp(0, side)
    large = (high - low).amin(1) > 3
    low, high = low[large], high[large]
    middle, half = (low + high) / 2, (high - low) / 2
    cells = torch.arange(side) + 0.5
    x, y = (
        ((cells - middle[:, axis, None]) / half[:, axis, None]).abs() ** _EXPONENT for axis in (0, 1)
    )  # each (N, side)
    targets = y[:, :, None] + x[:, None, :] <= 1
    boxes = len(targets) // 2
    corners = torch.stack([low, high], dim=1) * 4
    clicks = torch.stack([middle * 4 - 0.5, torch.zeros_like(middle)], dim=1)
    labels = torch.tensor([TOP_LEFT, BOTTOM_RIGHT]).repeat(len(targets), 1)
    labels[boxes:] = torch.tensor([FOREGROUND, PADDING])
    return Shapes(torch.cat([corners[:boxes], clicks[boxes:]]), labels, targets, boxes)


def _add_gradients(training: Training, shapes: Shapes, features: Tensor) -> tuple[float, float]:
    """Both kinds of masks of every prompt learn; returns the mean IoU of boxes and of clicks."""
    network, device = training.network, training.device
    side, grid = 16 * features.shape[-1], features.shape[-1]
    targets = shapes.targets.to(device)
    sparse, dense = network.prompt_encoder(
        (shapes.points.to(device), shapes.labels.to(device)),
        pad=False,
        input_size_hw=(side, side),
        grid_hw=(grid, grid),
    )
    look = network.mask_decoder.look(features, network.prompt_encoder.get_dense_pe((grid, grid)), sparse, dense)
    logits = network.mask_decoder.draw(look, slice(None))
    losses = [
        mask_loss(logits[:, masks], look.predicted_iou[:, masks], targets, weights=_LOSSES).total.mean()
        for masks in (SINGLE_MASK, THREE_MASKS)
    ]
    torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
    iou = iou_of_logits(logits, targets)
    return float(iou[: shapes.boxes, 0].mean()), float(iou[shapes.boxes :, THREE_MASKS].amax(1).mean())
