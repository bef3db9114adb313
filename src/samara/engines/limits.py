"""Limits of an engine's deviation from PyTorch in float32, by precision: where it agrees, and where it drifts."""

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
    "tf32": Limits(0.02, 0.98, 0.90),
    "bfloat16": Limits(0.08, 0.98, 0.90),
    "float16": Limits(0.02, 0.98, 0.90),
    "int8": Limits(0.25, 0.98, 0.90),
}
"""An engine within these agrees with PyTorch: it has the same masks, but for a few pixels of their borders."""

ROUNDING: dict[Precision, Limits] = {
    "float32": LIMITS["float32"],
    "tf32": Limits(0.02, 0.98, 0.8),  # as float16, which has as many bits of mantissa
    "bfloat16": Limits(0.08, 0.97, 0.6),
    "float16": Limits(0.02, 0.98, 0.8),
    "int8": Limits(0.25, 0.93, 0.5),
}
"""What rounding alone may do to single masks, for both networks that have been `samara_mini`; beyond it is a fault."""
