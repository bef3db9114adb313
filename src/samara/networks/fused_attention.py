"""Attention with a decomposed bias as one call of a fused kernel, for GPUs.

A fused kernel takes no bias of a row and a column part, only queries, keys and values. So the bias becomes further
dimensions: a query gets its biases, a key a 1 in the dimensions of its row and its column and 0 in the others, and
their product is the original one plus the bias.

PyTorch takes flash attention, its fastest kernel, only for 16 bits, four dimensions, a head width that is a multiple of
8, and values as wide as queries. So widths are filled with zeros, which change no product and give zeros that are cut
off.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

WIDTH_MULTIPLE = 8
"""What fused kernels require of the head width."""

FLASH_TYPES = (torch.float16, torch.bfloat16)
"""Types that flash attention takes; float32 goes to a kernel whose values may be narrower than its queries."""


def attend_fused(qkv: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Compute softmax(q kᵀ / √d + bias) v in one kernel, bias = q · rows[y, y'] + q · columns[x, x'].

    Args:
        qkv: queries, keys and values, (B, T, 3, heads, d), T = h · w.
        rows: (h, h, d), relative positions of rows, see `vit.relative_positions`.
        columns: (w, w, d), those of columns.

    Returns:
        (B, T, heads, d).
    """
    q, k, v = qkv.unbind(2)  # views (B, T, heads, d): nothing is copied but into the extended tensors
    h, w, d = len(rows), len(columns), q.shape[-1]
    grid = q.view(len(q), h, w, *q.shape[2:])
    bias_h = torch.einsum("bhwnd,hkd->bhwnk", grid, rows).flatten(1, 2).to(q.dtype)  # (B, T, heads, h)
    bias_w = torch.einsum("bhwnd,wkd->bhwnk", grid, columns).flatten(1, 2).to(q.dtype)
    filling = -(d + h + w) % WIDTH_MULTIPLE
    empty = q.new_zeros(1).expand(*q.shape[:-1], filling)
    queries = torch.cat([q * d**-0.5, bias_h, bias_w, empty], dim=-1)
    keys = torch.cat([k, _places(h, w, q).unsqueeze(1).expand(*q.shape[:-1], -1), empty], dim=-1)
    values = F.pad(v, (0, value_filling(q.dtype, queries.shape[-1], d)))
    queries, keys, values = (one.transpose(1, 2) for one in (queries, keys, values))  # (B, heads, T, ·)
    attended = F.scaled_dot_product_attention(queries, keys, values, scale=1.0)
    return attended[..., :d].transpose(1, 2)


def value_filling(dtype: torch.dtype, query_width: int, value_width: int) -> int:
    """Return by how many zeros values are widened so that the fastest kernel takes them."""
    return query_width - value_width if dtype in FLASH_TYPES else 0


def _places(h: int, w: int, like: Tensor) -> Tensor:
    """Return the row and the column of each place as vectors of one 1 each, (h · w, h + w)."""
    rows = torch.eye(h, dtype=like.dtype, device=like.device).repeat_interleave(w, dim=0)
    columns = torch.eye(w, dtype=like.dtype, device=like.device).repeat(h, 1)
    return torch.cat([rows, columns], dim=1)
