"""Simulated prompts: what a user would click, derived from the target mask.

An object starts with a point inside it or a loose box around it; after each prediction a point is placed where the mask
is wrong. Points are in pixels of the grid of the target masks, usually the low-res grid; `SimulatedPrompts.scaled`
converts them to the input frame.

All randomness comes from the given generator, which may be on another device than the masks: with a CPU generator
the prompts are the same on every device.

Source: Kirillov et al. 2023, appendix A "Training algorithm".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from samara.errors import SettingsError
from samara.finetuning.settings import PromptSimulation
from samara.masks.boxes import boxes_of_masks, jittered_boxes
from samara.networks.prompt_encoder import BACKGROUND, BOTTOM_RIGHT, FOREGROUND, PADDING, TOP_LEFT

_MASK_THRESHOLD = 0.0


@dataclass(frozen=True)
class SimulatedPrompts:
    """The prompts of N objects, all of one length P.

    The prompt encoder takes points for all of its objects and boxes for all or none, but simulated prompts mix.
    A box is therefore given as its two corners, with the labels 2 and 3, which the encoder turns into the same two
    tokens. In the official form an object without a box gets one padding token in place of the two, and an object
    with a box gets none. Here the first prompt of each object has two slots, so that all are equally long:

    * a box: corner 2, corner 3;
    * a click: the point 1, padding −1.

    The padding of the click *is* the official one, so the encoder must not append another: call it with
    ``prompt_encoder((prompts.points, prompts.labels), pad=False)``. The tokens are then the official ones except for
    their order, which does not matter: attention treats its tokens as a set.

    Attributes:
        points: (N, P, 2) float32, (x, y); a corner of a box is an edge, everything else a pixel's integer name.
        labels: (N, P) int64: 1 foreground, 0 background, −1 padding, 2 and 3 the corners of a box.
        from_boxes: (N,) bool on the CPU, whether an object's first prompt is a box; None to find out from the labels,
            for which the host waits for their device.
    """

    points: Tensor
    labels: Tensor
    from_boxes: Tensor | None = None

    def __post_init__(self) -> None:
        if self.points.ndim != 3 or self.points.shape[2] != 2 or self.points.shape[:2] != self.labels.shape:
            raise SettingsError(
                f"points are {tuple(self.points.shape)} and labels {tuple(self.labels.shape)}; they must be "
                "(N, P, 2) and (N, P)"
            )

    def __getitem__(self, objects: Tensor) -> SimulatedPrompts:
        """The prompts of some objects, (K,) indices on their device."""
        return SimulatedPrompts(self.points[objects], self.labels[objects])

    def with_points(self, points_xy: Tensor, labels: Tensor) -> SimulatedPrompts:
        """Add one point to every object.

        Args:
            points_xy: (N, 2), in the same grid.
            labels: (N,), 1 or 0.

        Raises:
            SettingsError: there is not exactly one point and one label per object.
        """
        N = self.labels.shape[0]  # noqa: N806
        if points_xy.shape != (N, 2) or labels.shape != (N,):
            raise SettingsError(
                f"the new points are {tuple(points_xy.shape)} and labels {tuple(labels.shape)}; for {N} objects they "
                f"must be {(N, 2)} and {(N,)}"
            )
        return SimulatedPrompts(
            torch.cat([self.points, points_xy.to(self.points).unsqueeze(1)], dim=1),
            torch.cat([self.labels, labels.to(self.labels).unsqueeze(1)], dim=1),
            self.from_boxes,
        )

    def scaled(self, scale: float) -> SimulatedPrompts:
        """Convert to a frame whose pixels are `scale` times smaller, e.g. 4 from the low-res grid to the input.

        The centre of pixel i maps to (i + 0.5) · scale − 0.5; an edge e of a box maps to e · scale, like user boxes in
        `samara.images.preprocessing`.

        Raises:
            SettingsError: the scale is not a number above 0.
        """
        if not 0 < scale < math.inf:
            raise SettingsError(f"the scale is {scale}; it must be a number above 0")
        is_corner = (self.labels >= TOP_LEFT).unsqueeze(-1)
        points = torch.where(is_corner, self.points * scale, (self.points + 0.5) * scale - 0.5)
        return SimulatedPrompts(points, self.labels, self.from_boxes)


def first_prompts(
    targets: Tensor, generator: torch.Generator, settings: PromptSimulation, *, counted: int | None = None
) -> SimulatedPrompts:
    """Draw the first prompt of each object: a point, uniform over its pixels, or a loose box around it.

    The noise of a box is normal, clipped at its maximum; the box stays within the grid, with ordered corners.

    Args:
        targets: (N, H, W) bool, none of them empty; checked on the CPU alone, because the host would wait for others.
        generator: source of randomness; the number of draws is the same for every object, whatever its prompt.
        settings: probabilities and noise.
        counted: number of the first objects that numbers are drawn for; the others, which fill a batch, get those of
            the last of them. None for all.

    Returns:
        The prompts, P = 2, on the device of the targets.

    Raises:
        SettingsError: the targets are not a boolean tensor of three dimensions, or one is empty.
    """
    _check_targets(targets)
    N, device = targets.shape[0], targets.device  # noqa: N806
    drawn = N if counted is None else counted
    chance = torch.rand(drawn, generator=generator, device=generator.device, dtype=torch.float32)
    noise = torch.randn(drawn, 4, generator=generator, device=generator.device, dtype=torch.float32)
    click_is_first = _for_all(chance < settings.point_probability, N)
    points = _random_pixels(targets, generator, drawn)
    clicks = torch.stack([points, torch.zeros_like(points)], dim=1)  # (N, 2, 2)
    corners = _loose_boxes(targets, _for_all(noise, N).to(device, non_blocking=True), settings).view(N, 2, 2)
    is_click = click_is_first.to(device, non_blocking=True)
    pairs = ((FOREGROUND, TOP_LEFT), (PADDING, BOTTOM_RIGHT))
    return SimulatedPrompts(
        points=torch.where(is_click[:, None, None], clicks, corners),
        labels=torch.stack([torch.where(is_click, of_click, of_box) for of_click, of_box in pairs], dim=1),
        from_boxes=~click_is_first.cpu(),
    )


def corrective_points(
    logits: Tensor,
    targets: Tensor,
    generator: torch.Generator,
    *,
    valid: Tensor | None = None,
    background: bool = True,
    counted: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Draw one point per object, uniform over the pixels where its mask is wrong.

    If nothing is wrong, the point is uniform over the object and confirms it. Of several masks the paper uses the one
    with the highest predicted IoU.

    Args:
        logits: (N, H, W), float; mask where above 0.
        targets: (N, H, W) bool, none of them empty; checked on the CPU alone.
        generator: source of randomness.
        valid: (H, W) or (N, H, W) bool, False for ignored pixels, e.g. padding; None to use all.
        background: whether points may be on background; if not, only what the mask misses is wrong.
        counted: see `first_prompts`.

    Returns:
        points_xy: (N, 2) float32, names of pixels of the grid.
        labels: (N,) int64, 1 where the mask misses the object, 0 where it exceeds it.

    Raises:
        SettingsError: shapes or dtypes do not match, or a target is empty.
    """
    _check_targets(targets)
    if logits.shape != targets.shape:
        raise SettingsError(
            f"logits are {tuple(logits.shape)} and targets {tuple(targets.shape)}; pass one mask of the same size per "
            "object"
        )
    wrong = (logits > _MASK_THRESHOLD) != targets
    if not background:
        wrong = wrong & targets
    if valid is not None:
        if valid.dtype != torch.bool or valid.shape not in (targets.shape, targets.shape[1:]):
            raise SettingsError(
                f"valid is {valid.dtype} {tuple(valid.shape)}; it must be bool and as large as the targets, "
                f"{tuple(targets.shape)}, or one of them"
            )
        wrong = wrong & valid
    is_wrong_somewhere = wrong.flatten(1).any(1)[:, None, None]
    drawn = len(targets) if counted is None else counted
    points = _random_pixels(torch.where(is_wrong_somewhere, wrong, targets), generator, drawn)
    x, y = points.long().unbind(1)
    objects = torch.arange(targets.shape[0], device=targets.device)
    return points, torch.where(targets[objects, y, x], FOREGROUND, BACKGROUND)


def pixel_of_rank(region: Tensor, rank: Tensor) -> Tensor:
    """Find the pixel of a given rank in a region, counted row by row, wrapping around after the last.

    Args:
        region: (N, H, W) bool, none of them empty.
        rank: (N,) int64, at least 0.

    Returns:
        (N, 2) int64, (x, y).
    """
    # First the row, then the position in it: running sums over all pixels would take eight bytes each.
    per_row = region.sum(2)  # (N, H)
    up_to_row = per_row.cumsum(1)
    rank = rank % up_to_row[:, -1]
    y = (up_to_row <= rank.unsqueeze(1)).sum(1)  # (N,), rows that are entirely before
    objects = torch.arange(region.shape[0], device=region.device)
    rank_in_row = rank - (up_to_row - per_row)[objects, y]
    x = (region[objects, y].cumsum(1) <= rank_in_row.unsqueeze(1)).sum(1)
    return torch.stack([x, y], dim=1)


def last_repeated(count: int, size: int) -> Tensor:
    """Return the numbers 0 .. count − 1, then the last again until there are `size`, (size,) int64 on the CPU."""
    return torch.arange(size).clamp(max=count - 1)


def _for_all(drawn: Tensor, count: int) -> Tensor:
    """Give objects that only fill a batch what was drawn for the last one that counts."""
    return drawn if len(drawn) == count else drawn[last_repeated(len(drawn), count).to(drawn.device)]


def _random_pixels(region: Tensor, generator: torch.Generator, drawn: int) -> Tensor:
    """Draw one uniform pixel per region, (N, H, W) → (N, 2) float32; no region may be empty.

    Numbers are drawn for the first `drawn` regions; the others get those of the last.
    """
    # Integers, because a float32 in [0, 1) cannot index a million pixels uniformly; wrapping around biases none by more
    # than area / 2⁶².
    draws = torch.randint(1 << 62, (drawn,), generator=generator, device=generator.device)
    ranks = _for_all(draws, len(region)).to(region.device, non_blocking=True)
    return pixel_of_rank(region, ranks).to(torch.float32)


def _loose_boxes(targets: Tensor, noise: Tensor, settings: PromptSimulation) -> Tensor:
    """Return tight boxes with noise, (N, 4) float32 xyxy; `noise` (N, 4) is standard normal."""
    return jittered_boxes(
        boxes_of_masks(targets),
        noise,
        (targets.shape[1], targets.shape[2]),
        fraction=settings.box_noise,
        max_px=settings.box_noise_max_px,
    )


def _check_targets(targets: Tensor) -> None:
    if targets.dtype != torch.bool or targets.ndim != 3:
        raise SettingsError(f"targets must be a boolean tensor (N, H, W), not {targets.dtype} {tuple(targets.shape)}")
    if targets.device.type != "cpu":  # the host would wait; masks are made, and checked, on the CPU
        return
    empty = (~targets.flatten(1).any(1)).nonzero().flatten().tolist()
    if empty:
        raise SettingsError(
            f"{len(empty)} of {targets.shape[0]} targets are empty, the first is number {empty[0]}; an object without "
            "pixels cannot be prompted, leave it out"
        )
