"""What kernels take; apart from them, so that nobody needs Triton to ask."""

from __future__ import annotations

import torch
from torch import Tensor

QUERIES = 128
"""Most queries per program."""

HEAD_WIDTHS = (64, 80)
"""Head widths of the published ViTs. A product takes a power of two, so 80 are computed as 64 and 16."""

MIN_CHANNELS = 16
"""The least length of a product on tensor cores; and what a program takes at once is a power of two."""


def fits(qkv: Tensor, h: int, w: int) -> bool:
    """Return whether `attention.attend_by_rows` takes queries, keys and values (B, h · w, 3, heads, d) of a grid."""
    is_power = w >= 16 and w & (w - 1) == 0
    in_16_bits = qkv.dtype in (torch.float16, torch.bfloat16)
    return in_16_bits and qkv.shape[-1] in HEAD_WIDTHS and is_power and h * w % QUERIES == 0


def draws(channels: int, drawn_channels: int) -> bool:
    """Return whether `drawing.draw_pixels` takes pixels of C channels that end as D, products on tensor cores."""
    return all(count >= MIN_CHANNELS and count & (count - 1) == 0 for count in (channels, drawn_channels))
