"""Small layers shared by several networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def normal_numbers(*shape: int) -> Tensor:
    """Draw standard normal numbers; uninitialised on the meta device, where a file's values replace them.

    On the meta device PyTorch would import its compiler to draw normal numbers, which takes a second.
    """
    return torch.empty(*shape) if torch.get_default_device().type == "meta" else torch.randn(*shape)


def learned_tokens(count: int, width: int) -> nn.Embedding:
    """Build (count, width) learned vectors with the key name `weight`, initially standard normal."""
    return nn.Embedding(count, width, _weight=normal_numbers(count, width))


class LayerNorm2d(nn.Module):
    """Layer normalisation over the channels of a (B, C, H, W) tensor.

    Source: segment-anything `modeling/common.py` @dca509f (eps 1e-6, biased variance).
    """

    def __init__(self, num_channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(num_channels))
        self.bias = nn.Parameter(torch.zeros(num_channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise every pixel over its channels; (B, C, H, W) in and out."""
        x = x.permute(0, 2, 3, 1)  # (B, C, H, W) → (B, H, W, C)
        x = F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)  # (B, H, W, C) → (B, C, H, W)


class MLPBlock(nn.Module):
    """Two linear layers with an activation in between: the feed-forward part of a transformer block."""

    def __init__(self, embedding_dim: int, mlp_dim: int, act: Callable[[], nn.Module] = nn.GELU) -> None:
        super().__init__()
        self.lin1 = nn.Linear(embedding_dim, mlp_dim)
        self.lin2 = nn.Linear(mlp_dim, embedding_dim)
        self.act = act()

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) in and out."""
        hidden: Tensor = self.act(self.lin1(x))
        output: Tensor = self.lin2(hidden)
        return output


class MLP(nn.Module):
    """Linear layers with ReLU in between: the mask decoder's heads.

    Source: segment-anything `modeling/mask_decoder.py` @dca509f.
    """

    def __init__(
        self, input_dim: int, hidden_dim: int, output_dim: int, num_layers: int, sigmoid_output: bool = False
    ) -> None:
        super().__init__()
        widths = [input_dim, *[hidden_dim] * (num_layers - 1), output_dim]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.num_layers = num_layers
        self.sigmoid_output = sigmoid_output

    def forward(self, x: Tensor) -> Tensor:
        """(..., input_dim) → (..., output_dim)."""
        *hidden_layers, last_layer = self.layers
        for layer in hidden_layers:
            x = F.relu(layer(x))
        output: Tensor = last_layer(x)
        return output.sigmoid() if self.sigmoid_output else output


class ConvNorm(nn.Sequential):
    """Convolution without bias, then batch norm; key names `c` and `bn`, as in TinyViT.

    The padding preserves the grid for odd kernels; a kernel as wide as its stride folds the grid and needs none.
    """

    c: nn.Conv2d
    bn: nn.BatchNorm2d

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int = 1, *, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        padding = 0 if kernel == stride else kernel // 2
        convolution = nn.Conv2d(channels_in, channels_out, kernel, stride, padding, groups=groups, bias=False)
        self.add_module("c", convolution)
        self.add_module("bn", nn.BatchNorm2d(channels_out))


class Neck(nn.Sequential):
    """The end of every SAM image encoder: 1×1 and 3×3 convolution, each with a norm, to 256 channels.

    Source: Li et al. 2022 (ViTDet); segment-anything `modeling/image_encoder.py` @dca509f.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, kernel_size=1, bias=False),
            LayerNorm2d(channels_out),
            nn.Conv2d(channels_out, channels_out, kernel_size=3, padding=1, bias=False),
            LayerNorm2d(channels_out),
        )


class OpList(nn.Module):
    """Steps one after the other; key name `op_list`."""

    def __init__(self, steps: Sequence[nn.Module]) -> None:
        super().__init__()
        self.op_list = nn.ModuleList(steps)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C', H', W')."""
        for step in self.op_list:
            x = step(x)
        return x


def resized(x: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Resize maps (B, C, h, w) by bicubic interpolation, in at least float32; unchanged if they have that size."""
    if (x.shape[-2], x.shape[-1]) == size_hw:
        return x
    exact = torch.promote_types(x.dtype, torch.float32)  # not every device interpolates in 16 bits
    return F.interpolate(x.to(exact), size=size_hw, mode="bicubic", align_corners=False)


def split_windows(x: Tensor, size: int) -> Tensor:
    """Split (B, H, W, C) into windows, zero-padded at the bottom and on the right.

    Returns:
        (B · rows · columns, size, size, C), where rows = ceil(H / size) and columns = ceil(W / size).
    """
    B, H, W, C = x.shape  # noqa: N806 - the letters of docs/notation.md
    if H % size or W % size:  # padding by nothing would be a copy
        x = F.pad(x, (0, 0, 0, -W % size, 0, -H % size))
    rows, columns = x.shape[1] // size, x.shape[2] // size
    x = x.view(B, rows, size, columns, size, C).transpose(2, 3)  # (B, rows, columns, size, size, C)
    return x.reshape(-1, size, size, C)


def join_windows(windows: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Undo `split_windows`: join the windows and crop the padding, (B, H, W, C)."""
    size, C = windows.shape[1], windows.shape[-1]  # noqa: N806
    H, W = size_hw  # noqa: N806
    rows, columns = -(-H // size), -(-W // size)
    x = windows.view(-1, rows, columns, size, size, C).transpose(2, 3)  # (B, rows, size, columns, size, C)
    return x.reshape(-1, rows * size, columns * size, C)[:, :H, :W]


def as_autocast(x: Tensor) -> Tensor:
    """Cast what goes into a linear layer, as autocast would there: copies before it are then of half the size."""
    kind = x.device.type
    if x.is_meta or not torch.is_autocast_enabled(kind):  # on "meta", where arithmetic is counted, there is no autocast
        return x
    return x.to(torch.get_autocast_dtype(kind))


def in_windows(attention: nn.Module, x: Tensor, window_size: int, *, shrink: int = 1) -> Tensor:
    """Apply attention within windows of a grid, or to the whole grid.

    Args:
        attention: (B, h, w, C) → (B, h / shrink, w / shrink, C'); B counts windows.
        x: (B, H, W, C).
        window_size: side; 0 for the whole grid.
        shrink: factor by which the attention reduces the grid.

    Returns:
        (B, H / shrink, W / shrink, C').
    """
    if not window_size:
        return attention(x)  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped
    # Windows at the border are padded with zero tokens that take part in attention, as in the reference.
    windows = attention(split_windows(as_autocast(x), window_size))
    return join_windows(windows, (x.shape[1] // shrink, x.shape[2] // shrink))
