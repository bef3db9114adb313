"""SAM's mask decoder: prompt embeddings and an image embedding become mask logits and their predicted IoU.

Source: Kirillov et al. 2023, appendix A "Lightweight mask decoder"; segment-anything `modeling/mask_decoder.py`
@dca509f for key names and constants. The call signature is the official one; `image_of_prompt` is samara's addition: it
lets one call serve several images, each with its own number of prompts.

The forward pass has two halves, so that a caller can filter prompts by their predicted IoU (`look`) before computing
their masks (`draw`). For many prompts on one image, `share` and `look_shared` do the first half with an eighth of the
arithmetic; `look` is the plain form, and the one for training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.networks import ranking
from samara.networks.layers import MLP, LayerNorm2d, learned_tokens
from samara.networks.pixelwise import as_linear, normalise_pixels, place_pixels, sums_of_pixels
from samara.networks.plain import module_parts
from samara.networks.shared_attention import attend
from samara.networks.shared_image import PromptedImages, SharedImage, share_image
from samara.networks.two_way_transformer import TwoWayTransformer
from samara.networks.variant import Ranking

NUM_MULTIMASK = 3
SINGLE_MASK = slice(0, 1)
THREE_MASKS = slice(1, None)


@dataclass(frozen=True)
class Look:
    """The state after the tokens attended to the image; N prompts.

    Attributes:
        mask_tokens: (N, 1 + 3, C), token 0 for the single mask, the others for three.
        image: (N, C, h, w), the image updated by the prompts; or its components, if prompts shared an image.
        predicted_iou: (N, 1 + 3).
    """

    mask_tokens: Tensor
    image: Tensor | PromptedImages
    predicted_iou: Tensor

    OF_IMAGES: ClassVar = frozenset({"details"})
    """Attributes of the images; all others have an entry per prompt, or are None."""

    def __getitem__(self, prompts: Tensor) -> Self:
        """Select some of the prompts: (K,) indices or (N,) booleans."""
        of_prompts = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in self.OF_IMAGES}
        return replace(self, **{name: value[prompts] for name, value in of_prompts.items() if value is not None})


@dataclass(frozen=True)
class Shared:
    """Results of the decoder for one image that do not depend on prompts.

    Attributes:
        image: input of the transformer.
        details: input of `draw`, see `MaskDecoder.details_of`; None, a tensor, or what the decoder made of it.
    """

    image: SharedImage
    details: object


class MaskDecoder(nn.Module):
    """Predict masks.

    Args:
        transformer: the two-way transformer, of width `transformer_dim`.
        transformer_dim: C of embeddings and tokens.
        num_multimask_outputs: number of masks for an ambiguous prompt; three in every published checkpoint.
        activation: activation between the upscaling layers, and after the last.
        iou_head_depth: layers of the head that predicts IoU.
        iou_head_hidden_dim: its hidden width.
    """

    iou_token_index = 0
    """Which of the output tokens predicts IoU; the mask tokens follow it."""

    logit_limit: float | None = None
    """Low-res logits are clamped to ± this where a caller gets them, or the prompt encoder; None for no limit."""

    ranks_by: Ranking = "predicted IoU"
    """What its masks are ranked by, see `scores_of`."""

    def __init__(
        self,
        *,
        transformer: TwoWayTransformer,
        transformer_dim: int = 256,
        num_multimask_outputs: int = NUM_MULTIMASK,
        activation: Callable[[], nn.Module] = nn.GELU,
        iou_head_depth: int = 3,
        iou_head_hidden_dim: int = 256,
    ) -> None:
        super().__init__()
        self.transformer = transformer
        self.transformer_dim = transformer_dim
        self.num_multimask_outputs = num_multimask_outputs
        self.num_mask_tokens = 1 + num_multimask_outputs
        self.iou_token = learned_tokens(1, transformer_dim)
        self.mask_tokens = learned_tokens(self.num_mask_tokens, transformer_dim)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(transformer_dim, transformer_dim // 4, kernel_size=2, stride=2),
            LayerNorm2d(transformer_dim // 4),
            activation(),
            nn.ConvTranspose2d(transformer_dim // 4, transformer_dim // 8, kernel_size=2, stride=2),
            activation(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            MLP(transformer_dim, transformer_dim, transformer_dim // 8, 3) for _ in range(self.num_mask_tokens)
        )
        self.iou_prediction_head = MLP(transformer_dim, iou_head_hidden_dim, self.num_mask_tokens, iou_head_depth)
        self.made_of = module_parts(self)

    def ranking_by(self, ranks_by: Ranking) -> Self:
        """Set what its masks are ranked by; the constructor has the official arguments alone."""
        self.ranks_by = ranks_by
        return self

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
            image_embeddings: (B, C, h, w), output of the image encoder.
            image_pe: (1, C, h, w), positions of the grid.
            sparse_prompt_embeddings: (N, T, C).
            dense_prompt_embeddings: (N, C, h, w).
            multimask_output: three masks for an ambiguous prompt instead of one.
            image_of_prompt: (N,) int64, index of each prompt's image. Without it, B must be 1
                (all prompts on one image) or N (one prompt per image).

        Returns:
            low_res_logits: (N, M, 4h, 4w), M = 3 or 1; mask where > 0.
            predicted_iou: (N, M), a regression, can leave [0, 1].

        Raises:
            ValueError: B is neither 1 nor N and `image_of_prompt` is not given.
        """
        return self._answer(
            THREE_MASKS if multimask_output else SINGLE_MASK,
            image_embeddings,
            image_pe,
            sparse_prompt_embeddings,
            dense_prompt_embeddings,
            image_of_prompt=image_of_prompt,
        )

    def _answer(self, masks: slice, *asked: Tensor, image_of_prompt: Tensor | None) -> tuple[Tensor, Tensor]:
        """Predict some of the masks of N prompts; `asked` are the first four arguments of `forward`."""
        image_embeddings, _, sparse_prompt_embeddings, _ = asked
        if not len(sparse_prompt_embeddings):
            return no_answers(image_embeddings, len(range(self.num_mask_tokens)[masks]))
        look = self.look(*asked, image_of_prompt=image_of_prompt)
        return self.draw(look, masks), look.predicted_iou[:, masks]

    def look(
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
        *,
        image_of_prompt: Tensor | None = None,
        details: Tensor | None = None,
    ) -> Look:
        """Run the first half: attend from tokens to the image and predict every mask's IoU; arguments as in `forward`.

        `details` is the result of `details_of` for these images, computed here if needed and not given.
        """
        tokens, image = self._attend(
            self.embedding_of(image_embeddings),
            image_pe,
            sparse_prompt_embeddings,
            dense_prompt_embeddings,
            image_of_prompt,
        )
        details = self.details_of(image_embeddings) if details is None else details
        return self._judge(tokens, image, details, image_of_prompt)

    def share(
        self, image_embedding: Tensor, image_pe: Tensor, dense_prompt_embedding: Tensor, dtype: torch.dtype
    ) -> Shared:
        """Compute what all prompts on one image share, for `look_shared`.

        Args:
            image_embedding: (1, C, h, w).
            image_pe: (1, C, h, w).
            dense_prompt_embedding: (1, C, h, w), for prompts without a mask.
            dtype: dtype of the prompts' computation.
        """
        image = self.embedding_of(image_embedding) + dense_prompt_embedding
        weight, _ = as_linear(self.upscaling_layers()[0])
        shared = share_image(self.transformer, image[0], image_pe[0], weight, dtype)
        return Shared(shared, self.details_of(image_embedding))

    def look_shared(self, shared: Shared, sparse_prompt_embeddings: Tensor) -> Look:
        """Run `look` for N prompts on the image of `share`; call it without gradients.

        Args:
            shared: result of this decoder's `share`.
            sparse_prompt_embeddings: (N, T, C).
        """
        tokens, images = attend(self.transformer, shared.image, self._tokens(sparse_prompt_embeddings))
        return self._judge(tokens[:, : len(self.output_tokens())], images, shared.details, None)

    def details_of(self, image_embeddings: Tensor) -> Tensor | None:
        """Compute prompt-independent results of images, for callers that use them repeatedly.

        None for SAM; see `HqMaskDecoder`.
        """
        del image_embeddings
        return None

    @property
    def detail_layers(self) -> nn.Module | None:
        """The layers that `details_of` depends on besides the embeddings; None for none."""
        return None

    @property
    def further_channels(self) -> int:
        """Number of channels of the image embedding that the transformer does not see: early features, finer maps."""
        return 0

    @property
    def weight_channels(self) -> int:
        """Number of weights that draw one mask from the channels of an upscaled image."""
        return self.transformer_dim // 8

    def draw(self, look: Look, masks: slice) -> Tensor:
        """Run the second half: the logits of some of the masks of each prompt, (N, M, 4h, 4w)."""
        weights = self._weights(look.mask_tokens, masks)
        if isinstance(look.image, Tensor):
            return weighted_sums(weights, self._upscaled(look, look.image))
        sums = weights.new_empty(*weights.shape[:2], *(4 * side for side in look.image.grid_hw))
        start = 0
        for pixels in self._upscaled_pixels(look, look.image):
            part = slice(start, start + len(pixels))
            drawn = sums_of_pixels(weights[part].to(pixels.dtype), pixels)
            place_pixels(sums[part].flatten(0, 1), drawn.flatten(0, 1), look.image.grid_hw)
            start = part.stop
        return sums

    def draw_single(self, look: Look) -> tuple[Tensor, Tensor]:
        """Second half for the single mask of each prompt: logits (N, 1, 4h, 4w) and predicted IoU (N, 1)."""
        masks = self.masks_for_single
        return self.single_of(self.draw(look, masks), look.predicted_iou[:, masks])

    @property
    def masks_for_single(self) -> slice:
        """The masks that have to be drawn to know which one is the single mask; only that one, mostly."""
        return SINGLE_MASK

    def single_of(self, logits: Tensor, predicted_iou: Tensor) -> tuple[Tensor, Tensor]:
        """Choose the single mask among `masks_for_single`.

        Args:
            logits: (N, M, 4h, 4w).
            predicted_iou: (N, M).

        Returns:
            (N, 1, 4h, 4w) and (N, 1).
        """
        return logits, predicted_iou

    def worth_drawing(self, predicted_iou: Tensor, threshold: float) -> Tensor:
        """See `ranking.worth_drawing`."""
        return ranking.worth_drawing(self.ranks_by, predicted_iou, threshold)

    def scores_of(self, logits: Tensor, predicted_iou: Tensor) -> Tensor:
        """See `ranking.scores`."""
        return ranking.scores(self.ranks_by, logits, predicted_iou)

    def _judge(
        self,
        tokens: Tensor,
        image: Tensor | PromptedImages,
        details: object,
        image_of_prompt: Tensor | None,
    ) -> Look:
        """Evaluate the output tokens (N, 1 + 4, C)."""
        return Look(mask_tokens=tokens[:, 1:], image=image, predicted_iou=self.iou_prediction_head(tokens[:, 0]))

    def embedding_of(self, image_embeddings: Tensor) -> Tensor:
        """Return the part of image embeddings that the transformer sees: all of it."""
        return image_embeddings

    def _tokens(self, sparse_prompt_embeddings: Tensor) -> Tensor:
        """Prepend the output tokens to those of the prompts: (N, T, C) → (N, 1 + 4 + T, C)."""
        output_tokens = self.output_tokens().expand(len(sparse_prompt_embeddings), -1, -1)
        return torch.cat([output_tokens, sparse_prompt_embeddings], dim=1)

    def _upscaled(self, look: Look, image: Tensor) -> Tensor:
        """Compute the upscaled image for drawing masks, (N, C / 8, 4h, 4w); `image` is the look's."""
        del look
        upscaled: Tensor = self.output_upscaling(image)
        return upscaled

    def _upscaled_pixels(self, look: Look, images: PromptedImages) -> Iterator[Tensor]:
        """Compute `_upscaled` for some prompts at a time, pixel by pixel: (n, L · 16, C / 8), see `place_pixels`.

        A transposed convolution whose kernel is as wide as its stride is a linear layer with a pixel's four successors
        as outputs.
        """
        del look
        first, norm, activation, second = self.upscaling_layers()
        weight, first_bias = as_linear(first)
        dtype = images.projected.dtype
        second_weight, second_bias = (tensor.to(dtype) for tensor in as_linear(second))
        for pixels in images.project(weight):
            pixels += first_bias.to(dtype)
            x = normalise_pixels(norm, pixels.view(len(pixels), -1, norm.weight.numel()))
            x = activation(F.linear(activation(x), second_weight, second_bias))
            yield x.view(len(pixels), -1, len(second_bias) // 4)

    def upscaling_layers(self) -> tuple[nn.ConvTranspose2d, LayerNorm2d | nn.GroupNorm, nn.GELU, nn.ConvTranspose2d]:
        """The layers of `output_upscaling`; the activation is also the last one."""
        first, norm, activation, second, _ = self.output_upscaling
        return first, norm, activation, second  # type: ignore[return-value]  # built above, in this order

    def output_tokens(self) -> Tensor:
        """Return the output tokens, (1 + 4, C)."""
        return torch.cat([self.iou_token.weight, self.mask_tokens.weight])

    def _attend(
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
        image_of_prompt: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """Run the transformer; return output tokens (N, 1 + 4, C) and image (N, C, h, w), updated by each other."""
        tokens = self._tokens(sparse_prompt_embeddings)
        image = _image_per_prompt(image_embeddings, image_of_prompt, len(tokens)) + dense_prompt_embeddings
        tokens, image_tokens = self.transformer(image, image_pe, tokens)
        # (N, h · w, C) → (N, C, h, w)
        return tokens[:, : len(self.output_tokens())], image_tokens.transpose(1, 2).view_as(image)

    def _weights(self, mask_tokens: Tensor, masks: slice) -> Tensor:
        """Compute channel weights of the upscaled image for some of the four masks: (N, 4, C) → (N, M, C / 8)."""
        chosen = list(self.output_hypernetworks_mlps)[masks]
        tokens = mask_tokens[:, masks].unbind(1)
        return torch.stack([mlp(token) for mlp, token in zip(chosen, tokens, strict=True)], dim=1)


def no_answers(image_embeddings: Tensor, masks: int) -> tuple[Tensor, Tensor]:
    """Return the result for no prompts, M masks each: logits (0, M, 4h, 4w) and predicted IoU (0, M)."""
    h, w = image_embeddings.shape[-2:]
    return image_embeddings.new_zeros(0, masks, 4 * h, 4 * w), image_embeddings.new_zeros(0, masks)


def weighted_sums(weights: Tensor, features: Tensor) -> Tensor:
    """Compute weighted sums of channels: (N, M, K) and (N, K, H, W) → (N, M, H, W)."""
    sums: Tensor = weights @ features.flatten(2)  # (N, M, H · W)
    return sums.view(*sums.shape[:2], *features.shape[-2:])


def whole_image(image: Tensor | PromptedImages) -> Tensor:
    """Return the images of a `Look`, (N, C, h, w)."""
    return image if isinstance(image, Tensor) else image.whole()


def _image_per_prompt(image_embeddings: Tensor, image_of_prompt: Tensor | None, prompts: int) -> Tensor:
    """Return the embedding of each prompt: (B, C, h, w) → (N, C, h, w) or (1, C, h, w)."""
    if image_of_prompt is not None:
        return image_embeddings[image_of_prompt]
    images = image_embeddings.shape[0]
    if images not in (1, prompts):
        raise ValueError(f"{images} images and {prompts} prompts: pass the image of each prompt as image_of_prompt")
    return image_embeddings
