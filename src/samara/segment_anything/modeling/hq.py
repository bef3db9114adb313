"""HQ-SAM's parts as in its own package: encoders that also return early features, and a decoder for them.

Source: SysCV/sam-hq, `modeling/*` as in segment-anything-hq 0.3, for names, arguments and results.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from samara.networks import hq_mask_decoder, tiny_vit
from samara.networks.early_features import join_early, split_early
from samara.networks.hq_mask_decoder import HQ_PART
from samara.networks.mask_decoder import NUM_MULTIMASK, SINGLE_MASK, no_answers, weighted_sums
from samara.networks.two_way_transformer import TwoWayTransformer
from samara.segment_anything.modeling import image_encoder

Features = tuple[Tensor, list[Tensor]]
"""An image embedding (B, C, h, w) and early features, each (B, h, w, D)."""


class ImageEncoderViT(image_encoder.ImageEncoderViT):
    """ViT image encoder that also returns the output of every block with global attention."""

    def forward(self, x: Tensor) -> Features:  # type: ignore[override]  # as HQ-SAM has it
        """Encode (B, 3, H, W) → (B, C, h, w), and a list of (B, h, w, D)."""
        return self.embedding_and_global_blocks(x)


class TinyViT(tiny_vit.TinyViT):
    """TinyViT image encoder that also returns the output of its second stage."""

    def forward(self, images: Tensor) -> Features:  # type: ignore[override]  # as HQ-SAM has it
        """Encode (B, 3, H, W) → (B, C, h, w), and a list of one (B, h, w, D)."""
        features = super().forward(images)  # (B, C + V, h, w)
        channels = len(self.neck[-1].weight)  # type: ignore[arg-type]  # a norm's
        embedding, early = split_early(features, features.shape[1] - channels)
        return embedding, [early.permute(0, 2, 3, 1)]


class MaskDecoderHQ(hq_mask_decoder.HqMaskDecoder):
    """Mask decoder with an HQ token and HQ-SAM's arguments, see `samara.networks.hq_mask_decoder`.

    Args:
        transformer_dim: C.
        transformer: the two-way transformer.
        num_multimask_outputs, activation, iou_head_depth, iou_head_hidden_dim: see `MaskDecoder`.
        vit_dim: channels of the early features.
    """

    def __init__(
        self,
        *,
        transformer_dim: int,
        transformer: TwoWayTransformer,
        num_multimask_outputs: int = NUM_MULTIMASK,
        activation: Callable[[], nn.Module] = nn.GELU,
        iou_head_depth: int = 3,
        iou_head_hidden_dim: int = 256,
        vit_dim: int = 1024,
    ) -> None:
        super().__init__(
            transformer=transformer,
            early_channels=vit_dim,
            transformer_dim=transformer_dim,
            num_multimask_outputs=num_multimask_outputs,
            activation=activation,
            iou_head_depth=iou_head_depth,
            iou_head_hidden_dim=iou_head_hidden_dim,
        )
        self.num_mask_tokens = num_multimask_outputs + 2  # including the HQ token

    def forward(  # type: ignore[override]  # noqa: PLR0917 - HQ-SAM's own arguments
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
        multimask_output: bool,
        hq_token_only: bool = False,
        interm_embeddings: list[Tensor] | Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Predict the masks of N prompts.

        Args:
            image_embeddings: (B, C, h, w); with early features appended, (B, C + V, h, w), if `interm_embeddings` is
                None.
            image_pe: (1, C, h, w).
            sparse_prompt_embeddings: (N, T, C).
            dense_prompt_embeddings: (N, C, h, w).
            multimask_output: start from the best of three masks instead of the single one.
            hq_token_only: return the HQ mask alone, without SAM's.
            interm_embeddings: early features, (B, h, w, V); only the first is used.

        Returns:
            low_res_logits (N, 1, 4h, 4w) and predicted IoU (N, 1).
        """
        if not len(sparse_prompt_embeddings):
            return no_answers(image_embeddings, 1)
        features = image_embeddings
        if interm_embeddings is not None:
            features = join_early(image_embeddings, interm_embeddings[0].permute(0, 3, 1, 2))
        embedding, _ = split_early(features, self.early_channels)
        logits, iou = self.predict_masks(
            image_embeddings=embedding,
            image_pe=image_pe,
            sparse_prompt_embeddings=sparse_prompt_embeddings,
            dense_prompt_embeddings=dense_prompt_embeddings,
            hq_features=self.details_of(features),
        )
        return answer(logits, iou, multimask_output, hq_token_only)

    def predict_masks(
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
        hq_features: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Predict all masks of N prompts: SAM's single one, its three, and the HQ mask.

        Args:
            image_embeddings: (B, C, h, w), without early features.
            image_pe: (1, C, h, w).
            sparse_prompt_embeddings: (N, T, C).
            dense_prompt_embeddings: (N, C, h, w).
            hq_features: (B, C / 8, 4h, 4w), from `details_of`.

        Returns:
            Logits (N, 1 + 3 + 1, 4h, 4w) and predicted IoU (N, 1 + 3).
        """
        prompts = len(sparse_prompt_embeddings)
        tokens, image = self._attend(
            image_embeddings,
            image_pe.expand(prompts, -1, -1, -1),
            sparse_prompt_embeddings,
            dense_prompt_embeddings.expand(prompts, -1, -1, -1),
            image_of_prompt=None,
        )
        iou: Tensor = self.iou_prediction_head(tokens[:, 0])
        upscaled = self.output_upscaling(image)
        of_sam = weighted_sums(self._weights(tokens[:, 1:-1], slice(None)), upscaled)
        of_hq = weighted_sums(self.hf_mlp(tokens[:, -1:]), self.embedding_maskfeature(upscaled) + hq_features)
        return torch.cat([of_sam, of_hq], dim=1), iou


def answer(logits: Tensor, scores: Tensor, multimask: bool, hq_token_only: bool) -> tuple[Tensor, Tensor]:
    """Return HQ-SAM's one mask per prompt.

    Args:
        logits: (N, 1 + 3 + 1, 4h, 4w), from `predict_masks`.
        scores: (N, 1 + 3), optionally with one more column.
        multimask: start from the best of the three masks instead of the single one.
        hq_token_only: return the HQ mask alone.

    Returns:
        Logits (N, 1, 4h, 4w), and the score (N, 1) of SAM's mask.
    """
    of_sam, of_hq = logits[:, :-1], logits[:, -1:]
    if multimask:
        best = scores[:, 1 : of_sam.shape[1]].argmax(dim=1, keepdim=True) + 1  # (N, 1)
        scores = scores.take_along_dim(best, dim=1)
        of_sam = of_sam.take_along_dim(best[..., None, None], dim=1)
    else:
        scores, of_sam = scores[:, SINGLE_MASK], of_sam[:, SINGLE_MASK]
    return of_hq if hq_token_only else of_sam + of_hq, scores


def freeze_all_but_hq_part(network: nn.Module) -> None:
    """Freeze everything that HQ-SAM did not train, as its own package does when building a network."""
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.removeprefix("mask_decoder.").startswith(HQ_PART))
