"""EfficientSAM's image encoder: a plain ViT, every block of which attends over the whole grid.

What differs from SAM's ViT (`vit`): no windows and no relative positions. The absolute positions are those of the
pre-training at 224 pixels, 14 × 14 of them, and are always interpolated; the entry of the class token comes first and
is not used.

Source: Xiong et al. 2023 (EfficientSAM), section 4; yformer/EfficientSAM `efficient_sam/efficient_sam_encoder.py`
@d525f62 for key names and constants.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.networks.layers import Neck
from samara.networks.plain import module_parts
from samara.networks.vit import PatchEmbed, check_divisible

PATCH = 16
"""Side of a patch in pixels."""

NORM_EPSILON = 1e-6
"""Of the norms of the blocks."""


class PlainViT(nn.Module):
    """Plain ViT with SAM's neck.

    Args:
        embed_dim: D, width of the tokens.
        depth: number of blocks.
        num_heads: attention heads per block.
        mlp_ratio: hidden width of a block's feed-forward part, as a multiple of D.
        position_grid: side of the grid of the published positions.
        out_channels: C of the image embedding.
    """

    def __init__(
        self,
        *,
        embed_dim: int,
        depth: int,
        num_heads: int,
        mlp_ratio: float = 4.0,
        position_grid: int = 14,
        out_channels: int = 256,
    ) -> None:
        super().__init__()
        self.position_grid = position_grid
        self.patch_embed = PatchEmbed(embed_dim, PATCH)
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + position_grid**2, embed_dim))
        self.blocks = nn.ModuleList(Block(embed_dim, num_heads, mlp_ratio) for _ in range(depth))
        self.neck = Neck(embed_dim, out_channels)
        self.made_of = module_parts(self)

    def forward(self, images: Tensor) -> Tensor:
        """Encode images.

        Args:
            images: (B, 3, H, W), normalised, H and W multiples of 16.

        Returns:
            Image embedding, (B, C, h, w) with h = H / 16, w = W / 16.

        Raises:
            ValueError: H or W is not a multiple of 16.
        """
        check_divisible(images, PATCH)
        h, w = (side // PATCH for side in images.shape[-2:])
        return self.with_positions(images, self.positions(h, w))

    def with_positions(self, images: Tensor, positions: Tensor) -> Tensor:
        """`forward` with the positions of the grid, (1, h, w, D)."""
        h, w = positions.shape[1], positions.shape[2]
        x = (self.patch_embed(images) + positions).flatten(1, 2)  # (B, h · w, D)
        for block in self.blocks:
            x = block(x)
        embedding: Tensor = self.neck(x.view(x.shape[0], h, w, -1).permute(0, 3, 1, 2))  # (B, h, w, D) → (B, D, h, w)
        return embedding

    def positions(self, h: int, w: int) -> Tensor:
        """Return absolute positions for the grid, (1, h, w, D)."""
        side = self.position_grid
        positions = self.pos_embed[:, 1:].view(1, side, side, -1).permute(0, 3, 1, 2)  # (1, D, side, side)
        positions = F.interpolate(positions, size=(h, w), mode="bicubic", align_corners=False)
        return positions.permute(0, 2, 3, 1)  # (1, D, h, w) → (1, h, w, D)


class Block(nn.Module):
    """Transformer block, pre-norm."""

    def __init__(self, width: int, num_heads: int, mlp_ratio: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.attn = Attention(width, num_heads)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.mlp = Mlp(width, round(width * mlp_ratio))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) in and out."""
        x = x + self.attn(self.norm1(x))
        output: Tensor = x + self.mlp(self.norm2(x))
        return output


class Attention(nn.Module):
    """Multi-head self-attention of all tokens."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) in and out."""
        B, T, D = x.shape  # noqa: N806
        q, k, v = self.qkv(x).view(B, T, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)  # each (B, heads, T, D / heads)
        # Fused: the scores of one block of the larger network would take 400 MB at 1024 pixels.
        attended = F.scaled_dot_product_attention(q, k, v)
        output: Tensor = self.proj(attended.transpose(1, 2).reshape(B, T, D))
        return output


class Mlp(nn.Module):
    """The feed-forward part of a block."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) in and out."""
        output: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return output
