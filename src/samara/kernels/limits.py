"""What the attention kernel takes; apart from it, so that nobody needs Triton to ask."""

from __future__ import annotations

import torch
from torch import Tensor

QUERIES = 128
"""Most queries per program."""

HEAD_WIDTHS = (64, 80)
"""Head widths of the published ViTs. A product takes a power of two, so 80 are computed as 64 and 16."""


def fits(qkv: Tensor, h: int, w: int) -> bool:
    """Return whether `attention.attend_by_rows` takes queries, keys and values (B, h · w, 3, heads, d) of a grid."""
    is_power = w >= 16 and w & (w - 1) == 0
    in_16_bits = qkv.dtype in (torch.float16, torch.bfloat16)
    return in_16_bits and qkv.shape[-1] in HEAD_WIDTHS and is_power and h * w % QUERIES == 0
