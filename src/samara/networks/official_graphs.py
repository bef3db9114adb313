"""Image encoder and mask decoder with the inputs and outputs of the official ONNX decoder, for its clients.

Source of names, shapes, types and conventions: segment-anything `utils/onnx.py` and `scripts/export_onnx_model.py`
@dca509f for the decoder; samexporter 0.5.0 for the image encoder, which the official script does not export. Such
clients use a frame of 1024 pixels whatever the network, so for a network with another input size, coordinates and mask
input are converted to its own grid inside.

Differs from the original: the upsampled masks have the requested image size, part of which the original froze during
tracing; the stability score of an empty mask is 0, not NaN; extra metrics have their own names.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.networks.mask_decoder import MaskDecoder
from samara.networks.prompt_encoder import BasePromptEncoder
from samara.networks.prompted_decoder_graph import PromptedDecoderGraph
from samara.networks.ranking import STABILITY_OFFSET, stability
from samara.networks.variant import CELL, LOGITS_PER_CELL

FRAME = 1024
"""Side of the frame of official clients in pixels; mask input and low-res masks have a quarter of it."""

MASK_THRESHOLD = 0.0

CLICKS_FOR_SINGLE_MASK = 2.5
"""With fewer points, including the padding point, one of the three masks is chosen instead of the single one."""
DECISIVE = 1000.0
"""Larger than any difference of predicted IoUs."""


@dataclass(frozen=True)
class OfficialSwitches:
    """The options of the official script, by its names.

    Attributes:
        return_single_mask: return one mask instead of all: the best of the three for a single point, else the single
            one.
        use_stability_score: return stability scores of the low-res masks as predicted IoU.
        return_extra_metrics: also return stability scores and areas of the upsampled masks.
        gelu_approximate: GELU by tanh, for runtimes without erf.
    """

    return_single_mask: bool = False
    use_stability_score: bool = False
    return_extra_metrics: bool = False
    gelu_approximate: bool = False

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the decoder's outputs."""
        extra = ("stability_scores", "areas") if self.return_extra_metrics else ()
        return "masks", "iou_predictions", *extra, "low_res_masks"


class OfficialEncoderGraph(nn.Module):
    """An image in the frame → its embedding.

    Args:
        encoder: encoder in the form for export, for an input of `input_size`.
        input_size: side of the network's own input.
        mean: mean of each channel, on the 0..255 scale.
        std: standard deviation of each channel, on the 0..255 scale.
        frame: side of the square of input images.
    """

    mean: Tensor
    std: Tensor
    shrinking: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        input_size: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        *,
        frame: int = FRAME,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.frame, self.is_own_frame = frame, input_size == frame
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32))
        self.register_buffer("shrinking", antialiased(frame, input_size))

    def forward(self, input_image: Tensor) -> Tensor:
        """Encode (H, W, 3), RGB in 0..255, the longer side 1024 → (1, C + V, h, w)."""
        H, W, _ = input_image.shape  # noqa: N806
        image = ((input_image - self.mean) / self.std).permute(2, 0, 1)
        image = F.pad(image, (0, self.frame - W, 0, self.frame - H)).reshape(1, 3, self.frame, self.frame)
        if not self.is_own_frame:
            image = self.shrinking @ image @ self.shrinking.T
        return self.encoder(image)  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped


class OfficialDecoderGraph(nn.Module):
    """The official decoder's inputs and outputs.

    Args:
        prompt_encoder: prompt encoder of the same network as `mask_decoder`, both unadapted and in eval mode.
        mask_decoder: SAM's or HQ-SAM's.
        frame_size: side of the network's own input frame, see `Variant.frame_size`.
        switches: the official options; the caller handles `gelu_approximate`.
        frame_cell: side of a cell of the embedding grid in the own frame, in pixels.
        frame: side of the square that coordinates refer to.
    """

    def __init__(
        self,
        prompt_encoder: BasePromptEncoder,
        mask_decoder: MaskDecoder,
        frame_size: int,
        switches: OfficialSwitches,
        *,
        frame_cell: int = CELL,
        frame: int = FRAME,
    ) -> None:
        super().__init__()
        self.own_side, self.frame, self.switches = LOGITS_PER_CELL * frame_size // frame_cell, frame, switches
        self.decode = PromptedDecoderGraph(prompt_encoder, mask_decoder, frame_size, frame_cell)
        self.decode.size_hw = (frame, frame)

    def forward(
        self,
        image_embeddings: Tensor,
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
        orig_im_size: Tensor,
    ) -> tuple[Tensor, ...]:
        """Predict the masks of one object.

        Args:
            image_embeddings: (1, C + V, h, w), from the image encoder.
            point_coords: (1, P, 2) float32, (x, y) in pixels of the frame.
            point_labels: (1, P) float32, see `PromptedDecoderGraph`.
            mask_input: (1, 1, 256, 256) float32 logits.
            has_mask_input: (1,) float32, 1 to use them.
            orig_im_size: (2,) float32, height and width of the requested masks.

        Returns:
            The outputs named by `OfficialSwitches.outputs`: masks (1, M, H, W) logits, predicted IoU (1, M), the extra
            metrics (1, M) each, low-res masks (1, M, 256, 256) logits; M = 4, HQ-SAM 2, or 1 with `return_single_mask`.
        """
        switches = self.switches
        mask = _resized(mask_input, self.own_side)
        iou, low_res = self.decode(image_embeddings, point_coords, point_labels, mask, has_mask_input)
        if switches.use_stability_score:
            iou = stability(low_res, MASK_THRESHOLD, STABILITY_OFFSET)
        if switches.return_single_mask:
            iou, low_res = choose_mask(iou, low_res, point_coords.shape[1])
        masks = self._upsampled(low_res, orig_im_size)
        extra = self._extra_metrics(masks) if switches.return_extra_metrics else ()
        return masks, iou, *extra, _resized(low_res, self.frame // 4)

    def _extra_metrics(self, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Compute stability scores and areas."""
        return stability(masks, MASK_THRESHOLD, STABILITY_OFFSET), (masks > MASK_THRESHOLD).sum((-2, -1))

    def _upsampled(self, low_res: Tensor, orig_im_size: Tensor) -> Tensor:
        """Upsample to the frame, crop the padding, resize to the image."""
        cut = resized_hw(orig_im_size, self.frame).clamp(1, self.frame)
        size = orig_im_size.to(torch.int64)
        return upsampled(
            low_res,
            self.frame,
            (_size(cut[0], self.frame), _size(cut[1], self.frame)),
            (_size(size[0]), _size(size[1])),
        )


def _size(number: Tensor, most: int | None = None) -> int:
    """Read a size from a tensor in a way that exporters can trace."""
    size: int = number.item()  # type: ignore[assignment]  # int() would need its value while exporting
    torch._check(size >= 1)  # type: ignore[no-untyped-call]
    if most is not None:
        torch._check(size <= most)  # type: ignore[no-untyped-call]
    return size


def _resized(logits: Tensor, side: int) -> Tensor:
    """(N, M, s, s) → (N, M, side, side)."""
    if logits.shape[-1] == side:
        return logits
    return F.interpolate(logits, size=(side, side), mode="bilinear", align_corners=False)


# The following is traced by exporters, here and through the drop-in's `SamOnnxModel`: tensor operations only.


def choose_mask(iou: Tensor, masks: Tensor, points: int) -> tuple[Tensor, Tensor]:
    """Choose the single mask for several points, else the best of the others.

    Args:
        iou: (N, M), the single mask first; or other scores between 0 and 1.
        masks: (N, M, h, w).
        points: number of points per prompt, including padding.

    Returns:
        Scores (N, 1) and masks (N, 1, h, w).
    """
    # Numbers, not booleans, which exporters cannot multiply by a dynamic size.
    single = F.pad(iou.new_full((1,), DECISIVE), (0, iou.shape[1] - 1))
    best = (iou + (points - CLICKS_FOR_SINGLE_MASK) * single).argmax(dim=1)
    prompts = torch.arange(masks.shape[0], device=iou.device)
    return iou[prompts, best].unsqueeze(1), masks[prompts, best].unsqueeze(1)


def resized_hw(size_hw: Tensor, longest_side: int) -> Tensor:
    """Return height and width of an image resized to the longest side `longest_side`, (2,) int64."""
    size = size_hw.to(torch.float32)
    return torch.floor(longest_side / size.max() * size + 0.5).to(torch.int64)


def upsampled(low_res: Tensor, frame: int, cut_hw: tuple[int, int], size_hw: tuple[int, int]) -> Tensor:
    """Upsample low-res masks to the frame, crop the padding, resize to the image: (N, M, h, w) → (N, M, H, W).

    Args:
        low_res: logits.
        frame: side of the square, in pixels.
        cut_hw: size of the image in it; one-element tensors for tracers.
        size_hw: size of the image; one-element tensors for tracers.
    """
    square = F.interpolate(low_res, size=(frame, frame), mode="bilinear", align_corners=False)
    cut = square[..., : cut_hw[0], : cut_hw[1]]
    return F.interpolate(cut, size=size_hw, mode="bilinear", align_corners=False)


def antialiased(size_in: int, size_out: int) -> Tensor:
    """Return the matrix of a downsampling resize along one axis with a triangle filter, like Pillow's."""
    scale = size_in / size_out
    centre = (torch.arange(size_out, dtype=torch.float64)[:, None] + 0.5) * scale
    distance = (torch.arange(size_in, dtype=torch.float64) + 0.5 - centre).abs() / max(scale, 1.0)
    weights = (1 - distance).clamp(min=0)
    return (weights / weights.sum(1, keepdim=True)).float()
