"""SAM 2 and SAM 2.1 for images: encoder, prompt encoder and mask decoder, without the memory for videos.

Both generations are the same network here, since SAM 2.1's additions belong to the video memory. Of the memory only one
vector remains, added to every image embedding like the official code does without memories. Attribute names are the
published keys; `samara.checkpoints.reading.sam2_names` drops those of the memory.

Source: Ravi et al. 2024 (SAM 2), section 4; facebookresearch/sam2 `sam2_image_predictor.py` and
`modeling/sam2_base.py` @2b90b9f.
"""

from __future__ import annotations

from dataclasses import asdict

import torch
from torch import Tensor, nn

from samara.networks.architectures import HieraConfig
from samara.networks.finer_maps import pack
from samara.networks.fpn_neck import FpnNeck
from samara.networks.hiera import Hiera, HieraEncoder
from samara.networks.sam2_mask_decoder import Sam2MaskDecoder, Sam2TwoWayTransformer
from samara.networks.sam2_prompt_encoder import Sam2PromptEncoder

PATCH = 16
"""Pixels of the input per cell of the embedding grid, along each side."""


class Sam2(nn.Module):
    """The image path.

    Args:
        image_encoder: (B, 3, H, W) → three levels, see `HieraEncoder`.
        sam_prompt_encoder: points, boxes and masks → embeddings.
        sam_mask_decoder: embeddings → mask logits and predicted IoU.
    """

    def __init__(
        self, *, image_encoder: HieraEncoder, sam_prompt_encoder: Sam2PromptEncoder, sam_mask_decoder: Sam2MaskDecoder
    ) -> None:
        super().__init__()
        self.image_encoder = image_encoder
        self.sam_prompt_encoder = sam_prompt_encoder
        self.sam_mask_decoder = sam_mask_decoder
        self.no_mem_embed = nn.Parameter(torch.zeros(1, 1, sam_mask_decoder.transformer_dim))

    def embed(self, images: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Embed images.

        Args:
            images: (B, 3, H, W), squashed to the input size and normalised; H and W multiples of 32.

        Returns:
            embedding: (B, C, h, w).
            finer maps: (B, C / 8, 4h, 4w) and (B, C / 4, 2h, 2w).

        Raises:
            ValueError: H or W is not a multiple of 32.
        """
        finest, finer, level = self.image_encoder(images)
        return level + self.no_mem_embed.view(1, -1, 1, 1), self.sam_mask_decoder.reduce(finest, finer)

    def features(self, images: Tensor) -> Tensor:
        """Run `embed` and pack the result into one tensor, (B, C + V, h, w), for `predict`; see `finer_maps`."""
        return pack(*self.embed(images))

    def predict(
        self,
        features: Tensor,
        points: tuple[Tensor, Tensor] | None = None,
        boxes: Tensor | None = None,
        masks: Tensor | None = None,
        *,
        image_of_prompt: Tensor | None = None,
        multimask: bool = True,
    ) -> tuple[Tensor, Tensor]:
        """Predict the masks of N prompts on B embedded images.

        Args:
            features: (B, C + V, h, w), from `features`.
            points: coordinates (N, P, 2) in the input frame and labels (N, P); pad with label −1.
            boxes: (N, 4) xyxy in the input frame.
            masks: (N, 1, 4h, 4w) logits.
            image_of_prompt: (N,) int64; optional if B is 1 or N.
            multimask: three masks per prompt instead of one.

        Returns:
            low_res_logits: (N, M, 4h, 4w), not clamped, see `sam2_mask_decoder.LOGIT_LIMIT`.
            predicted_iou: (N, M), in [0, 1].
        """
        h, w = features.shape[-2:]
        sparse, dense = self.sam_prompt_encoder(
            points, boxes, masks, input_size_hw=(PATCH * h, PATCH * w), grid_hw=(h, w)
        )
        positions = self.sam_prompt_encoder.get_dense_pe((h, w))
        low_res_logits, predicted_iou = self.sam_mask_decoder(
            features, positions, sparse, dense, multimask, image_of_prompt=image_of_prompt
        )
        return low_res_logits, predicted_iou

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
        """Embed and predict in one differentiable pass; arguments as in `embed` and `predict`."""
        return self.predict(
            self.features(images), points, boxes, masks, image_of_prompt=image_of_prompt, multimask=multimask
        )


def build_sam2(config: HieraConfig, input_size: int = 1024) -> Sam2:
    """Build the image path with untrained weights, on torch's current default device.

    Args:
        config: the encoder's numbers; everything else is the same for all sizes.
        input_size: side in pixels of the square input; no weight depends on it.
    """
    trunk = Hiera(**asdict(config))
    grid = input_size // PATCH
    return Sam2(
        image_encoder=HieraEncoder(trunk=trunk, neck=FpnNeck(trunk.widths)),
        sam_prompt_encoder=Sam2PromptEncoder(
            input_image_size=(input_size, input_size), image_embedding_size=(grid, grid)
        ),
        sam_mask_decoder=Sam2MaskDecoder(transformer=Sam2TwoWayTransformer()),
    )
