"""The official `modeling.image_encoder`, based on samara's ViT, which takes any multiple of the patch size."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.errors import SettingsError
from samara.networks import vit
from samara.networks.layers import LayerNorm2d, MLPBlock, Neck, join_windows, split_windows

__all__ = [
    "Attention",
    "Block",
    "ImageEncoderViT",
    "LayerNorm2d",
    "MLPBlock",
    "PatchEmbed",
    "add_decomposed_rel_pos",
    "get_rel_pos",
    "window_partition",
    "window_unpartition",
]

Layer = Callable[..., nn.Module]
"""Layer class, or any factory of layers."""


class ImageEncoderViT(vit.ImageEncoderViT):
    """ViT image encoder with the arguments and defaults of the official class.

    Args:
        img_size: side length of the square input in pixels.
        patch_size: side length of a patch in pixels.
        in_chans: channels of the input.
        embed_dim: D, width of the tokens.
        depth: number of blocks.
        num_heads: attention heads per block.
        mlp_ratio: hidden width of a block's feed-forward part, as a multiple of D.
        out_chans: C of the image embedding.
        qkv_bias: whether queries, keys and values have a bias.
        norm_layer: factory of the blocks' norms from their width.
        act_layer: factory of the activation of the feed-forward parts.
        use_abs_pos: whether to use absolute positions.
        use_rel_pos: whether to use relative positions.
        rel_pos_zero_init: unused, as in the official code: relative positions start at zero.
        window_size: side length of a window in patches, 0 for global attention in every block.
        global_attn_indexes: indices of the blocks with global attention.
    """

    pos_embed: nn.Parameter | None  # type: ignore[assignment]  # samara's ViT always has one

    def __init__(  # noqa: PLR0917 - the official signature
        self,
        img_size: int = 1024,
        patch_size: int = 16,
        in_chans: int = 3,
        embed_dim: int = 768,
        depth: int = 12,
        num_heads: int = 12,
        mlp_ratio: float = 4.0,
        out_chans: int = 256,
        qkv_bias: bool = True,
        norm_layer: Layer = nn.LayerNorm,
        act_layer: Layer = nn.GELU,
        use_abs_pos: bool = True,
        use_rel_pos: bool = False,
        rel_pos_zero_init: bool = True,
        window_size: int = 0,
        global_attn_indexes: Collection[int] = (),
    ) -> None:
        nn.Module.__init__(self)
        self.early_block = None
        self.img_size = img_size
        self.patch_size = patch_size
        side = img_size // patch_size
        patch = (patch_size, patch_size)
        self.patch_embed = PatchEmbed(kernel_size=patch, stride=patch, in_chans=in_chans, embed_dim=embed_dim)
        self.pos_embed = nn.Parameter(torch.zeros(1, side, side, embed_dim)) if use_abs_pos else None
        self.blocks = nn.ModuleList(
            Block(
                embed_dim,
                num_heads,
                mlp_ratio,
                qkv_bias,
                norm_layer,
                act_layer,
                use_rel_pos,
                rel_pos_zero_init,
                window_size=0 if index in global_attn_indexes else window_size,
                input_size=(side, side),
            )
            for index in range(depth)
        )
        self.neck = Neck(embed_dim, out_chans)

    def forward(self, x: Tensor) -> Tensor:
        """Encode images (B, 3, H, W), normalised: (B, C, h, w).

        Raises:
            ValueError: H or W is not a multiple of the patch size.
        """
        embedding, _ = self.embedding_and_global_blocks(x)
        return embedding

    def embedding_and_global_blocks(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the embedding, and the output of each block with global attention, (B, h, w, D)."""
        vit.check_divisible(x, self.patch_size)
        x = self.patch_embed(x)
        if self.pos_embed is not None:
            x = x + self.positions(x.shape[1], x.shape[2])
        seen = []
        for block in self.blocks:
            x = block(x)
            if getattr(block, "window_size", None) == 0:
                seen.append(x)
        return self.neck(x.permute(0, 3, 1, 2)), seen


class Block(vit.Block):
    """Transformer block with the arguments and defaults of the official class, see `ImageEncoderViT`.

    Args:
        dim: D.
        num_heads, mlp_ratio, qkv_bias, norm_layer, act_layer, use_rel_pos, rel_pos_zero_init, window_size: see
        `ImageEncoderViT`.
        input_size: (h, w) of the grid, required for global attention with relative positions.
    """

    norm1: Any  # Any: the result of `norm_layer`
    norm2: Any

    def __init__(  # noqa: PLR0917 - the official signature
        self,
        dim: int,
        num_heads: int,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        norm_layer: Layer = nn.LayerNorm,
        act_layer: Layer = nn.GELU,
        use_rel_pos: bool = False,
        rel_pos_zero_init: bool = True,
        window_size: int = 0,
        input_size: tuple[int, int] | None = None,
    ) -> None:
        nn.Module.__init__(self)
        self.norm1 = norm_layer(dim)
        grid = (window_size, window_size) if window_size else input_size
        self.attn = Attention(dim, num_heads, qkv_bias, use_rel_pos, rel_pos_zero_init, grid)
        self.norm2 = norm_layer(dim)
        self.Adapter = None
        self.mlp = MLPBlock(dim, int(dim * mlp_ratio), act_layer)
        self.window_size = window_size


class Attention(vit.Attention):
    """Multi-head attention over a grid, with the arguments and defaults of the official class.

    Args:
        dim: D.
        num_heads: attention heads.
        qkv_bias: whether queries, keys and values have a bias.
        use_rel_pos: whether to use relative positions.
        rel_pos_zero_init: unused; they start at zero.
        input_size: (h, w) of the grid, required for relative positions.

    Raises:
        SettingsError: Relative positions are used without `input_size`.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int = 8,
        qkv_bias: bool = True,
        use_rel_pos: bool = False,
        rel_pos_zero_init: bool = True,
        input_size: tuple[int, int] | None = None,
    ) -> None:
        nn.Module.__init__(self)
        self.num_heads = num_heads
        head_dim = dim // num_heads
        self.scale = head_dim**-0.5
        self.qkv = nn.Linear(dim, dim * 3, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim)
        self.use_rel_pos = use_rel_pos
        if use_rel_pos:
            if input_size is None:
                raise SettingsError("relative positions require the grid size; give input_size, (h, w) in patches")
            self.rel_pos_h = nn.Parameter(torch.zeros(2 * input_size[0] - 1, head_dim))
            self.rel_pos_w = nn.Parameter(torch.zeros(2 * input_size[1] - 1, head_dim))

    def forward(self, x: Tensor) -> Tensor:
        """Attend over the grid, (B, h, w, D) → (B, h, w, D)."""
        if self.use_rel_pos:
            return super().forward(x)
        B, h, w, _ = x.shape  # noqa: N806
        qkv = self.qkv(x).reshape(B, h * w, 3, self.num_heads, -1)
        attended = F.scaled_dot_product_attention(*qkv.permute(2, 0, 3, 1, 4))  # (B, heads, h · w, ·)
        output: Tensor = self.proj(attended.transpose(1, 2).reshape(B, h, w, -1))
        return output


class PatchEmbed(vit.PatchEmbed):
    """Patch embedding with the arguments of `nn.Conv2d`."""

    def __init__(
        self,
        kernel_size: tuple[int, int] = (16, 16),
        stride: tuple[int, int] = (16, 16),
        padding: tuple[int, int] = (0, 0),
        in_chans: int = 3,
        embed_dim: int = 768,
    ) -> None:
        nn.Module.__init__(self)
        self.proj = nn.Conv2d(in_chans, embed_dim, kernel_size=kernel_size, stride=stride, padding=padding)


def window_partition(x: Tensor, window_size: int) -> tuple[Tensor, tuple[int, int]]:
    """Split (B, H, W, C) into zero-padded windows (·, size, size, C); also return the padded height and width."""
    H, W = x.shape[1:3]  # noqa: N806
    return split_windows(x, window_size), (H + -H % window_size, W + -W % window_size)


def window_unpartition(
    windows: Tensor,
    window_size: int,
    pad_hw: tuple[int, int],
    hw: tuple[int, int],
) -> Tensor:
    """Undo `window_partition`: (·, size, size, C) → (B, H, W, C), without the padding."""
    return join_windows(windows, hw)


def get_rel_pos(q_size: int, k_size: int, rel_pos: Tensor) -> Tensor:
    """Look up the embeddings of all pairs of query and key coordinates, (q_size, k_size, D).

    Args:
        q_size: number of query coordinates along the axis.
        k_size: number of key coordinates; the smaller of the two sizes is spaced farther apart.
        rel_pos: (S, D), one row per distance, interpolated linearly to 2 · max(q_size, k_size) − 1 rows.
    """
    size = max(q_size, k_size)
    of_pairs = vit.relative_positions(rel_pos, size)
    if q_size == k_size:
        return of_pairs
    queries, keys = (
        (torch.arange(count, device=rel_pos.device) * max(size / count, 1.0)) for count in (q_size, k_size)
    )
    row = ((queries[:, None] - keys[None, :]) + (k_size - 1) * max(q_size / k_size, 1.0)).long()
    distance = row - (size - 1)  # entry [q, k] of all pairs is for the distance q − k
    return of_pairs[distance.clamp(min=0), (-distance).clamp(min=0)]


def add_decomposed_rel_pos(
    attn: Tensor,
    q: Tensor,
    rel_pos_h: Tensor,
    rel_pos_w: Tensor,
    q_size: tuple[int, int],
    k_size: tuple[int, int],
) -> Tensor:
    """Add the bias of relative positions to attention logits.

    Args:
        attn: (B, q_h · q_w, k_h · k_w).
        q: (B, q_h · q_w, D).
        rel_pos_h: table of row distances, see `get_rel_pos`.
        rel_pos_w: table of column distances.
        q_size: (q_h, q_w).
        k_size: (k_h, k_w).

    Returns:
        Logits in the shape of `attn`.
    """
    grid = q.reshape(len(q), *q_size, q.shape[-1])  # (B, q_h, q_w, D)
    rows = torch.einsum("bhwd,hkd->bhwk", grid, get_rel_pos(q_size[0], k_size[0], rel_pos_h))
    columns = torch.einsum("bhwd,wkd->bhwk", grid, get_rel_pos(q_size[1], k_size[1], rel_pos_w))
    bias = rows.unsqueeze(-1) + columns.unsqueeze(-2)  # (B, q_h, q_w, k_h, k_w)
    return attn + bias.flatten(3).flatten(1, 2)
