"""The three parts of a Segment Anything network, joined.

Source: Kirillov et al. 2023, figure 4; segment-anything `modeling/sam.py` @dca509f for key names.
Differs from Meta: gradients flow, images may have different numbers of prompts, and there is no loop over prompts.
"""

from __future__ import annotations

from torch import Tensor, nn

from samara.networks.mask_decoder import MaskDecoder
from samara.networks.prompt_encoder import BasePromptEncoder
from samara.networks.variant import CELL, LOGITS_PER_CELL


class Sam(nn.Module):
    """Image encoder, prompt encoder and mask decoder.

    Args:
        image_encoder: (B, 3, H, W) → (B, C, h, w).
        prompt_encoder: points, boxes and masks → embeddings.
        mask_decoder: embeddings → mask logits and predicted IoU.
        frame_cell: side of a cell of the embedding grid in the input frame, in pixels.
    """

    def __init__(
        self,
        *,
        image_encoder: nn.Module,
        prompt_encoder: BasePromptEncoder,
        mask_decoder: MaskDecoder,
        frame_cell: int = CELL,
    ) -> None:
        super().__init__()
        self.frame_cell = frame_cell
        self.image_encoder = image_encoder
        self.prompt_encoder = prompt_encoder
        self.mask_decoder = mask_decoder

    @property
    def low_res_stride(self) -> int:
        """Pixels of the input frame for each low-res logit, along each side."""
        return self.frame_cell // LOGITS_PER_CELL

    def forward(
        self,
        images: Tensor,
        points: tuple[Tensor, Tensor] | None = None,
        boxes: Tensor | None = None,
        masks: Tensor | None = None,
        *,
        image_of_prompt: Tensor | None = None,
        multimask: bool = True,
    ) -> tuple[Tensor, Tensor]:
        """Predict the masks of N prompts on B images in one differentiable pass.

        Args:
            images: (B, 3, H, W), normalised and padded.
            points: coordinates (N, P, 2) in the input frame, `frame_cell` pixels per cell, and labels (N, P); pad with
                label −1.
            boxes: (N, 4) xyxy in the input frame.
            masks: (N, 1, 4h, 4w) logits.
            image_of_prompt: (N,) int64; optional if B is 1 or N.
            multimask: three masks per prompt instead of one.

        Returns:
            low_res_logits: (N, M, 4h, 4w).
            predicted_iou: (N, M).
        """
        embeddings = self.image_encoder(images)  # (B, C, h, w)
        grid_hw = h, w = (embeddings.shape[-2], embeddings.shape[-1])
        frame_hw = (self.frame_cell * h, self.frame_cell * w)
        sparse, dense = self.prompt_encoder(points, boxes, masks, input_size_hw=frame_hw, grid_hw=grid_hw)
        low_res_logits, predicted_iou = self.mask_decoder(
            embeddings,
            self.prompt_encoder.get_dense_pe(grid_hw),
            sparse,
            dense,
            multimask,
            image_of_prompt=image_of_prompt,
        )
        return low_res_logits, predicted_iou
