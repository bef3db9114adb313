"""Area at two thresholds and box of masks at the image's size, without upsampling their logits to it.

A pixel of the image is a weighted mean of a few low-res logits, in rows and columns. Computed tile by tile as two small
products and compared at once, it never goes to memory: PyTorch's operators write and read 9 MB per mask and pass at
1800 x 1200. Tiles in which no low-res logit exceeds the lowest threshold are skipped: a mean cannot exceed it either.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from samara.kernels.taps import Taps

TILES = (128, 64)
"""Rows and columns of the image per program: the first that fits."""

MOST_POSITIONS = 64
"""Most low-res positions that a tile may depend on along an axis, so that they fit beside it."""


@triton.jit
def _means(taps_first, taps_weights, start, size, base, TAPS: tl.constexpr, TILE: tl.constexpr, REACH: tl.constexpr):
    """Weights (TILE, REACH) of low-res positions from `base` on for the pixels from `start` on."""
    pixel = start + tl.arange(0, TILE)
    is_pixel = pixel < size
    first = tl.load(taps_first + pixel, mask=is_pixel, other=0) - base
    position = tl.arange(0, REACH)[None, :]
    weights = tl.zeros((TILE, REACH), dtype=tl.float32)
    for tap in tl.static_range(TAPS):
        weight = tl.load(taps_weights + pixel * TAPS + tap, mask=is_pixel, other=0.0)
        weights += tl.where((first + tap)[:, None] == position, weight[:, None], 0.0)
    return weights


@triton.jit
def _measure(
    logits,
    row_first,
    row_weights,
    column_first,
    column_weights,
    found,
    side,
    height,
    width,
    higher,
    threshold,
    lower,
    ROW_TAPS: tl.constexpr,
    COLUMN_TAPS: tl.constexpr,
    TILE: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    across = tl.cdiv(width, TILE)
    tiles = across * tl.cdiv(height, TILE)
    tile = tl.program_id(0) % tiles
    top, left = tile // across * TILE, tile % across * TILE
    mask = (tl.program_id(0) // tiles).to(tl.int64)
    own, results = logits + mask * side * side, found + mask * 6

    # All low-res logits that the tile depends on, and perhaps some more.
    first_row, first_column = tl.load(row_first + top), tl.load(column_first + left)
    low_row, low_column = first_row + tl.arange(0, ROWS), first_column + tl.arange(0, COLUMNS)
    is_low = (low_row < side)[:, None] & (low_column < side)[None, :]
    window = tl.load(own + low_row[:, None] * side + low_column[None, :], mask=is_low, other=float("-inf"))
    if tl.max(tl.max(window, 1), 0) > lower:
        of_rows = _means(row_first, row_weights, top, height, first_row, ROW_TAPS, TILE, ROWS)
        of_columns = _means(column_first, column_weights, left, width, first_column, COLUMN_TAPS, TILE, COLUMNS)
        # Three products in TF32 are as exact as one in float32.
        tall = tl.dot(of_rows, tl.where(is_low, window, 0.0), input_precision="tf32x3")
        mean = tl.dot(tall, tl.trans(of_columns), input_precision="tf32x3")
        row, column = top + tl.arange(0, TILE), left + tl.arange(0, TILE)
        inside = (row < height)[:, None] & (column < width)[None, :]
        above_higher, above_lower = inside & (mean > higher), inside & (mean > lower)
        tl.atomic_add(results, tl.sum(tl.sum(above_higher.to(tl.int32), 1), 0))
        tl.atomic_add(results + 1, tl.sum(tl.sum(above_lower.to(tl.int32), 1), 0))
        here = (inside & (mean > threshold)).to(tl.int32)
        rows, columns = tl.max(here, 1), tl.max(here, 0)
        if tl.max(rows, 0) > 0:
            tl.atomic_min(results + 2, tl.min(tl.where(columns > 0, column, width), 0))
            tl.atomic_min(results + 3, tl.min(tl.where(rows > 0, row, height), 0))
            tl.atomic_max(results + 4, tl.max(tl.where(columns > 0, column + 1, 0), 0))
            tl.atomic_max(results + 5, tl.max(tl.where(rows > 0, row + 1, 0), 0))


def tile_of(rows: Taps, columns: Taps, side: int) -> int | None:
    """Return the tile for images with these taps of low-res logits (S, S); None if they are too small for one."""
    fitting = (tile for tile in TILES if max(_reach(rows, side, tile), _reach(columns, side, tile)) <= MOST_POSITIONS)
    return next(fitting, None)


def measure_masks(
    logits: Tensor, rows: Taps, columns: Taps, threshold: float, offset: float, tile: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Measure masks at the image's size.

    Args:
        logits: (M, S, S) float32 over the input square.
        rows: the image's rows; see `tile_of`.
        columns: its columns.
        threshold: of the mask, in logits.
        offset: how far a higher and a lower threshold are away, in logits.
        tile: see `tile_of`.

    Returns:
        (M,) int32 areas above the higher threshold, (M,) int32 above the lower one, and (M, 4) int64 boxes above the
        threshold itself, xyxy, right and bottom exclusive, zeros for an empty mask.
    """
    height, width = len(rows.first), len(columns.first)
    found = torch.zeros(len(logits), 6, dtype=torch.int32, device=logits.device)
    found[:, 2] = width
    found[:, 3] = height
    tiles = triton.cdiv(height, tile) * triton.cdiv(width, tile)
    # One axis of programs: the others hold 65,535, which the masks of a large batch of points exceed.
    _measure[(tiles * len(logits),)](
        logits.contiguous(),
        rows.first,
        rows.weights,
        columns.first,
        columns.weights,
        found,
        logits.shape[-1],
        height,
        width,
        threshold + offset,
        threshold,
        threshold - offset,
        ROW_TAPS=rows.weights.shape[1],
        COLUMN_TAPS=columns.weights.shape[1],
        TILE=tile,
        ROWS=_reach(rows, logits.shape[-1], tile),
        COLUMNS=_reach(columns, logits.shape[-1], tile),
        num_warps=4,
    )
    boxes = found[:, 2:].long()
    return found[:, 0], found[:, 1], boxes * (boxes[:, 2:3] > boxes[:, :1])


def _reach(taps: Taps, side: int, tile: int) -> int:
    """Return a power of two of low-res positions that no tile goes beyond.

    Positions ascend by less than pixels · side / P + 1, so no number has to be copied from the device.
    """
    pixels, count = len(taps.first), taps.weights.shape[1]
    return max(16, int(triton.next_power_of_2(min(side, -(-tile * side // pixels) + 1 + count))))
