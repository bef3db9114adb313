"""Attention over a grid with decomposed relative positions, in one pass over queries, keys and values.

PyTorch's fused kernels take no bias of a row and a column part; widening queries, keys and values so that a product
gives it (`networks.fused_attention`) costs 192 dimensions instead of 64, and their copies. Here keys come one row of
the grid at a time: the row's part of the bias is one number per query, and the column's part the same for all rows.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from samara.kernels.limits import QUERIES


@triton.jit
def _attend(
    qkv,
    bias_h,
    bias_w,
    attended,
    heads,
    scale,
    HEIGHT: tl.constexpr,
    WIDTH: tl.constexpr,
    WIDE: tl.constexpr,
    NARROW: tl.constexpr,
    QUERIES: tl.constexpr,
):
    LOG2E: tl.constexpr = 1.4426950408889634
    D: tl.constexpr = WIDE + NARROW
    tokens: tl.constexpr = HEIGHT * WIDTH
    batch, head = (tl.program_id(1) // heads).to(tl.int64), tl.program_id(1) % heads
    token = tl.program_id(0) * QUERIES + tl.arange(0, QUERIES)
    row, column = token // WIDTH, token % WIDTH
    key, wide = tl.arange(0, WIDTH), tl.arange(0, WIDE)
    of_batch = qkv + batch * tokens * 3 * heads * D + head * D
    step = 3 * heads * D

    queries = tl.load(of_batch + token[:, None] * step + wide[None, :])
    if NARROW:
        narrow = tl.arange(0, NARROW)
        more_queries = tl.load(of_batch + token[:, None] * step + WIDE + narrow[None, :])
        more_seen = tl.zeros((QUERIES, NARROW), dtype=tl.float32)
    of_columns = ((column * (tl.num_programs(1) // heads) + batch) * HEIGHT + row) * heads + head
    by_column = tl.load(bias_w + of_columns[:, None] * WIDTH + key[None, :]).to(tl.float32) * LOG2E
    of_rows = ((row * (tl.num_programs(1) // heads) + batch) * WIDTH + column) * heads + head
    by_row = bias_h + of_rows * HEIGHT

    highest = tl.full((QUERIES,), float("-inf"), dtype=tl.float32)
    total = tl.zeros((QUERIES,), dtype=tl.float32)
    seen = tl.zeros((QUERIES, WIDE), dtype=tl.float32)
    for key_row in range(HEIGHT):
        place = of_batch + (key_row * WIDTH + key) * step
        keys = tl.load(place[None, :] + heads * D + wide[:, None])
        logits = tl.dot(queries, keys)
        if NARROW:
            more_keys = tl.load(place[None, :] + heads * D + WIDE + narrow[:, None])
            logits = tl.dot(more_queries, more_keys, logits)
        own_row = tl.load(by_row + key_row).to(tl.float32) * LOG2E
        logits = logits * (scale * LOG2E) + by_column + own_row[:, None]
        higher = tl.maximum(highest, tl.max(logits, 1))
        chances = tl.math.exp2(logits - higher[:, None])
        shrink = tl.math.exp2(highest - higher)
        total = total * shrink + tl.sum(chances, 1)
        chances = chances.to(queries.dtype)
        values = tl.load(place[:, None] + 2 * heads * D + wide[None, :])
        seen = tl.dot(chances, values, seen * shrink[:, None])
        if NARROW:
            more_values = tl.load(place[:, None] + 2 * heads * D + WIDE + narrow[None, :])
            more_seen = tl.dot(chances, more_values, more_seen * shrink[:, None])
        highest = higher

    out = attended + (batch * tokens + token[:, None]) * heads * D + head * D
    tl.store(out + wide[None, :], (seen / total[:, None]).to(queries.dtype))
    if NARROW:
        tl.store(out + WIDE + narrow[None, :], (more_seen / total[:, None]).to(queries.dtype))


@torch.library.custom_op("samara::attend_by_rows", mutates_args=())
def attend_by_rows(qkv: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Compute `networks.fused_attention.attend_fused`; arguments and result as there, without gradients.

    Args:
        qkv: (B, h · w, 3, heads, d) in 16 bits, see `limits.fits`.
        rows: (h, h, d).
        columns: (w, w, d).

    Returns:
        (B, h · w, heads, d).
    """
    B, T, _, heads, d = qkv.shape
    h, w = len(rows), len(columns)
    qkv = qkv.contiguous()  # the kernel has no strides
    grid = qkv[:, :, 0].view(B, h, w, heads, d)
    by_row = grid.permute(1, 0, 2, 3, 4).reshape(h, -1, d)
    bias_h = torch.bmm(by_row, rows.to(qkv.dtype).mT)  # (h, B · w · heads, h)
    by_column = grid.permute(2, 0, 1, 3, 4).reshape(w, -1, d)
    bias_w = torch.bmm(by_column, columns.to(qkv.dtype).mT)  # (w, B · h · heads, w)
    attended = qkv.new_empty(B, T, heads, d)
    wide = 1 << (d.bit_length() - 1)
    queries = QUERIES if d == wide else QUERIES // 2  # the narrow part takes registers, too
    _attend[(T // queries, B * heads)](
        qkv,
        bias_h,
        bias_w,
        attended,
        heads,
        1 / math.sqrt(d),
        HEIGHT=h,
        WIDTH=w,
        WIDE=wide,
        NARROW=d - wide,
        QUERIES=queries,
        num_warps=4,
        num_stages=3,
    )
    return attended


@attend_by_rows.register_fake
def _(qkv: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    del rows, columns
    return qkv.new_empty(qkv.shape[0], qkv.shape[1], *qkv.shape[3:])
