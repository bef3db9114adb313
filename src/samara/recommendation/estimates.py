"""How much memory and time a checkpoint takes on a machine: from records where there are some, else estimated.

Memory = what the device itself takes + weights + the larger of an encoding and the prompts decoded together. Time on a
processor = measured time of the same work on another one, scaled by the matrix speed of both; on a GPU = published
times on an RTX 3090, interpolated over arithmetic and scaled likewise. Every estimate says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean

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
    cost_of,
)
from samara.recommendation.measured import Measurements
from samara.recommendation.request import Request
from samara.recommendation.statement import Certainty, Statement, least_sure
from samara.recommendation.target import Target
from samara.recommendation.throughput import ATTAINABLE, REFERENCE_CARD

GRID_POINTS = POINTS_PER_SIDE**2
"""Points of automatic mask generation with its default grid."""

BATCHES = (64, 32, 16, 8)
"""Values of `points_per_batch` that are tried, the default first."""

EVERYTHING_BYTES = 1.5e9
"""Bound on what automatic masks of a 12-megapixel image take beside the network on a processor; a test asserts it."""

IMAGES_BYTES = 0.2e9
"""Room for one image of 12 megapixels and its masks; rule of thumb."""

GPU_MARGIN = 1.3
"""Activations on a GPU in relation to those measured on a processor: blocks of the allocator; rule of thumb."""


@dataclass(frozen=True)
class Needs:
    """What a checkpoint takes.

    Attributes:
        memory: in bytes.
        seconds: from an image to its masks: of one prompt, or of everything.
        settings: what to set so that it fits, as options of `samara segment`; empty where defaults do.
    """

    memory: Statement
    seconds: Statement
    settings: Mapping[str, str]


def needs_of(checkpoint: Checkpoint, request: Request, target: Target, measured: Measurements) -> Needs:
    """Estimate memory and time.

    Args:
        checkpoint: of a variant that samara runs.
        request: what is asked of it.
        target: where.
        measured: what was measured before, which wins.
    """
    everything = request.asks_everything
    batch = _points_per_batch(checkpoint, request, target)
    memory = measured.memory(checkpoint.name, everything=everything) or estimated_memory(
        checkpoint, request, target, points_per_batch=batch
    )
    seconds = measured.seconds(checkpoint.name, everything=everything) or estimated_seconds(checkpoint, request, target)
    settings = {} if batch == BATCHES[0] else {"points_per_batch": str(batch)}
    return Needs(memory, seconds, settings)


def file_bytes(checkpoint: Checkpoint) -> float:
    """Size of the file of a variant that runs; where nobody published it, four bytes a parameter."""
    if checkpoint.size_bytes is not None:
        return checkpoint.size_bytes
    return 4.0 * (VARIANTS[checkpoint.variant].parameters or 0)


def weights_bytes(checkpoint: Checkpoint) -> float:
    """Memory of the weights, which are float32 in every precision that samara computes in."""
    return 4.0 * (VARIANTS[checkpoint.variant].parameters or 0)


def estimated_memory(
    checkpoint: Checkpoint, request: Request, target: Target, *, points_per_batch: int = BATCHES[0]
) -> Statement:
    """Peak memory of the device, from the weights and measured activations."""
    cost = cost_of(checkpoint)
    weights = weights_bytes(checkpoint)
    if target.device == "cuda":
        together = points_per_batch if request.asks_everything else 1
        prompts = cost.prompts_bytes * together / PROMPTS_AT_A_TIME
        work = GPU_MARGIN * max(cost.encode_bytes, prompts) + IMAGES_BYTES
        return Statement(
            CUDA_CONTEXT_BYTES + weights + work,
            "rule of thumb",
            "weights exact, activations measured on a processor, CUDA's share assumed",
        )
    work = max(cost.encode_bytes, cost.prompts_bytes) + IMAGES_BYTES
    if request.asks_everything:
        work = max(work, EVERYTHING_BYTES)
    return Statement(RUNTIME_BYTES + weights + work, "measured elsewhere", f"weights exact, the rest on {MEASURED_ON}")


def _points_per_batch(checkpoint: Checkpoint, request: Request, target: Target) -> int:
    """The largest batch of points that fits; the default where it matters to nothing."""
    is_sam = cost_of(checkpoint).prompt_flops > 0
    usable = target.usable_bytes
    if target.device != "cuda" or not (is_sam and request.asks_everything) or usable is None:
        return BATCHES[0]
    for batch in BATCHES:
        if estimated_memory(checkpoint, request, target, points_per_batch=batch).value <= usable:
            return batch
    return BATCHES[-1]


def estimated_seconds(checkpoint: Checkpoint, request: Request, target: Target) -> Statement:
    """Time from an image to its masks, scaled from measured or published times by the machine's matrix speed."""
    cost = cost_of(checkpoint)
    prompts = GRID_POINTS if request.asks_everything else 1
    if target.device == "cuda":
        slower = REFERENCE_CARD.flops * ATTAINABLE / target.speed.value
        value = gpu_seconds(checkpoint, prompts) * slower
        return Statement(
            value,
            least_sure((_gpu_certainty(checkpoint), target.speed.certainty)),
            f"published times on an {REFERENCE_CARD.name.removeprefix('GeForce ')}, scaled to {target.speed.basis}",
        )
    slower = MATRIX_FLOPS / target.speed.value
    certainty: Certainty = least_sure(("measured elsewhere", target.speed.certainty))
    basis = f"timed on {MEASURED_ON}, scaled to {target.speed.basis}"
    return Statement((cost.encode_s + prompts * cost.prompt_s) * slower, certainty, basis)


def _gpu_certainty(checkpoint: Checkpoint) -> Certainty:
    has_own = any(figure.conditions.hardware == "RTX 3090" for figure in published_for(checkpoint.name))
    return "published" if has_own else "rule of thumb"


@dataclass(frozen=True)
class Anchor:
    """A published time on the reference card, for some arithmetic."""

    flops: float
    seconds: float


def gpu_seconds(checkpoint: Checkpoint, prompts: int) -> float:
    """Seconds on the reference card for one image and so many prompts, in float32 with the official code."""
    cost = cost_of(checkpoint)
    if not cost.prompt_flops:
        return _interpolated(cost.encoder_flops, _ANCHORS_DETECTORS)
    mean_per_flop = mean(_PER_POINT.values()) / COSTS["vit_h", 1024].prompt_flops
    per_point = _PER_POINT.get(checkpoint.variant, mean_per_flop * cost.prompt_flops)
    return _interpolated(cost.encoder_flops, _ANCHORS_SAM) + (prompts - 1) * per_point


def _interpolated(flops: float, anchors: tuple[Anchor, ...]) -> float:
    """Along straight lines between logarithms; below the first anchor its time, above the last along its line."""
    if flops <= anchors[0].flops or len(anchors) == 1:
        return anchors[0].seconds * max(1.0, flops / anchors[0].flops)
    upper = next((one for one in anchors if one.flops >= flops), anchors[-1])
    lower = anchors[anchors.index(upper) - 1]
    slope = math.log(upper.seconds / lower.seconds) / math.log(upper.flops / lower.flops)
    return float(upper.seconds * (flops / upper.flops) ** slope)


def _published(checkpoint: str, metric: str, source: str) -> float:
    return published_for(checkpoint, metric, source)[0].value


_FAST = "FastSAM README"

# MobileSAM's authors do not name their card; their time of FastSAM is 1.6 times that on the reference card.
_ANCHORS_SAM = (
    Anchor(COSTS["vit_t", 1024].encoder_flops, _published("mobile_sam", "prompt_seconds", "MobileSAM README")),
    Anchor(COSTS["vit_b", 1024].encoder_flops, _published("sam_vit_b", "prompt_seconds", _FAST)),
    Anchor(COSTS["vit_h", 1024].encoder_flops, _published("sam_vit_h", "prompt_seconds", _FAST)),
)
# Below a tenth of FastSAM-x the card waits for the processor; a fifth of its time is a rule of thumb.
_FAST_X_S = _published("fastsam_x", "everything_seconds", _FAST)
_ANCHORS_DETECTORS = (
    Anchor(COSTS["fastsam_x", 1024].encoder_flops / 10, _FAST_X_S / 5),
    Anchor(COSTS["fastsam_x", 1024].encoder_flops, _FAST_X_S),
)


def _seconds_per_further_point(checkpoint: str) -> float:
    """From the grid of 32 x 32 points and the single point of the same table."""
    (grid,) = (
        figure.value
        for figure in published_for(checkpoint, "everything_seconds", _FAST)
        if "32 x 32" in (figure.conditions.prompts or "")
    )
    return (grid - _published(checkpoint, "prompt_seconds", _FAST)) / (GRID_POINTS - 1)


_PER_POINT = {"vit_b": _seconds_per_further_point("sam_vit_b"), "vit_h": _seconds_per_further_point("sam_vit_h")}
"""Seconds of each further point on the reference card; for other variants the mean of these."""
