"""Memory and time of a checkpoint on a machine: from records if available, otherwise estimated.

Memory = base memory of the device + weights + the larger of an encoding and a batch of prompts. Time on a CPU =
measured time of the same work on another CPU, scaled by the matrix speeds; on a GPU = published times on an RTX 3090,
interpolated by arithmetic and scaled in the same way. Every estimate is marked as such.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import mean, median

from samara.checkpoints.record import Checkpoint
from samara.measurement.published.figures import published_for
from samara.networks.variants import VARIANTS
from samara.recommendation.costs import (
    COSTS,
    CUDA_CONTEXT_BYTES,
    MATRIX_FLOPS,
    MEASURED_ON,
    POINTS_PER_SIDE,
    PROMPTS_AT_A_TIME,
    RUNTIME_BYTES,
    TRAINING_BYTES,
    cost_of,
    training_bytes,
)
from samara.recommendation.measured import Measurements
from samara.recommendation.request import Request
from samara.recommendation.statement import Certainty, Statement, least_sure
from samara.recommendation.target import Target
from samara.recommendation.throughput import ATTAINABLE, REFERENCE_CARD
from samara.segmentation.automatic.settings import points_per_side_of

GRID_POINTS = POINTS_PER_SIDE**2
"""Points of automatic mask generation with the grid that the published times of everything are for."""

BATCHES = (64, 32, 16, 8)
"""Values of `points_per_batch` to try, the default first."""

EVERYTHING_BYTES = 1.5e9
"""Bound on the memory of automatic masks of a 12-megapixel image besides the network on a CPU; checked by a test."""

IMAGES_BYTES = 0.2e9
"""Room for one image of 12 megapixels and its masks; rule of thumb."""

GPU_MARGIN = 1.3
"""Ratio of activations on a GPU to those measured on a CPU, due to allocator blocks; rule of thumb."""


@dataclass(frozen=True)
class Needs:
    """The resources that a checkpoint needs.

    Attributes:
        memory: memory in bytes.
        seconds: time from an image to its masks, of one prompt or of everything.
        settings: settings that make it fit, as options of `samara segment`; empty if the defaults do.
    """

    memory: Statement
    seconds: Statement
    settings: Mapping[str, str]


@dataclass(frozen=True)
class TimeScale:
    """What all times of one answer have in common.

    Attributes:
        factor: estimates are multiplied by this, so that they fit the measured times beside them.
        told: where the times are from, a sentence.
    """

    factor: float
    told: str


def time_scale(
    checkpoints: Iterable[Checkpoint], request: Request, target: Target, measured: Measurements
) -> TimeScale:
    """Return the scale of the times: that of the measured ones, if there are any.

    Args:
        checkpoints: runnable checkpoints.
        request: the user's request.
        target: the machine.
        measured: earlier measurements.
    """
    everything = request.asks_everything
    ratios = {
        one.name: found.value / estimated_seconds(one, request, target).value
        for one in checkpoints
        if (found := measured.seconds(one.name, everything=everything)) is not None
    }
    if not ratios:
        return TimeScale(1.0, f"All times are estimates for {target.title}: {_basis_of_times(target)}.")
    names = ", ".join(ratios)
    return TimeScale(
        median(ratios.values()),
        f"All times are of one scale: {names} timed {measured.timed_on(everything=everything)}; the others are "
        "estimated in proportion.",
    )


def needs_of(
    checkpoint: Checkpoint, request: Request, target: Target, measured: Measurements, scale: float = 1.0
) -> Needs:
    """Estimate memory and time.

    Args:
        checkpoint: checkpoint of a runnable variant.
        request: the user's request.
        target: the machine.
        measured: earlier measurements, which take precedence.
        scale: factor of estimated times, see `time_scale`.
    """
    everything = request.asks_everything
    batch = _points_per_batch(checkpoint, request, target)
    memory = measured.memory(checkpoint.name, everything=everything, trains=request.trains) or estimated_memory(
        checkpoint, request, target, points_per_batch=batch
    )
    estimated = estimated_seconds(checkpoint, request, target)
    seconds = measured.seconds(checkpoint.name, everything=everything) or replace(
        estimated, value=estimated.value * scale
    )
    settings = {} if batch == BATCHES[0] else {"points_per_batch": str(batch)}
    return Needs(memory, seconds, settings)


def file_bytes(checkpoint: Checkpoint) -> float:
    """Return the file size of a runnable checkpoint; if unpublished, four bytes per parameter."""
    if checkpoint.size_bytes is not None:
        return checkpoint.size_bytes
    return 4.0 * (VARIANTS[checkpoint.variant].parameters or 0)


def weights_bytes(checkpoint: Checkpoint) -> float:
    """Return the memory of the weights, which are float32 in every precision."""
    return 4.0 * (VARIANTS[checkpoint.variant].parameters or 0)


def estimated_memory(
    checkpoint: Checkpoint, request: Request, target: Target, *, points_per_batch: int = BATCHES[0]
) -> Statement:
    """Estimate peak memory of the device from the weights and measured activations."""
    if request.trains and cost_of(checkpoint).prompt_flops:
        return estimated_training_memory(checkpoint, target)
    cost = cost_of(checkpoint)
    weights = weights_bytes(checkpoint)
    if target.device != "cpu":
        together = points_per_batch if request.asks_everything else 1
        prompts = cost.prompts_bytes * together / PROMPTS_AT_A_TIME
        work = GPU_MARGIN * max(cost.encode_bytes, prompts) + IMAGES_BYTES
        own, whose = _beside_tensors(target)
        return Statement(
            own + weights + work, "rule of thumb", f"weights exact, activations measured on a CPU, {whose}"
        )
    work = max(cost.encode_bytes, cost.prompts_bytes) + IMAGES_BYTES
    if request.asks_everything:
        work = max(work, EVERYTHING_BYTES)
    return Statement(RUNTIME_BYTES + weights + work, "measured elsewhere", f"weights exact, the rest on {MEASURED_ON}")


def estimated_training_memory(checkpoint: Checkpoint, target: Target) -> Statement:
    """Estimate peak memory of fine-tuning the mask decoder: caching the embeddings, then a step.

    On a GPU the image encoder makes room for the step, see `samara.finetuning.loop`.
    """
    encode, step, weights = cost_of(checkpoint).encode_bytes, training_bytes(checkpoint), weights_bytes(checkpoint)
    has_own = (checkpoint.variant, checkpoint.input_size) in TRAINING_BYTES
    source = "a step measured on a CPU" if has_own else "a step inferred from measured ones of other checkpoints"
    if target.device != "cpu":
        work = max(weights + GPU_MARGIN * encode, GPU_MARGIN * step) + IMAGES_BYTES
        own, whose = _beside_tensors(target)
        return Statement(own + work, "rule of thumb", f"fine-tuning: weights exact, {source}, {whose}")
    work = weights + max(encode, step) + IMAGES_BYTES
    certainty: Certainty = "measured elsewhere" if has_own else "rule of thumb"
    return Statement(RUNTIME_BYTES + work, certainty, f"fine-tuning: weights exact, {source}")


def _beside_tensors(target: Target) -> tuple[float, str]:
    """Return what a GPU's memory holds besides tensors, and whose it is; an Apple GPU shares that of the process."""
    if target.device == "mps":
        return RUNTIME_BYTES, "Python's share measured on a CPU"
    return CUDA_CONTEXT_BYTES, "CUDA's share assumed"


def _points_per_batch(checkpoint: Checkpoint, request: Request, target: Target) -> int:
    """Return the largest batch of points that fits; the default if it does not matter."""
    is_sam = cost_of(checkpoint).prompt_flops > 0
    usable = target.usable_bytes
    if target.device == "cpu" or not (is_sam and request.asks_everything) or usable is None:
        return BATCHES[0]
    for batch in BATCHES:
        if estimated_memory(checkpoint, request, target, points_per_batch=batch).value <= usable:
            return batch
    return BATCHES[-1]


def estimated_seconds(checkpoint: Checkpoint, request: Request, target: Target) -> Statement:
    """Estimate the time from an image to its masks, scaling known times by the machine's matrix speed."""
    cost = cost_of(checkpoint)
    prompts = grid_points(checkpoint) if request.asks_everything else 1
    if target.device != "cpu":
        slower = REFERENCE_CARD.flops * ATTAINABLE / target.speed.value
        certainty = least_sure((_gpu_certainty(checkpoint), target.speed.certainty))
        return Statement(gpu_seconds(checkpoint, prompts) * slower, certainty, _basis_of_times(target))
    slower = MATRIX_FLOPS / target.speed.value
    certainty = least_sure(("measured elsewhere", target.speed.certainty))
    return Statement((cost.encode_s + prompts * cost.prompt_s) * slower, certainty, _basis_of_times(target))


def grid_points(checkpoint: Checkpoint) -> int:
    """Return the points of a checkpoint's own grid of automatic masks; 1 for what needs no grid."""
    return (points_per_side_of(checkpoint.network, checkpoint.input_size) or 1) ** 2


def _basis_of_times(target: Target) -> str:
    """Say where estimated times are from."""
    if target.device == "cpu":
        return f"timed on {MEASURED_ON}, scaled to {target.speed.basis}"
    return f"published times on an {REFERENCE_CARD.name.removeprefix('GeForce ')}, scaled to {target.speed.basis}"


def _gpu_certainty(checkpoint: Checkpoint) -> Certainty:
    has_own = any(figure.conditions.hardware == "RTX 3090" for figure in published_for(checkpoint.name))
    return "published" if has_own else "rule of thumb"


@dataclass(frozen=True)
class Anchor:
    """A published time on the reference card for a known amount of arithmetic."""

    flops: float
    seconds: float


def gpu_seconds(checkpoint: Checkpoint, prompts: int) -> float:
    """Return the seconds on the reference card for one image and some prompts, in float32 with the official code."""
    cost = cost_of(checkpoint)
    if not cost.prompt_flops:
        return _interpolated(cost.encoder_flops, _ANCHORS_DETECTORS)
    mean_per_flop = mean(_PER_POINT.values()) / COSTS["vit_h", 1024].prompt_flops
    per_point = _PER_POINT.get(checkpoint.variant, mean_per_flop * cost.prompt_flops)
    return _interpolated(cost.encoder_flops, _ANCHORS_SAM) + (prompts - 1) * per_point


def _interpolated(flops: float, anchors: tuple[Anchor, ...]) -> float:
    """Interpolate linearly between logarithms; constant below the first anchor, extrapolated above the last."""
    if flops <= anchors[0].flops or len(anchors) == 1:
        return anchors[0].seconds * max(1.0, flops / anchors[0].flops)
    upper = next((one for one in anchors if one.flops >= flops), anchors[-1])
    lower = anchors[anchors.index(upper) - 1]
    slope = math.log(upper.seconds / lower.seconds) / math.log(upper.flops / lower.flops)
    return float(upper.seconds * (flops / upper.flops) ** slope)


def _published(checkpoint: str, metric: str, source: str) -> float:
    return published_for(checkpoint, metric, source)[0].value


_FAST = "FastSAM README"

# MobileSAM's authors do not name their card; their time for FastSAM is 1.6 times that on the reference card.
_ANCHORS_SAM = (
    Anchor(COSTS["vit_t", 1024].encoder_flops, _published("mobile_sam", "prompt_seconds", "MobileSAM README")),
    Anchor(COSTS["vit_b", 1024].encoder_flops, _published("sam_vit_b", "prompt_seconds", _FAST)),
    Anchor(COSTS["vit_h", 1024].encoder_flops, _published("sam_vit_h", "prompt_seconds", _FAST)),
)
# Below a tenth of FastSAM-x the card waits for the CPU; a fifth of its time is a rule of thumb.
_FAST_X_S = _published("fastsam_x", "everything_seconds", _FAST)
_ANCHORS_DETECTORS = (
    Anchor(COSTS["fastsam_x", 1024].encoder_flops / 10, _FAST_X_S / 5),
    Anchor(COSTS["fastsam_x", 1024].encoder_flops, _FAST_X_S),
)


def _seconds_per_further_point(checkpoint: str) -> float:
    """Derive the time from the 32 x 32 grid and the single point of the same table."""
    (grid,) = (
        figure.value
        for figure in published_for(checkpoint, "everything_seconds", _FAST)
        if "32 x 32" in (figure.conditions.prompts or "")
    )
    return (grid - _published(checkpoint, "prompt_seconds", _FAST)) / (GRID_POINTS - 1)


_PER_POINT = {"vit_b": _seconds_per_further_point("sam_vit_b"), "vit_h": _seconds_per_further_point("sam_vit_h")}
"""Seconds of each further point on the reference card; for other variants the mean of these."""
