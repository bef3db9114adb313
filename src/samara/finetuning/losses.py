"""Losses on mask logits, and the true IoU as target of the IoU head.

Every loss is per mask, so that the caller can choose the best of several. Logits of any float type are accepted; the
arithmetic is in float32 (float64 if the logits are), even under autocast, because sums over a mask's pixels lose too
much precision in 16 bits. Probabilities are never computed where a logarithm follows: log-sigmoids keep values and
gradients finite for logits of either sign up to 10⁴ and beyond.

Source: Kirillov et al. 2023, appendix A "Losses" and "Making the model ambiguity-aware"; Lin et al. 2017 (focal
loss, equation 5); Milletari et al. 2016 (dice).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from samara.errors import SettingsError
from samara.finetuning.settings import LossWeights

_SMOOTH = 1.0
_MASK_THRESHOLD = 0.0
_TARGET_THRESHOLD = 0.5


@dataclass(frozen=True)
class MaskLoss:
    """The losses of N objects, each with M masks.

    Attributes:
        total: (N,), to be averaged and back-propagated: the best mask's loss plus the weighted IoU error.
        mask: (N, M), the weighted sum of the mask losses.
        iou_error: (N,), unweighted mean over the M masks of (predicted − true IoU)².
        best: (N,) int64, the mask with the smallest mask loss.
    """

    total: Tensor
    mask: Tensor
    iou_error: Tensor
    best: Tensor


def mask_loss(
    logits: Tensor, predicted_iou: Tensor, targets: Tensor, valid: Tensor | None = None, *, weights: LossWeights
) -> MaskLoss:
    """Compute the losses of each object's M masks and of their predicted IoU.

    Only the mask with the smallest mask loss is trained, so that the M masks of an ambiguous prompt may differ
    (appendix A "Making the model ambiguity-aware"). The IoU head is trained on all M, because it must rank them,
    including wrong ones; the paper uses a mean squared error without saying over which masks.

    Args:
        logits: (N, M, h, w), float, M at least 1.
        predicted_iou: (N, M), float.
        targets: (N, h, w), bool or float in [0, 1].
        valid: (h, w) or (N, h, w) bool, False for ignored pixels; None to use all.
        weights: weights of the losses.

    Returns:
        The losses, float32 (float64 for float64 logits). Gradients flow to `logits` and `predicted_iou`, not through
        the true IoU.

    Raises:
        SettingsError: shapes or dtypes do not match.
    """
    if predicted_iou.shape != logits.shape[:2] or not predicted_iou.is_floating_point():
        raise SettingsError(
            f"predicted_iou is {predicted_iou.dtype} {tuple(predicted_iou.shape)} for logits {tuple(logits.shape)}; "
            "it must be a float tensor (N, M), one number per mask"
        )
    losses = {
        focal_loss: weights.focal,
        dice_loss: weights.dice,
        balanced_cross_entropy: weights.cross_entropy,
    }
    mask = torch.stack([weight * loss(logits, targets, valid) for loss, weight in losses.items() if weight]).sum(0)
    lowest, best = mask.min(dim=1)
    real_iou = iou_of_logits(logits, targets, valid)
    iou_error = (predicted_iou.to(real_iou.dtype) - real_iou).square().mean(1)
    return MaskLoss(total=lowest + weights.iou * iou_error, mask=mask, iou_error=iou_error, best=best)


def focal_loss(
    logits: Tensor, targets: Tensor, valid: Tensor | None = None, *, alpha: float = 0.25, gamma: float = 2.0
) -> Tensor:
    """Compute the focal loss: cross-entropy that down-weights well-classified pixels, mean over valid pixels.

    With p = sigmoid(logit), a foreground pixel costs −alpha · (1 − p)^gamma · log p and a background pixel
    −(1 − alpha) · p^gamma · log(1 − p); a soft target t costs t times the first and 1 − t times the second.

    Args:
        logits: (N, M, h, w), float.
        targets: (N, h, w), bool or float in [0, 1].
        valid: (h, w) or (N, h, w) bool, False for ignored pixels; None to use all.
        alpha: weight of the foreground, in [0, 1].
        gamma: strength of the down-weighting, at least 0; 0 is a weighted cross-entropy.

    Returns:
        (N, M), at least 0; 0 without valid pixels.

    Raises:
        SettingsError: shapes or dtypes do not match, or alpha or gamma is out of range.
    """
    if not 0 <= alpha <= 1 or not 0 <= gamma < math.inf:
        raise SettingsError(f"alpha is {alpha} and gamma {gamma}; alpha must be between 0 and 1, gamma at least 0")
    logits, inside, outside = _flat_pixels(logits, targets, valid)
    log_on, log_off = F.logsigmoid(logits), F.logsigmoid(-logits)
    # Powers via exponentials of the logarithm, since pow(0, gamma) has an infinite gradient for gamma < 1.
    missed = alpha * (gamma * log_off).exp() * log_on * inside
    invented = (1 - alpha) * (gamma * log_on).exp() * log_off * outside
    return -(missed + invented).sum(-1) / (inside + outside).sum(-1).clamp(min=1)


def dice_loss(logits: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
    """Compute the dice loss 1 − (2 Σ p t + 1) / (Σ p + Σ t + 1), p = sigmoid(logit); the ones handle empty targets.

    Args:
        logits: (N, M, h, w), float.
        targets: (N, h, w), bool or float in [0, 1].
        valid: (h, w) or (N, h, w) bool, False for ignored pixels; None to use all.

    Returns:
        (N, M), in [0, 1); 0 without valid pixels.

    Raises:
        SettingsError: shapes or dtypes do not match.
    """
    logits, inside, outside = _flat_pixels(logits, targets, valid)
    on = logits.sigmoid()
    hit, invented = (on * inside).sum(-1), (on * outside).sum(-1)
    return 1 - (2 * hit + _SMOOTH) / (hit + invented + inside.sum(-1) + _SMOOTH)


def balanced_cross_entropy(logits: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
    """Compute the cross-entropy with weight one half each for foreground and background, whatever their size.

    If one of them is empty, the other has the full weight.

    Args:
        logits: (N, M, h, w), float.
        targets: (N, h, w), bool or float in [0, 1]; a soft target belongs to both sides in its proportions.
        valid: (h, w) or (N, h, w) bool, False for ignored pixels; None to use all.

    Returns:
        (N, M), at least 0; 0 without valid pixels.

    Raises:
        SettingsError: shapes or dtypes do not match.
    """
    logits, inside, outside = _flat_pixels(logits, targets, valid)
    sides = ((-F.logsigmoid(logits), inside), (-F.logsigmoid(-logits), outside))
    total = torch.zeros_like(logits[..., 0])
    present = torch.zeros_like(inside[..., 0])  # (N, 1)
    for cost, pixels in sides:
        area = pixels.sum(-1)  # (N, 1)
        total = total + (cost * pixels).sum(-1) / torch.where(area > 0, area, 1)
        present = present + (area > 0)
    return total / present.clamp(min=1)


def iou_of_logits(logits: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
    """Compute the true IoU of thresholded masks: logits above 0 against targets above one half; no gradient.

    An empty mask on an empty target has IoU 0, not 1, so that an empty mask never ranks high, as with the stability
    score.

    Args:
        logits: (N, M, h, w), float.
        targets: (N, h, w), bool or float in [0, 1].
        valid: (h, w) or (N, h, w) bool, False for ignored pixels; None to use all.

    Returns:
        (N, M), in [0, 1]; float32, or float64 for float64 logits.

    Raises:
        SettingsError: shapes or dtypes do not match.
    """
    _check(logits, targets, valid)
    masks = logits > _MASK_THRESHOLD
    wanted = (targets if targets.dtype == torch.bool else targets > _TARGET_THRESHOLD).unsqueeze(1)  # (N, 1, h, w)
    common, union = masks & wanted, masks | wanted
    if valid is not None:
        counts = valid if valid.ndim == 2 else valid.unsqueeze(1)
        common, union = common & counts, union & counts
    # Pixels are counted as integers: float32 is inexact beyond 2²⁴.
    common_area, union_area = common.flatten(2).sum(-1), union.flatten(2).sum(-1)
    return common_area.to(_arithmetic(logits)) / union_area.clamp(min=1)


def _flat_pixels(logits: Tensor, targets: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits (N, M, K), and the foreground and background weights of each pixel, (N, 1, K).

    An ignored pixel has both weights 0 and logit 0, whatever its value: padding may contain NaN.
    """
    _check(logits, targets, valid)
    dtype = _arithmetic(logits)
    logits, inside = logits.to(dtype).flatten(2), targets.to(dtype).flatten(1).unsqueeze(1)
    if valid is None:
        return logits, inside, 1 - inside
    counts = valid.flatten(-2)  # (K,) or (N, K)
    if counts.ndim == 2:
        counts = counts.unsqueeze(1)
    return tuple(torch.where(counts, pixels, 0) for pixels in (logits, inside, 1 - inside))  # type: ignore[return-value]


def _arithmetic(logits: Tensor) -> torch.dtype:
    """Return float32, or float64 if the logits are. Autocast does not apply, since no matrices are multiplied."""
    return torch.promote_types(logits.dtype, torch.float32)


def _check(logits: Tensor, targets: Tensor, valid: Tensor | None) -> None:
    """Check shapes and dtypes; checking values would synchronise with the accelerator in every step."""
    if logits.ndim != 4 or not logits.is_floating_point():
        raise SettingsError(f"logits must be a float tensor (N, M, h, w), not {logits.dtype} {tuple(logits.shape)}")
    N, _, h, w = logits.shape  # noqa: N806
    if targets.shape != (N, h, w):
        raise SettingsError(f"targets are {tuple(targets.shape)}; for these logits they must be {(N, h, w)}")
    if targets.dtype != torch.bool and not targets.is_floating_point():
        raise SettingsError(f"targets are {targets.dtype}; they must be bool, or float in [0, 1]")
    if valid is not None and (valid.dtype != torch.bool or valid.shape not in ((h, w), (N, h, w))):
        raise SettingsError(f"valid is {valid.dtype} {tuple(valid.shape)}; it must be bool, {(h, w)} or {(N, h, w)}")
