"""EfficientSAM's prompt encoder: points and boxes become six tokens; there are no masks and no background points.

A box is two points. Shorter lists of points are padded to six at (−1, −1), longer ones are cut. Unlike SAM's, the
padding keeps its position. A background point has no learned embedding and is a bare position.

Source: Xiong et al. 2023 (EfficientSAM); yformer/EfficientSAM `efficient_sam/efficient_sam_decoder.py` and
`efficient_sam.py` @d525f62 for key names and constants. Differs from it: padding is at (−1, −1) whatever its
coordinates, so that SAM's clients, which write (0, 0), get the same.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from samara.networks.layers import learned_tokens
from samara.networks.plain import module_parts
from samara.networks.prompt_encoder import BOTTOM_RIGHT, FOREGROUND, PADDING, TOP_LEFT, BasePromptEncoder
from samara.networks.sam2_prompt_encoder import with_corners

MAX_POINTS = 6
"""Tokens of every prompt; the two corners of a box are among them."""

OUTSIDE = -1.0
"""Both coordinates of padding, and every coordinate below zero."""


class EfficientSamPromptEncoder(BasePromptEncoder):
    """Encode prompts; arguments as in `BasePromptEncoder`."""

    def __init__(
        self,
        *,
        embed_dim: int = 256,
        input_image_size: tuple[int, int] = (1024, 1024),
        image_embedding_size: tuple[int, int] = (64, 64),
    ) -> None:
        super().__init__(embed_dim, input_image_size, image_embedding_size)
        self.invalid_points = learned_tokens(1, embed_dim)
        self.point_embeddings = learned_tokens(1, embed_dim)
        self.bbox_top_left_embeddings = learned_tokens(1, embed_dim)
        self.bbox_bottom_right_embeddings = learned_tokens(1, embed_dim)
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
        """Embed the prompts of N objects; each kind may be absent, but not both.

        Args:
            points: coordinates (N, P, 2) as (x, y) in pixels of the input frame, and labels (N, P): 1 foreground,
                2 and 3 the corners of a box, −1 padding, 0 a bare position.
            boxes: (N, 4) xyxy in the input frame; their corners come before the points.
            masks: None; other encoders take logits.
            input_size_hw: size of the input frame, if not the one given at construction.
            grid_hw: (h, w), if not the one given at construction.
            pad: without effect; see `PromptEncoder`.

        Returns:
            sparse: (N, 6, C).
            dense: (N, C, h, w), zero.

        Raises:
            ValueError: there are masks, or neither points nor boxes.
        """
        del pad
        if masks is not None:
            raise ValueError("EfficientSAM takes no masks as prompts")
        if boxes is not None:
            points = with_corners(points, boxes)
        if points is None:
            raise ValueError("EfficientSAM needs points or boxes")
        sparse = self._embed_points(*points, input_size_hw or self.input_image_size)
        h, w = grid_hw or self.image_embedding_size
        # Not len(), which the exporter would fix to the example's.
        return sparse, self.no_mask().expand(sparse.shape[0], -1, h, w)

    def no_mask(self) -> Tensor:
        """See `BasePromptEncoder.no_mask`: nothing is added to the image."""
        return self.point_embeddings.weight.new_zeros(1, self.embed_dim, 1, 1)

    def _embed_points(self, points: Tensor, labels: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """(N, P, 2) and (N, P) → (N, 6, C)."""
        points = F.pad(points, (0, 0, 0, MAX_POINTS))[:, :MAX_POINTS]
        labels = F.pad(labels, (0, MAX_POINTS), value=PADDING)[:, :MAX_POINTS].unsqueeze(-1)  # (N, 6, 1)
        points = torch.where((points < 0) | (labels == PADDING), OUTSIDE, points)
        embedded = self.pe_layer.encode(points + 0.5, size_hw)
        for label, learned in self._learned().items():
            embedded = embedded + (labels == label) * learned.weight
        return embedded

    def _learned(self) -> dict[int, torch.nn.Embedding]:
        return {
            PADDING: self.invalid_points,
            FOREGROUND: self.point_embeddings,
            TOP_LEFT: self.bbox_top_left_embeddings,
            BOTTOM_RIGHT: self.bbox_bottom_right_embeddings,
        }
