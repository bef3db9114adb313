"""SAM's image encoder: a ViT with windowed attention and four global blocks (ViT-B, L, H differ only in numbers).

What differs from a plain ViT: attention inside 14 × 14 windows except in four evenly spaced blocks, a decomposed
relative-position bias in every block, and a convolutional neck to 256 channels. Any input size that is a multiple of
the patch size is accepted: absolute and relative positions are interpolated.

Source: Kirillov et al. 2023, appendix A "Image encoder"; Li et al. 2022 (ViTDet); segment-anything
`modeling/image_encoder.py` @dca509f for key names and constants.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.networks.early_features import join_early
from samara.networks.fused_attention import attend_fused
from samara.networks.layers import MLPBlock, Neck, in_windows
from samara.networks.plain import module_parts

# Max. attention scores in memory, in elements. The scores of one global block of ViT-H at 1024 px would take 1 GiB; in
# slices of this size they stay near the CPU cache and the peak memory stays flat.
SCORES_AT_A_TIME = 1 << 22


class ImageEncoderViT(nn.Module):
    """ViT image encoder.

    Args:
        input_size: side in pixels of the square that the absolute positions were trained for.
        embed_dim: D, width of the tokens.
        depth: number of blocks.
        num_heads: attention heads per block.
        global_attention_blocks: indices of the blocks that attend over the whole grid.
        patch_size: side of a patch in pixels.
        window_size: side of a window, in patches, of the other blocks.
        mlp_ratio: hidden width of a block's feed-forward part, as a multiple of D.
        out_channels: C of the image embedding.
        early_block: index of the block whose output is returned as early features, V = D channels; None for none.
        adapter_width: hidden width of the channel gate of each block's `Adapter`; None for blocks without one.
    """

    def __init__(
        self,
        *,
        input_size: int,
        embed_dim: int,
        depth: int,
        num_heads: int,
        global_attention_blocks: Collection[int],
        patch_size: int = 16,
        window_size: int = 14,
        mlp_ratio: float = 4.0,
        out_channels: int = 256,
        early_block: int | None = None,
        adapter_width: int | None = None,
    ) -> None:
        super().__init__()
        self.early_block = early_block
        self.img_size = input_size  # the name used by client code of the official package
        self.patch_size = patch_size
        grid = input_size // patch_size
        self.patch_embed = PatchEmbed(embed_dim, patch_size)
        self.pos_embed = nn.Parameter(torch.zeros(1, grid, grid, embed_dim))
        self.blocks = nn.ModuleList(
            Block(
                width=embed_dim,
                num_heads=num_heads,
                mlp_ratio=mlp_ratio,
                grid=grid,
                window_size=0 if index in global_attention_blocks else window_size,
                adapter_width=adapter_width,
            )
            for index in range(depth)
        )
        self.neck = Neck(embed_dim, out_channels)
        self.made_of = module_parts(self)

    def forward(self, images: Tensor) -> Tensor:
        """Encode images.

        Args:
            images: (B, 3, H, W), normalised, H and W multiples of the patch size.

        Returns:
            Image embedding, (B, C, h, w) with h = H / patch size, w = W / patch size; followed by early features, (B, C
            + V, h, w), see `early_features`.

        Raises:
            ValueError: H or W is not a multiple of the patch size.
        """
        check_divisible(images, self.patch_size)
        x = self.patch_embed(images)  # (B, h, w, D)
        x = x + self.positions(x.shape[1], x.shape[2])
        early: Tensor | None = None
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index == self.early_block:
                early = x
        embedding: Tensor = self.neck(x.permute(0, 3, 1, 2))  # (B, h, w, D) → (B, C, h, w)
        return embedding if early is None else join_early(embedding, early.permute(0, 3, 1, 2))

    def positions(self, h: int, w: int) -> Tensor:
        """Return absolute positions for the grid, (1, h, w, D)."""
        if self.pos_embed.shape[1:3] == (h, w):
            return self.pos_embed
        positions = self.pos_embed.permute(0, 3, 1, 2)  # (1, D, grid, grid)
        positions = F.interpolate(positions, size=(h, w), mode="bicubic", align_corners=False)
        return positions.permute(0, 2, 3, 1)  # (1, D, h, w) → (1, h, w, D)


def check_divisible(images: Tensor, multiple: int) -> None:
    """Raise ValueError unless height and width of (B, C, H, W) are multiples of `multiple`."""
    H, W = images.shape[-2:]  # noqa: N806
    if H % multiple or W % multiple or not H or not W:
        raise ValueError(f"network input is {H} × {W} (H × W); each side must be a positive multiple of {multiple}")


class PatchEmbed(nn.Module):
    """Split the image into patches and project each to a token."""

    def __init__(self, embed_dim: int, patch_size: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, embed_dim, kernel_size=patch_size, stride=patch_size)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) → (B, h, w, D)."""
        tokens: Tensor = self.proj(x)
        return tokens.permute(0, 2, 3, 1)


class Block(nn.Module):
    """Transformer block, pre-norm; attention in windows, or global when `window_size` is 0.

    With an adapter, the second residual is the sum of the feed-forward part and the adapter.
    """

    def __init__(
        self,
        *,
        width: int,
        num_heads: int,
        mlp_ratio: float,
        grid: int,
        window_size: int,
        adapter_width: int | None = None,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, num_heads, window_size or grid)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = MLPBlock(width, round(width * mlp_ratio), nn.GELU)
        self.Adapter = None if adapter_width is None else Adapter(width, adapter_width)
        self.window_size = window_size

    def forward(self, x: Tensor) -> Tensor:
        """(B, h, w, D) in and out."""
        x = x + in_windows(self.attn, self.norm1(x), self.window_size)
        return x + fed_forward(self.norm2(x), self.mlp, self.Adapter)


def fed_forward(x: Tensor, mlp: nn.Module, adapter: nn.Module | None) -> Tensor:
    """Return the second residual of a block, (B, h, w, D) in and out: feed-forward part, plus adapter if any."""
    output: Tensor = mlp(x)
    return output if adapter is None else output + adapter(x)


class Adapter(nn.Module):
    """SAM-Med2D's adapter: a gate for each channel, then what a strided convolution sees, added and normalised.

    Args:
        width: D, width of the tokens.
        hidden: hidden width of the gate.

    Source: Cheng et al. 2023 (SAM-Med2D), section 3.2; OpenGVLab/SAM-Med2D `modeling/image_encoder.py` for key names.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.channel = nn.Sequential(
            nn.Linear(width, hidden, bias=False), nn.ReLU(), nn.Linear(hidden, width, bias=False), nn.Sigmoid()
        )
        self.spatial = nn.Sequential(
            nn.Conv2d(width, width, kernel_size=3, stride=2, padding=1, bias=False),
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, kernel_size=4, stride=2, padding=1, bias=False),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, h, w, D) in and out."""
        h, w = x.shape[1:3]
        gated = x * self.channel(x.mean(dim=(1, 2)))[:, None, None]
        # An odd side is rounded up by the first convolution; the excess row and column do not exist in the grid.
        seen = self.spatial(gated.permute(0, 3, 1, 2))[..., :h, :w]  # (B, D, h, w)
        output: Tensor = self.norm(x + seen.permute(0, 2, 3, 1))
        return output


class Attention(nn.Module):
    """Multi-head self-attention over a grid with decomposed relative positions.

    Source: Li et al. 2021 (MViTv2), equation 4: bias = q · R_h[y − y'] + q · R_w[x − x'].
    """

    def __init__(self, width: int, num_heads: int, grid: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        head_dim = width // num_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * grid - 1, head_dim))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * grid - 1, head_dim))

    def forward(self, x: Tensor) -> Tensor:
        """(B, h, w, D) in and out; B counts windows in windowed blocks."""
        output: Tensor = self.proj(self.attend(self.qkv(x)))
        return output

    def attend(self, qkv: Tensor) -> Tensor:
        """Let queries, keys and values of whole grids attend to each other, (B, h, w, 3 · D) → (B, h, w, D)."""
        B, h, w, _ = qkv.shape  # noqa: N806
        by_head = qkv.reshape(B, h * w, 3, self.num_heads, -1)
        attend = attend_fused if qkv.is_cuda else attend_sliced
        attended = attend(by_head, relative_positions(self.rel_pos_h, h), relative_positions(self.rel_pos_w, w))
        return attended.reshape(B, h, w, -1)


def relative_positions(table: Tensor, size: int) -> Tensor:
    """Look up the embedding of every pair of coordinates in a table of distances.

    Args:
        table: (2 · S − 1, D), one row per distance −(S − 1) .. S − 1; interpolated linearly when S ≠ size.
        size: number of coordinates along the axis.

    Returns:
        (size, size, D), entry [q, k] for distance q − k.
    """
    rows = 2 * size - 1
    if table.shape[0] != rows:
        table = F.interpolate(table.T[None], size=rows, mode="linear")[0].T
    coordinates = torch.arange(size, device=table.device)
    return table[coordinates[:, None] - coordinates[None, :] + size - 1]


def attend_sliced(qkv: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Compute `attend_fused` in slices that stay in a processor's cache; arguments and result as there."""
    B, T, _, heads, d = qkv.shape  # noqa: N806
    q, k, v = qkv.permute(2, 0, 3, 1, 4).flatten(1, 2)  # each (B · heads, T, d)
    grid = q.view(-1, len(rows), len(columns), d)
    bias_h = torch.einsum("bhwd,hkd->bhwk", grid, rows)
    bias_w = torch.einsum("bhwd,wkd->bhwk", grid, columns)
    attended = attend_with_bias(q, k, v, bias_h.flatten(1, 2), bias_w.flatten(1, 2))
    return attended.view(B, heads, T, d).transpose(1, 2)


def attend_with_bias(q: Tensor, k: Tensor, v: Tensor, bias_h: Tensor, bias_w: Tensor) -> Tensor:
    """Compute softmax(q kᵀ / √d + bias) v, where the bias is the sum of a row and a column part.

    The (T, T) bias is computed for a slice of the queries at a time, so memory does not grow with T².

    Args:
        q: (G, T, d), G = batch · heads, T = h · w.
        k: keys, (G, T, d).
        v: values, (G, T, d).
        bias_h: (G, T, h), bias of each query towards each row of keys.
        bias_w: (G, T, w), bias of each query towards each column of keys.

    Returns:
        (G, T, d).
    """
    G, T, _ = q.shape  # noqa: N806
    if G * T * T <= SCORES_AT_A_TIME:
        return _attend_slice(q, k, v, bias_h, bias_w)
    groups = max(1, SCORES_AT_A_TIME // (T * T))
    queries = min(T, max(1, SCORES_AT_A_TIME // (groups * T)))
    rows = [
        torch.cat(
            [
                _attend_slice(q[g, t], k[g], v[g], bias_h[g, t], bias_w[g, t])
                for t in (slice(start, start + queries) for start in range(0, T, queries))
            ],
            dim=1,
        )
        for g in (slice(start, start + groups) for start in range(0, G, groups))
    ]
    return torch.cat(rows)


def _attend_slice(q: Tensor, k: Tensor, v: Tensor, bias_h: Tensor, bias_w: Tensor) -> Tensor:
    bias = (bias_h.unsqueeze(-1) + bias_w.unsqueeze(-2)).flatten(-2)  # (G, queries, h, w) → (G, queries, T)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
