"""Validation of a network on held-out images: centre click and box, on the low-res grid.

Fast enough to run after every epoch; `samara evaluate` measures at full size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from samara.finetuning.losses import iou_of_logits
from samara.masks.distance import deepest_pixel
from samara.networks.mask_decoder import THREE_MASKS
from samara.networks.sam import Sam

OBJECTS_AT_A_TIME = 16


@dataclass(frozen=True)
class Validation:
    """Mean IoU over all objects of a set, in [0, 1].

    Attributes:
        click_iou: mean IoU for a click in the centre; of three masks the one with the highest predicted IoU
            (EdgeSAM: stability). None if clicks were not asked.
        box_iou: mean IoU for the tight box; the single mask.
        objects: number of objects.
    """

    click_iou: float | None
    box_iou: float
    objects: int


@dataclass(frozen=True)
class Sample:
    """One image to validate on.

    Attributes:
        features: (C, h, w).
        targets: (N, 4h, 4w) bool.
        valid: (4h, 4w) bool, True in the image, False in its padding.
    """

    features: Tensor
    targets: Tensor
    valid: Tensor


def validate(network: Sam, samples: Sequence[Sample], *, by_clicks: bool = True) -> Validation:
    """Validate a network, preserving its mode, by boxes and by clicks. Samples must be on its device."""
    clicks: list[Tensor] = []
    boxes: list[Tensor] = []
    for sample in samples:
        for start in range(0, len(sample.targets), OBJECTS_AT_A_TIME):
            targets = sample.targets[start : start + OBJECTS_AT_A_TIME]
            with torch.inference_mode():
                if by_clicks:
                    clicks.append(_click_iou(network, sample, targets))
                boxes.append(_box_iou(network, sample, targets))
    count = sum(len(part) for part in boxes)
    if not count:
        return Validation(0.0 if by_clicks else None, 0.0, 0)
    return Validation(float(torch.cat(clicks).mean()) if clicks else None, float(torch.cat(boxes).mean()), count)


def _click_iou(network: Sam, sample: Sample, targets: Tensor) -> Tensor:
    points = (_middles(targets)[:, None] + 0.5) * network.low_res_stride - 0.5  # cell → input pixel, see below
    labels = torch.ones(points.shape[:2], dtype=torch.int64, device=points.device)
    logits, scores = _decode(network, sample, points=(points, labels), masks=THREE_MASKS)
    trusted = scores.argmax(dim=1, keepdim=True)
    return iou_of_logits(logits, targets.float(), sample.valid).gather(1, trusted)[:, 0]


def _box_iou(network: Sam, sample: Sample, targets: Tensor) -> Tensor:
    boxes = (
        torch.stack([box_of_target(target) for target in targets]) * network.low_res_stride
    )  # cell edges → pixel edges
    logits, _ = _decode(network, sample, boxes=boxes)
    return iou_of_logits(logits, targets.float(), sample.valid)[:, 0]


def _decode(
    network: Sam,
    sample: Sample,
    *,
    points: tuple[Tensor, Tensor] | None = None,
    boxes: Tensor | None = None,
    masks: slice | None = None,
) -> tuple[Tensor, Tensor]:
    """Logits and scores of some masks of each prompt; None for the single one, as a user gets it."""
    sparse, dense = network.prompt_encoder(points, boxes)
    decoder = network.mask_decoder
    look = decoder.look(sample.features[None], network.prompt_encoder.get_dense_pe(), sparse, dense)
    if masks is None:
        return decoder.draw_single(look)
    logits = decoder.draw(look, masks)
    return logits, decoder.scores_of(logits, look.predicted_iou[:, masks])


def _middles(targets: Tensor) -> Tensor:
    """Return the cell of each mask (N, g, g) that is farthest from its border, (N, 2) float as (x, y)."""
    middles = [deepest_pixel(target)[0] for target in targets.cpu().numpy()]
    return torch.tensor(middles, dtype=torch.float32, device=targets.device)


def box_of_target(target: Tensor) -> Tensor:
    """Return the box of a non-empty mask (g, g), (4,) float xyxy, exclusive right and bottom."""
    rows, columns = target.any(dim=1).nonzero(), target.any(dim=0).nonzero()
    edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    return torch.stack(edges).to(torch.float32)
