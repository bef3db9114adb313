"""SAM 2's mask decoder: SAM's, with an object score and with finer maps of the image added while masks are upsampled.

All image embeddings here include packed finer maps (`finer_maps`). The predicted IoU goes through a sigmoid. For a
single mask, it returns another one if the first is not stable; this is known only after drawing, so it is done by
`single_of`, not by `look` and `draw`.

Source: Ravi et al. 2024 (SAM 2), section 4 "Mask decoder" and appendix C.1; facebookresearch/sam2
`modeling/sam/mask_decoder.py` and `build_sam.py` (constants of the rule of stability) @2b90b9f.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from samara.networks.architectures import FinerMap
from samara.networks.finer_maps import unpack
from samara.networks.layers import MLP, learned_tokens
from samara.networks.mask_decoder import SINGLE_MASK, THREE_MASKS, Look, MaskDecoder, Shared, no_answers
from samara.networks.pixelwise import as_linear
from samara.networks.plain import module_parts
from samara.networks.shared_image import PromptedImages
from samara.networks.two_way_transformer import TwoWayTransformer

ALL_MASKS = slice(None)

STABILITY_OFFSET = 0.05
STABILITY_THRESH = 0.98


@dataclass(frozen=True)
class PixelMaps:
    """The finer maps of one image, in the order in which pixels of the grid are doubled, see `_by_pixel`.

    Attributes:
        finest: (h · w · 16, C / 8).
        finer: (h · w · 4, C / 4).
    """

    finest: Tensor
    finer: Tensor


@dataclass(frozen=True)
class Sam2Look(Look):
    """The state after the tokens attended to the image; N prompts.

    Attributes:
        mask_tokens: (N, 1 + 3, C).
        image: (N, C, h, w), the image updated by the prompts; or its components.
        predicted_iou: (N, 1 + 3), in [0, 1].
        object_score: (N, 1) logits, whether there is an object. The official image predictor does not use it.
        details: (B, C + V, h, w), details of the images, see `Sam2MaskDecoder.details_of`; or of the image
            they share.
        image_of_prompt: (N,) int64; None if all prompts are on one image.
    """

    object_score: Tensor
    details: Tensor | PixelMaps
    image_of_prompt: Tensor | None


class Sam2TwoWayTransformer(TwoWayTransformer):
    """SAM's transformer with SAM 2's key names, which differ in the feed-forward part of a block."""

    def __init__(self, embedding_dim: int = 256, mlp_dim: int = 2048) -> None:
        super().__init__(embedding_dim=embedding_dim, mlp_dim=mlp_dim)
        for block in self.layers:
            block.mlp = MLP(embedding_dim, mlp_dim, embedding_dim, num_layers=2)


class Sam2MaskDecoder(MaskDecoder):
    """Predict masks.

    Args:
        transformer: the two-way transformer, of width `transformer_dim`.
        transformer_dim: C of embeddings and tokens.
        by_stability: whether to replace an unstable single mask by the best of three, as set by the official loader;
            never in training mode.
    """

    iou_token_index = 1  # behind the object score's
    logit_limit: float = 32.0  # sam2_image_predictor.py; masks are made of what was not clamped
    stability_offset = STABILITY_OFFSET
    stability_thresh = STABILITY_THRESH

    def __init__(
        self, *, transformer: Sam2TwoWayTransformer, transformer_dim: int = 256, by_stability: bool = True
    ) -> None:
        super().__init__(transformer=transformer, transformer_dim=transformer_dim)
        drawn, middle = transformer_dim // 8, transformer_dim // 4
        self.by_stability = by_stability
        self.finer_maps = (FinerMap(channels=drawn, scale=4), FinerMap(channels=middle, scale=2))
        self.iou_prediction_head.sigmoid_output = True
        self.obj_score_token = learned_tokens(1, transformer_dim)
        self.pred_obj_score_head = MLP(transformer_dim, transformer_dim, 1, 3)
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
    ) -> tuple[Tensor, Tensor]:
        """Predict the masks of N prompts.

        Args:
            image_embeddings: (B, C + V, h, w), with finer maps.
            image_pe: (1, C, h, w).
            sparse_prompt_embeddings: (N, T, C).
            dense_prompt_embeddings: (N, C, h, w).
            multimask_output: three masks for an ambiguous prompt instead of one.
            image_of_prompt: (N,) int64, see `MaskDecoder.forward`.

        Returns:
            low_res_logits: (N, M, 4h, 4w), M = 3 or 1; mask where > 0.
            predicted_iou: (N, M), in [0, 1].

        Raises:
            ValueError: B is neither 1 nor N and `image_of_prompt` is not given, or there are no finer maps.
        """
        if not len(sparse_prompt_embeddings):
            return no_answers(image_embeddings, 3 if multimask_output else 1)
        look = self.look(
            image_embeddings,
            image_pe,
            sparse_prompt_embeddings,
            dense_prompt_embeddings,
            image_of_prompt=image_of_prompt,
        )
        if multimask_output:
            return self.draw(look, THREE_MASKS), look.predicted_iou[:, THREE_MASKS]
        return self.draw_single(look)

    @property
    def masks_for_single(self) -> slice:
        """All masks if stability decides, else the first."""
        return ALL_MASKS if self.by_stability and not self.training else SINGLE_MASK

    def single_of(self, logits: Tensor, predicted_iou: Tensor) -> tuple[Tensor, Tensor]:
        """Return the first mask, or the best of three by predicted IoU if the first one's stability is below 0.98."""
        if logits.shape[1] == 1:
            return logits, predicted_iou
        best = 1 + predicted_iou[:, THREE_MASKS].argmax(dim=1, keepdim=True)  # (N, 1)
        is_stable = stability(self._sams(logits), self.stability_offset) >= self.stability_thresh
        chosen = torch.where(is_stable, 0, best)
        return logits.take_along_dim(chosen[..., None, None], dim=1), predicted_iou.take_along_dim(chosen, dim=1)

    def _sams(self, logits: Tensor) -> Tensor:
        """The first of the drawn masks, (N, 1, 4h, 4w)."""
        return logits[:, :1]

    def output_tokens(self) -> Tensor:
        """Return the output tokens, (1 + 1 + 4, C)."""
        return torch.cat([self.obj_score_token.weight, super().output_tokens()])

    def details_of(self, image_embeddings: Tensor) -> Tensor:
        """Return the embeddings unchanged: the finer maps are split off when masks are drawn."""
        return image_embeddings

    @property
    def further_channels(self) -> int:
        """V, number of channels of the packed finer maps."""
        return sum(one.packed_channels for one in self.finer_maps)

    def embedding_of(self, image_embeddings: Tensor) -> Tensor:
        """Return the image embeddings without finer maps."""
        embedding = image_embeddings[:, : -self.further_channels]
        if embedding.shape[1] != self.transformer_dim:
            raise ValueError(
                f"an image embedding of {image_embeddings.shape[1]} channels is not from SAM 2, which has "
                f"{self.transformer_dim} followed by {self.further_channels} of finer maps"
            )
        return embedding

    def share(
        self, image_embedding: Tensor, image_pe: Tensor, dense_prompt_embedding: Tensor, dtype: torch.dtype
    ) -> Shared:
        """As `MaskDecoder.share`, with the finer maps in the order in which pixels are drawn."""
        shared = super().share(image_embedding, image_pe, dense_prompt_embedding, dtype)
        _, maps = unpack(image_embedding, self.finer_maps)
        grid_hw = (image_embedding.shape[-2], image_embedding.shape[-1])
        return replace(shared, details=PixelMaps(*(_by_pixel(one, grid_hw).to(dtype) for one in maps)))

    def _judge(
        self, tokens: Tensor, image: Tensor | PromptedImages, details: object, image_of_prompt: Tensor | None
    ) -> Sam2Look:
        """Evaluate the output tokens (N, 1 + 1 + 4, C)."""
        assert isinstance(details, Tensor | PixelMaps), "this decoder computes them"
        if image_of_prompt is None and isinstance(details, Tensor) and len(details) > 1:  # one prompt per image
            image_of_prompt = torch.arange(len(details), device=details.device)
        return Sam2Look(
            mask_tokens=tokens[:, 2:],
            image=image,
            predicted_iou=self.iou_prediction_head(tokens[:, 1]),
            object_score=self.pred_obj_score_head(tokens[:, 0]),
            details=details,
            image_of_prompt=image_of_prompt,
        )

    def _maps(self, look: Look) -> tuple[Tensor, Tensor]:
        """Return the finer maps of each prompt: (1 or N, C / 8, 4h, 4w) and (1 or N, C / 4, 2h, 2w)."""
        details = _checked(look).details
        assert isinstance(details, Tensor), "only prompts that share an image have others"
        _, (finest, finer) = unpack(details, self.finer_maps)
        of_prompt = _checked(look).image_of_prompt
        return (finest, finer) if of_prompt is None else (finest[of_prompt], finer[of_prompt])

    def _upscaled(self, look: Look, image: Tensor) -> Tensor:
        finest, finer = self._maps(look)
        first, norm, activation, second = self.upscaling_layers()
        x = activation(norm(first(image) + finer))
        upscaled: Tensor = activation(second(x) + finest)
        return upscaled

    def _upscaled_pixels(self, look: Look, images: PromptedImages) -> Iterator[Tensor]:
        """Like `MaskDecoder._upscaled_pixels`, adding the maps to a pixel's four successors, and theirs."""
        first, norm, activation, second = self.upscaling_layers()
        weight, first_bias = as_linear(first)
        dtype = images.projected.dtype
        second_weight, second_bias = (tensor.to(dtype) for tensor in as_linear(second))
        gain, shift = norm.weight.to(dtype), norm.bias.to(dtype)
        maps = _checked(look).details
        assert isinstance(maps, PixelMaps), "made by `share`"
        first_bias = first_bias.to(dtype) + maps.finer.view(-1, len(first_bias))
        for pixels in images.project(weight):
            pixels += first_bias
            x = F.layer_norm(pixels.view(-1, len(gain)), gain.shape, gain, shift, norm.eps)
            x = F.linear(activation(x), second_weight, second_bias).view(len(pixels), *maps.finest.shape)
            yield activation(x.add_(maps.finest))


def _checked(look: Look) -> Sam2Look:
    if not isinstance(look, Sam2Look):
        raise TypeError(f"SAM 2's mask decoder draws only the result of its own look, not a {type(look).__name__}")
    return look


def stability(logits: Tensor, offset: float = STABILITY_OFFSET) -> Tensor:
    """Return the fraction of pixels above −offset that are above offset; 1 without any. (N, M, H, W) → (N, M)."""
    inner = (logits > offset).sum(dim=(-2, -1)).float()
    outer = (logits > -offset).sum(dim=(-2, -1)).float()
    return torch.where(outer > 0, inner / outer.clamp(min=1), 1.0)


def _by_pixel(finer: Tensor, grid_hw: tuple[int, int]) -> Tensor:
    """Rearrange a finer map in the order of repeated upsampling of a grid pixel by two.

    Args:
        finer: (1, C, s·h, s·w), s = 2 or 4.
        grid_hw: (h, w).

    Returns:
        (h · w · s², C); for s = 4, for each pixel its four successors, and for each of those its own four.
    """
    h, w = grid_hw
    scale = finer.shape[-1] // w
    sides = [2] * (scale.bit_length() - 1)
    blocks = finer[0].view(-1, h, *sides, w, *sides)
    count = len(sides)
    doublings = [axis for step in range(count) for axis in (2 + step, 3 + count + step)]
    return blocks.permute(1, 2 + count, *doublings, 0).reshape(h * w * scale**2, -1)
