"""HQ-SAM's mask decoder: SAM's plus one token that draws a finer mask from early features of the encoder.

SAM's own parts are unchanged. The HQ token goes through the transformer with the others; its mask is drawn on SAM's
upscaled image, convolved, plus *details* of the image that do not depend on prompts: early features and image
embedding, both upsampled to a quarter of the input's resolution. The published result is the sum of SAM's mask and the
HQ mask.

HQ-SAM returns one mask per prompt, regardless of `multimask`: built on SAM's single mask, or on the one of the three
with the best predicted IoU. So `Look.predicted_iou` has two columns here, and the slices of `mask_decoder` keep their
meaning: `SINGLE_MASK` is the first, `THREE_MASKS` the best of three.

Source: Ke et al. 2023 (HQ-SAM), section 3.2 and figure 2; SysCV/sam-hq `modeling/mask_decoder_hq.py` (as in
segment-anything-hq 0.3) for key names, constants and the choice of masks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from samara.networks.early_features import split_early
from samara.networks.layers import MLP, LayerNorm2d, learned_tokens
from samara.networks.mask_decoder import (
    NUM_MULTIMASK,
    SINGLE_MASK,
    THREE_MASKS,
    Look,
    MaskDecoder,
    no_answers,
    weighted_sums,
    whole_image,
)
from samara.networks.plain import module_parts
from samara.networks.shared_image import PromptedImages
from samara.networks.two_way_transformer import TwoWayTransformer

HQ_PART = ("hf_token.", "hf_mlp.", "compress_vit_feat.", "embedding_encoder.", "embedding_maskfeature.")
"""Prefixes of the decoder's HQ parameters: the only ones HQ-SAM trained, on a frozen SAM."""

ALL_MASKS = slice(None)


@runtime_checkable
class DrawsHqMask(Protocol):
    """A mask decoder with an HQ token."""

    def draw_hq(self, look: Look) -> Tensor:
        """Draw the HQ mask alone, (N, 1, 4h, 4w) logits."""

    def iou_of_hq(self, predicted_iou: Tensor, *, multimask: bool) -> Tensor:
        """Return which of the predictions of `Look.predicted_iou` stands for the HQ mask alone, (N, 1)."""


@dataclass(frozen=True)
class HqLook(Look):
    """The state after the tokens attended to the image; N prompts.

    Attributes:
        mask_tokens: (N, 1 + 3, C), SAM's.
        image: (N, C, h, w), the image updated by the prompts.
        predicted_iou: (N, 2), of SAM's single mask and of the best of its three.
        answers: (N, 2) int64, indices of these two among SAM's masks.
        hq_token: (N, 1, C).
        details: (B, C / 8, 4h, 4w), details of the images.
        image_of_prompt: (N,) int64; None if all prompts are on one image.
    """

    answers: Tensor
    hq_token: Tensor
    details: Tensor
    image_of_prompt: Tensor | None


class HqMaskDecoder(MaskDecoder):
    """Predict masks with an HQ token.

    All image embeddings here include early features, (B, C + V, h, w).

    Args:
        transformer: the two-way transformer, of width `transformer_dim`.
        early_channels: V, channels of the early features.
        transformer_dim, num_multimask_outputs, activation, iou_head_depth, iou_head_hidden_dim: see `MaskDecoder`.
    """

    def __init__(
        self,
        *,
        transformer: TwoWayTransformer,
        early_channels: int,
        transformer_dim: int = 256,
        num_multimask_outputs: int = NUM_MULTIMASK,
        activation: Callable[[], nn.Module] = nn.GELU,
        iou_head_depth: int = 3,
        iou_head_hidden_dim: int = 256,
    ) -> None:
        super().__init__(
            transformer=transformer,
            transformer_dim=transformer_dim,
            num_multimask_outputs=num_multimask_outputs,
            activation=activation,
            iou_head_depth=iou_head_depth,
            iou_head_hidden_dim=iou_head_hidden_dim,
        )
        middle, drawn = transformer_dim // 4, transformer_dim // 8
        self.early_channels = early_channels
        self.hf_token = learned_tokens(1, transformer_dim)
        self.hf_mlp = MLP(transformer_dim, transformer_dim, drawn, 3)
        self.compress_vit_feat = _fourfold(early_channels, transformer_dim, drawn)
        self.embedding_encoder = _fourfold(transformer_dim, middle, drawn)
        self.embedding_maskfeature = fine_features(drawn, middle)
        self.made_of = module_parts(self)

    def forward(
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
        multimask_output: bool,
        *,
        image_of_prompt: Tensor | None = None,
        hq_token_only: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Predict the masks of N prompts.

        Args:
            image_embeddings: (B, C + V, h, w), output of an image encoder with early features.
            image_pe: (1, C, h, w).
            sparse_prompt_embeddings: (N, T, C).
            dense_prompt_embeddings: (N, C, h, w).
            multimask_output: build on the best of three masks instead of the single one.
            image_of_prompt: (N,) int64, see `MaskDecoder.forward`.
            hq_token_only: return the HQ mask alone, without SAM's.

        Returns:
            low_res_logits: (N, 1, 4h, 4w).
            predicted_iou: (N, 1), SAM's for the base mask, even with `hq_token_only`.

        Raises:
            ValueError: B is neither 1 nor N and `image_of_prompt` is not given, or there are no early features.
        """
        if not len(sparse_prompt_embeddings):
            return no_answers(image_embeddings, 1)
        look = self.look(
            image_embeddings,
            image_pe,
            sparse_prompt_embeddings,
            dense_prompt_embeddings,
            image_of_prompt=image_of_prompt,
        )
        masks = THREE_MASKS if multimask_output else SINGLE_MASK
        logits = self.draw_hq(look) if hq_token_only else self.draw(look, masks)
        return logits, look.predicted_iou[:, masks]

    def embedding_of(self, image_embeddings: Tensor) -> Tensor:
        """The image embeddings without early features."""
        embedding, _ = split_early(image_embeddings, self.early_channels)
        return embedding

    def _judge(
        self,
        tokens: Tensor,
        image: Tensor | PromptedImages,
        details: object,
        image_of_prompt: Tensor | None,
    ) -> HqLook:
        """Predict IoU, and choose the best of the three masks by it."""
        assert isinstance(details, Tensor), "this decoder computes them"
        if image_of_prompt is None and len(details) > 1:  # one prompt per image
            image_of_prompt = torch.arange(len(details), device=details.device)
        iou = self.iou_prediction_head(tokens[:, 0])  # (N, 1 + 3)
        best = 1 + iou[:, THREE_MASKS].argmax(dim=1)
        answers = torch.stack([torch.zeros_like(best), best], dim=1)
        return HqLook(
            mask_tokens=tokens[:, 1:-1],
            image=image,
            predicted_iou=iou.take_along_dim(answers, dim=1),
            answers=answers,
            hq_token=tokens[:, -1:],
            details=details,
            image_of_prompt=image_of_prompt,
        )

    def details_of(self, image_embeddings: Tensor) -> Tensor:
        """Fuse early features and embeddings: (B, C + V, h, w) → (B, C / 8, 4h, 4w), the same for every prompt."""
        embedding, early = split_early(image_embeddings, self.early_channels)
        details: Tensor = self.embedding_encoder(embedding) + self.compress_vit_feat(early)
        return details

    @property
    def further_channels(self) -> int:
        """V."""
        return self.early_channels

    @property
    def weight_channels(self) -> int:
        """See `MaskDecoder.weight_channels`; SAM's and those of the HQ mask."""
        return 2 * super().weight_channels

    @property
    def detail_layers(self) -> nn.Module:
        """The layers that `details_of` depends on besides the embeddings."""
        return nn.ModuleList([self.embedding_encoder, self.compress_vit_feat])

    def draw(self, look: Look, masks: slice) -> Tensor:
        """Run the second half: the sums of SAM's masks and the HQ mask.

        Args:
            look: result of this decoder's `look`.
            masks: `SINGLE_MASK`, `THREE_MASKS` for the best of three, or both.

        Returns:
            (N, M, 4h, 4w) logits, M = 1 or 2, in the order of `look.predicted_iou`.
        """
        look = _checked(look)
        upscaled = self.output_upscaling(whole_image(look.image))  # (N, C / 8, 4h, 4w)
        weights = self._weights(look.mask_tokens, ALL_MASKS).take_along_dim(look.answers[..., None], dim=1)
        return weighted_sums(weights[:, masks], upscaled) + self._hq_mask(look, upscaled)

    def draw_hq(self, look: Look) -> Tensor:
        """Run the second half for the HQ mask alone, (N, 1, 4h, 4w) logits: the output HQ-SAM was trained on."""
        look = _checked(look)
        return self._hq_mask(look, self.output_upscaling(whole_image(look.image)))

    def iou_of_hq(self, predicted_iou: Tensor, *, multimask: bool) -> Tensor:
        """Return SAM's prediction for the mask that the HQ mask would be added to, (N, 1)."""
        return predicted_iou[:, THREE_MASKS if multimask else SINGLE_MASK]

    def _hq_mask(self, look: HqLook, upscaled: Tensor) -> Tensor:
        details = look.details if look.image_of_prompt is None else look.details[look.image_of_prompt]
        return weighted_sums(self.hf_mlp(look.hq_token), self.embedding_maskfeature(upscaled) + details)

    def output_tokens(self) -> Tensor:
        """Return the output tokens, (1 + 4 + 1, C)."""
        return torch.cat([super().output_tokens(), self.hf_token.weight])


def fine_features(channels: int, hidden: int) -> nn.Sequential:
    """Build what the HQ mask is drawn on from SAM's upscaled image: (B, C, H, W) → (B, C, H, W)."""
    return nn.Sequential(
        nn.Conv2d(channels, hidden, kernel_size=3, padding=1),
        LayerNorm2d(hidden),
        nn.GELU(),
        nn.Conv2d(hidden, channels, kernel_size=3, padding=1),
    )


def _fourfold(channels_in: int, hidden: int, channels_out: int) -> nn.Sequential:
    """Build learned upsampling by four: (B, C, h, w) → (B, C', 4h, 4w)."""
    return nn.Sequential(
        nn.ConvTranspose2d(channels_in, hidden, kernel_size=2, stride=2),
        LayerNorm2d(hidden),
        nn.GELU(),
        nn.ConvTranspose2d(hidden, channels_out, kernel_size=2, stride=2),
    )


def _checked(look: Look) -> HqLook:
    if not isinstance(look, HqLook):
        raise TypeError(
            f"an HQ mask decoder draws only the result of its own look, an HqLook, not a {type(look).__name__}"
        )
    return look
