"""SAM's prompt encoder: points, boxes and mask logits become embeddings.

Source: Kirillov et al. 2023, appendix A "Prompt encoder"; segment-anything `modeling/prompt_encoder.py` @dca509f
for key names and constants. The call signature is the official one; input size and grid can also be given per call.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.networks.layers import LayerNorm2d, learned_tokens, normal_numbers
from samara.networks.plain import module_parts

BACKGROUND, FOREGROUND, TOP_LEFT, BOTTOM_RIGHT = range(4)
PADDING = -1


class BasePromptEncoder(nn.Module):
    """What the prompt encoders of all families have.

    Args:
        embed_dim: C of the embeddings.
        input_image_size: (H, W) of the network input that coordinates refer to.
        image_embedding_size: (h, w) of the embedding grid.
    """

    always_pads = False
    """Whether padding follows the corners of a box, too."""

    def __init__(
        self, embed_dim: int, input_image_size: tuple[int, int], image_embedding_size: tuple[int, int]
    ) -> None:
        super().__init__()
        self.embed_dim = embed_dim
        self.input_image_size = input_image_size
        self.image_embedding_size = image_embedding_size
        self.pe_layer = RandomPositions(embed_dim // 2)

    def get_dense_pe(self, grid_hw: tuple[int, int] | None = None) -> Tensor:
        """Return positional encodings of the embedding grid's cells, (1, C, h, w)."""
        return self.pe_layer(grid_hw or self.image_embedding_size).unsqueeze(0)  # type: ignore[no-any-return]

    @abstractmethod
    def no_mask(self) -> Tensor:
        """Return the dense embedding of a prompt without a mask, the same for every cell: (1, C, 1, 1)."""


class PromptEncoder(BasePromptEncoder):
    """Encode prompts.

    Args:
        embed_dim, input_image_size, image_embedding_size: see `BasePromptEncoder`.
        mask_in_chans: hidden channels of the mask branch.
        activation: activation of the mask branch.
    """

    def __init__(
        self,
        *,
        embed_dim: int = 256,
        input_image_size: tuple[int, int] = (1024, 1024),
        image_embedding_size: tuple[int, int] = (64, 64),
        mask_in_chans: int = 16,
        activation: Callable[[], nn.Module] = nn.GELU,
    ) -> None:
        super().__init__(embed_dim, input_image_size, image_embedding_size)
        self.num_point_embeddings = 4
        self.point_embeddings = nn.ModuleList(learned_tokens(1, embed_dim) for _ in range(self.num_point_embeddings))
        self.not_a_point_embed = learned_tokens(1, embed_dim)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, mask_in_chans // 4, kernel_size=2, stride=2),
            LayerNorm2d(mask_in_chans // 4),
            activation(),
            nn.Conv2d(mask_in_chans // 4, mask_in_chans, kernel_size=2, stride=2),
            LayerNorm2d(mask_in_chans),
            activation(),
            nn.Conv2d(mask_in_chans, embed_dim, kernel_size=1),
        )
        self.no_mask_embed = learned_tokens(1, embed_dim)
        self.made_of = module_parts(self)

    def forward(
        self,
        points: tuple[Tensor, Tensor] | None = None,
        boxes: Tensor | None = None,
        masks: Tensor | None = None,
        *,
        input_size_hw: tuple[int, int] | None = None,
        grid_hw: tuple[int, int] | None = None,
        pad: bool | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Embed the prompts of N objects; each kind may be absent.

        Args:
            points: coordinates (N, P, 2) as (x, y) in pixels of the input frame, and labels (N, P):
                1 foreground, 0 background, −1 padding, 2 and 3 the corners of a box.
            boxes: (N, 4) xyxy in the input frame.
            masks: (N, 1, 4h, 4w) logits, usually an earlier output.
            input_size_hw: size of the input frame, if not the one given at construction.
            grid_hw: (h, w), if not the one given at construction.
            pad: whether to append a padding point in place of an absent box; None to do so exactly if there are no
                boxes. False is for points with their own corners or padding.

        Returns:
            sparse: (N, T, C), T = P + 1 with points alone, P + 2 with a box, 2 with a box alone, 0 with neither.
            dense: (N, C, h, w).
        """
        # Omitted for the default size, so that overriding methods with the official arguments work.
        size: Any = {} if input_size_hw is None else {"size_hw": input_size_hw}
        tokens = []
        if points is not None:
            tokens.append(self._embed_points(*points, pad=boxes is None if pad is None else pad, **size))
        if boxes is not None:
            tokens.append(self._embed_boxes(boxes, **size))
        N = self._get_batch_size(points, boxes, masks)  # noqa: N806
        no_mask = self.no_mask()
        sparse = torch.cat(tokens, dim=1) if tokens else no_mask.new_zeros(N, 0, self.embed_dim)
        if masks is not None and len(masks):
            return sparse, self._embed_masks(masks)
        h, w = grid_hw or self.image_embedding_size
        return sparse, no_mask.expand(N, -1, h, w)

    def no_mask(self) -> Tensor:
        """See `BasePromptEncoder.no_mask`."""
        return self.no_mask_embed.weight.view(1, -1, 1, 1)

    # The methods below have the official names and positional arguments, on which wrappers and subclasses rely.

    def _embed_points(
        self, points: Tensor, labels: Tensor, pad: bool, size_hw: tuple[int, int] | None = None
    ) -> Tensor:
        if pad:  # one "not a point" stands in for the absent box
            points = F.pad(points, (0, 0, 0, 1))
            labels = F.pad(labels, (0, 1), value=PADDING)
        # (N, P, C); + 0.5: the pixel's centre
        positions = self.pe_layer.encode(points + 0.5, size_hw or self.input_image_size)
        kinds = torch.cat([self.not_a_point_embed.weight, self._kinds(range(4))])  # (1 + 4, C), row label + 1
        is_point = (labels != PADDING).unsqueeze(-1)
        return torch.where(is_point, positions, 0.0) + kinds[labels.long() + 1]

    def _embed_boxes(self, boxes: Tensor, size_hw: tuple[int, int] | None = None) -> Tensor:
        corners = boxes.reshape(-1, 2, 2) + 0.5  # (N, 2, 2): top left, bottom right
        positions = self.pe_layer.encode(corners, size_hw or self.input_image_size)
        return positions + self._kinds((TOP_LEFT, BOTTOM_RIGHT))

    def _embed_masks(self, masks: Tensor) -> Tensor:
        embedded: Tensor = self.mask_downscaling(masks)
        return embedded

    def _get_batch_size(self, points: tuple[Tensor, Tensor] | None, boxes: Tensor | None, masks: Tensor | None) -> int:
        """Return N from any given prompt; 1 without prompts."""
        for prompt in (points[0] if points is not None else None, boxes, masks):
            if prompt is not None:
                return prompt.shape[0]
        return 1

    def _kinds(self, labels: Iterable[int]) -> Tensor:
        """Return the learned embeddings of some point labels, (number of labels, C)."""
        index = torch.zeros(1, dtype=torch.int64, device=self.no_mask_embed.weight.device)
        return torch.cat([self.point_embeddings[label](index) for label in labels])


def embed_labels(positions: Tensor, labels: Tensor, learned: Mapping[int, Tensor]) -> Tensor:
    """Add the learned label embeddings to points, by traceable tensor operations.

    Args:
        positions: (N, P, C).
        labels: (N, P); positions with `PADDING` are ignored.
        learned: embeddings by label, (1, C) each; a label without one leaves the position unchanged.
    """
    embedded = positions.masked_fill((labels == PADDING).unsqueeze(-1), 0.0)
    for label, kind in learned.items():
        embedded = embedded + (labels == label).unsqueeze(-1) * kind
    return embedded


def embed_mask_or_none(encoder: nn.Module, mask_input: Tensor, has_mask_input: Tensor) -> Tensor:
    """Embed an optional mask input, like official ONNX decoders.

    Args:
        encoder: a `PromptEncoder`, or anything with its layers.
        mask_input: (N, 1, 4h, 4w) logits.
        has_mask_input: (1,), 1 to use the mask input, else 0.

    Returns:
        (N, C, h, w).
    """
    no_mask = encoder.no_mask_embed.weight.view(1, -1, 1, 1)  # type: ignore[union-attr, operator]  # a layer
    given = encoder.mask_downscaling(mask_input)  # type: ignore[operator]
    return has_mask_input * given + (1 - has_mask_input) * no_mask  # type: ignore[no-any-return]


class RandomPositions(nn.Module):
    """Random Fourier features of a position in the unit square.

    The Gaussian matrix is a buffer of the checkpoint: it must be loaded, never redrawn.
    Source: Tancik et al. 2020.
    """

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", normal_numbers(2, features))

    def encode(self, coords: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """Encode (x, y) in pixels of a frame of the given size, (..., 2) → (..., C).

        At least in float32 and not as a matrix product, which autocast would compute in 16 bits, where neighbouring
        pixels have the same position.
        """
        H, W = size_hw  # noqa: N806
        gaussian = self.positional_encoding_gaussian_matrix
        exact = gaussian.to(torch.promote_types(gaussian.dtype, torch.float32))
        # Filled on the device: a copy from the host would wait for all of a GPU's work.
        size = torch.cat([coords.new_full((1,), W), coords.new_full((1,), H)])
        unit = 2 * (coords / size).to(exact.dtype) - 1
        phases = 2 * math.pi * (unit[..., :1] * exact[0] + unit[..., 1:] * exact[1])
        return torch.cat([phases.sin(), phases.cos()], dim=-1).to(gaussian.dtype)

    def forward(self, size: tuple[int, int]) -> Tensor:
        """Encode the centres of the cells of a grid of (h, w), (C, h, w)."""
        h, w = size
        device = self.positional_encoding_gaussian_matrix.device
        y = torch.arange(h, device=device, dtype=torch.float32) + 0.5
        x = torch.arange(w, device=device, dtype=torch.float32) + 0.5
        grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
        return self.encode(torch.stack([grid_x, grid_y], dim=-1), size).permute(2, 0, 1)  # (h, w, C) → (C, h, w)
