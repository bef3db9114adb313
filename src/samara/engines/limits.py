"""Limits of an engine's deviation from PyTorch in float32 before it counts as drifting, by precision."""

from __future__ import annotations

from dataclasses import dataclass

from samara.system.devices import Precision


@dataclass(frozen=True)
class Limits:
    """The accepted limits.

    Attributes:
        relative_error: max. relative error of embeddings and logits, ‖found − expected‖ / ‖expected‖.
        mean_iou: min. mean IoU of masks over all prompts of all images.
        worst_iou: min. IoU of any mask.
    """

    relative_error: float
    mean_iou: float
    worst_iou: float


LIMITS: dict[Precision, Limits] = {
    "float32": Limits(1e-3, 0.999, 0.98),
    "tf32": Limits(0.02, 0.99, 0.8),  # as float16, which has as many bits of mantissa
    "bfloat16": Limits(0.08, 0.97, 0.6),
    "float16": Limits(0.02, 0.99, 0.8),
    "int8": Limits(0.25, 0.93, 0.5),
}
"""Rounding stays within these for both networks that have been `samara_mini`."""
