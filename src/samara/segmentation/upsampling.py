"""Upsampling of low-res logits to the original image, one mask at a time, restricted to its window.

Most masks cover a small part of an image. A logit at full size is a weighted mean of nearby low-res logits, so it can
exceed a threshold only near one that does; the rest need not be computed. (Bicubic weights can be negative: there it
can exceed a threshold only where the nearby logits vary enough.) Both steps of `Frame.to_original` (to the input
square, then to the image; squashed images have one) are linear along each axis and become one matrix per axis, three
or four numbers to a row. The result is equal up to rounding of sums.

Used on the CPU; on an accelerator, `Frame.to_original` processes whole batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from samara.images.preprocessing import Frame
from samara.masks.rle import Rle, encode_columns
from samara.networks.variant import Interpolation
from samara.system.devices import computing

# Pixels of an axis per block matrix: few enough to avoid mostly zeros, and enough for an efficient product.
BLOCK = 64

CUBIC = -0.75
"""The parameter of PyTorch's cubic, which determines its slope one pixel from the centre."""

OVERSHOOT = 2 * (-CUBIC / 4) * (1 - CUBIC / 4)
"""Largest sum of bicubic negative weights, in the middle of four pixels; along one axis it is −CUBIC / 4."""


@dataclass(frozen=True)
class Window:
    """Window of a mask at the image's size; everything outside is empty.

    Attributes:
        columns: (W', H') bool, the mask column by column.
        x0: first column in the image.
        y0: first row in the image.
        stability: stability score, see `samara.masks.stability`; 1 without an offset.
    """

    columns: npt.NDArray[np.bool_]
    x0: int
    y0: int
    stability: float


PositionRange = tuple[int, int]
"""Half-open range of positions: start inclusive, end exclusive."""

Highest = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""A number for each low-res row, (4h,), and for each low-res column, (4w,)."""

ROUNDING = 1e-3
"""How far the logit of a pixel can be from the exact mean of its sources by rounding, and more."""


@dataclass(frozen=True)
class Extent:
    """What low-res logits tell about a mask without upsampling it.

    Attributes:
        rows: the low-res rows that its window depends on.
        columns: the low-res columns that its window depends on.
        outer_xyxy: a box that contains the mask's; right and bottom exclusive, as all boxes.
        inner_xyxy: a box that the mask's contains; None if unknown.
    """

    rows: PositionRange
    columns: PositionRange
    outer_xyxy: tuple[int, int, int, int]
    inner_xyxy: tuple[int, int, int, int] | None


@dataclass(frozen=True, eq=False)
class Axis:
    """Mapping of one axis of the low-res logits to one axis of the image.

    Attributes:
        matrix: (image size, low-res size) float32.
        first: (image size,) first low-res position that contributes to each pixel, ascending.
        last: (image size,) last contributing position, inclusive, ascending.
        next_to: the same two of the positions next to each pixel: bilinear all that contribute, bicubic the one before.
        blocks: (blocks, BLOCK, K) float32, nonzero blocks along the matrix's diagonal, padded with zeros.
        sources: (blocks, K) int64, low-res position of each block column.
    """

    matrix: Tensor
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    next_to: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
    blocks: Tensor
    sources: Tensor

    def reached_from(self, start: int, stop: int) -> PositionRange:
        """Return the pixels that low-res positions start..stop − 1 are next to."""
        first, last = self.next_to
        return int(np.searchsorted(last, start)), int(np.searchsorted(first, stop))

    def needed_for(self, start: int, stop: int) -> PositionRange:
        """Return the low-res positions that contribute to pixels start..stop − 1."""
        return int(self.first[start]), int(self.last[stop - 1]) + 1

    @cached_property
    def samples(self) -> npt.NDArray[np.int64]:
        """(K,) pixels to look at for an impression of a mask: about one for each low-res position, and the last."""
        pixels, low_res = self.matrix.shape
        return np.append(np.arange(0, pixels - 1, -(-pixels // low_res)), pixels - 1)

    @cached_property
    def sampling(self) -> Tensor:
        """(K, low-res size) the matrix's rows of the samples."""
        return self.matrix[torch.from_numpy(self.samples)]


@dataclass(frozen=True)
class Upsampling:
    """Upsampling from the low-res logits of a frame to its image.

    Attributes:
        frame: placement of the image in the input frame.
        low_res_side: side length of the logits, 4h = 4w.
    """

    frame: Frame
    low_res_side: int

    @property
    def rows(self) -> Axis:
        """Vertical axis."""
        return self._axis(0)

    @property
    def columns(self) -> Axis:
        """Horizontal axis."""
        return self._axis(1)

    def _axis(self, axis: int) -> Axis:
        original = self.frame.original_size_hw[axis]
        if self.frame.fit == "squash":  # one step; the second would change nothing
            return _axis(self.low_res_side, original, original, original, self.frame.upsampling)
        return _axis(self.low_res_side, self.frame.side, self.frame.resized_size_hw[axis], original)

    def window(self, low_res_logits: Tensor, threshold: float, offset: float = 0.0) -> Window | None:
        """Upsample the window of a mask, including the mask at a threshold lower by the offset.

        Args:
            low_res_logits: (4h, 4w) float32 on the CPU.
            threshold: mask threshold in logits.
            offset: threshold offset of the stability score, in logits.

        Returns:
            The window; None if no logit can exceed the lower threshold.
        """
        reached = self._reached(self._highest(low_res_logits), threshold - offset)
        if reached is None:
            return None
        (left, right), (top, bottom) = reached
        left -= left % BLOCK
        logits = self._upsampled(low_res_logits, (left, right), (top, bottom)).numpy()
        stability = 1.0
        if offset:
            high, low = (int(np.count_nonzero(logits > threshold + shift)) for shift in (offset, -offset))
            stability = float(np.float32(high) / np.float32(max(low, 1)))  # single precision, as in the reference
        return Window(logits > threshold, left, top, stability)

    def extent(self, low_res_logits: Tensor, threshold: float, offset: float = 0.0) -> Extent | None:
        """Bound the box of a mask; arguments as for `window`.

        Returns:
            The extent; None if the mask is certainly empty.
        """
        highest = self._highest(low_res_logits)
        outer = self._reached(highest, threshold)
        window = self._reached(highest, threshold - offset)
        if outer is None or window is None:
            return None
        (left, right), (top, bottom) = outer
        columns, rows = window
        whole = (0, self.low_res_side)  # bicubic weights can be negative: what lies outside a window must stay as it is
        bilinear = self.frame.upsampling == "bilinear"
        return Extent(
            rows=self.rows.needed_for(*rows) if bilinear else whole,
            columns=self.columns.needed_for(*columns) if bilinear else whole,
            outer_xyxy=(left, top, right, bottom),
            inner_xyxy=self._inner(low_res_logits, threshold, *outer),
        )

    def _reached(self, highest: Highest, threshold: float) -> tuple[PositionRange, PositionRange] | None:
        """Return columns and rows of the image outside of which no logit exceeds the threshold; None if none does."""
        rows, columns = (np.flatnonzero(of_axis > threshold) for of_axis in highest)
        if not len(rows):
            return None
        top, bottom = self.rows.reached_from(rows[0], rows[-1] + 1)
        left, right = self.columns.reached_from(columns[0], columns[-1] + 1)
        if top >= bottom or left >= right:  # entirely in the padding of the input square
            return None
        return (left, right), (top, bottom)

    def _inner(
        self, low_res_logits: Tensor, threshold: float, columns: PositionRange, rows: PositionRange
    ) -> tuple[int, int, int, int] | None:
        """Return the box around those sampled pixels that certainly exceed the threshold, or None."""
        y0, y1 = self.rows.needed_for(*rows)
        x0, x1 = self.columns.needed_for(*columns)
        down = slice(*np.searchsorted(self.rows.samples, rows))
        across = slice(*np.searchsorted(self.columns.samples, columns))
        with computing("cpu", "float32"):
            tall = self.rows.sampling[down, y0:y1] @ low_res_logits[y0:y1, x0:x1]
            sure = (tall @ self.columns.sampling[across, x0:x1].T).numpy() > threshold + ROUNDING
        ys, xs = self.rows.samples[down][sure.any(1)], self.columns.samples[across][sure.any(0)]
        return (int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1) if len(ys) else None

    def mask(self, low_res_logits: Tensor, threshold: float) -> Rle:
        """Return the mask at the image's size from (4h, 4w) logits, see `window`."""
        height, width = self.frame.original_size_hw
        window = self.window(low_res_logits, threshold)
        if window is None:
            return Rle.from_edges(np.zeros(0, dtype=np.int64), height, width)
        return encode_columns(window.columns, window.x0, window.y0, height, width)

    def _highest(self, low_res_logits: Tensor) -> Highest:
        """Return the highest that pixels next to the low-res positions of each row, and of each column, can be."""
        if self.frame.upsampling == "bilinear":
            bound = low_res_logits
        else:
            # A pixel between a position and the next depends on these two, the one before and the one after.
            padded = F.pad(low_res_logits[None, None], (1, 2, 1, 2), mode="replicate")
            highest, lowest = F.max_pool2d(padded, 4, 1), -F.max_pool2d(-padded, 4, 1)
            bound = (highest + OVERSHOOT * (highest - lowest))[0, 0]
        return bound.amax(1).numpy(), bound.amax(0).numpy()

    def _upsampled(self, low_res_logits: Tensor, columns: PositionRange, rows: PositionRange) -> Tensor:
        """Return logits (W', H') of a range of columns, starting at a block, and of rows of the image."""
        y0, y1 = self.rows.needed_for(*rows)
        blocks = slice(columns[0] // BLOCK, -(-columns[1] // BLOCK))
        sources = self.columns.sources[blocks]
        with computing("cpu", "float32"):
            tall = low_res_logits[y0:y1].T @ self.rows.matrix[rows[0] : rows[1], y0:y1].T  # (4w, H')
            upsampled = torch.bmm(self.columns.blocks[blocks], tall[sources.flatten()].view(*sources.shape, -1))
        return upsampled.flatten(0, 1)[: columns[1] - columns[0]]


@lru_cache(maxsize=16)  # shared by images of one size; up to a few megabytes each
def _axis(low_res: int, square: int, resized: int, original: int, interpolation: Interpolation = "bilinear") -> Axis:
    """Return one matrix for low-res → input square, cropped to the resized image → original; bicubic in one step."""
    if interpolation == "bicubic":
        matrix, taps = _bicubic(low_res, original)
        first, before, _, last = taps.T
        next_to = before, before
    else:
        matrix = _two_steps(low_res, square, resized, original)
        used = matrix != 0
        first, last = used.argmax(1), low_res - 1 - used[:, ::-1].argmax(1)
        next_to = first, last
    sources = _sources(
        first[::BLOCK], last[np.minimum(np.arange(BLOCK - 1, original + BLOCK - 1, BLOCK), original - 1)]
    )
    padded = np.zeros((len(sources) * BLOCK, low_res))
    padded[:original] = matrix
    blocks = np.take_along_axis(padded.reshape(len(sources), BLOCK, low_res), sources[:, None], axis=2)
    return Axis(
        matrix=torch.from_numpy(matrix.astype(np.float32)),
        first=first,
        last=last,
        next_to=next_to,
        blocks=torch.from_numpy(blocks.astype(np.float32)),
        sources=torch.from_numpy(sources),
    )


def _sources(first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return, for every block, K consecutive positions (blocks, K) that cover its first to its last."""
    count = int((last - first).max()) + 1
    start = np.maximum(np.minimum(first, last.max() + 1 - count), 0)
    positions: npt.NDArray[np.int64] = start[:, None] + np.arange(count)
    return positions


def _two_steps(low_res: int, square: int, resized: int, original: int) -> npt.NDArray[np.float64]:
    """Return the matrix (original, low_res) of a bilinear resize to the square, a crop, and another one."""
    to_square = _bilinear(low_res, square)[:resized]
    start, weight = _taps(resized, original)
    end = np.minimum(start + 1, resized - 1)
    matrix: npt.NDArray[np.float64] = (1 - weight)[:, None] * to_square[start] + weight[:, None] * to_square[end]
    return matrix


def _bicubic(size_in: int, size_out: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return the matrix of a bicubic resize along one axis, (size_out, size_in), and its taps, (size_out, 4) ascending.

    As PyTorch's: pixel centres are at half-integers, and border pixels extend outwards (`align_corners=False`).
    """
    position = (np.arange(size_out) + 0.5) * size_in / size_out - 0.5
    before = np.floor(position).astype(np.int64)
    sources = before[:, None] + np.arange(-1, 3)  # (size_out, 4)
    matrix = np.zeros((size_out, size_in))
    weights = _cubic(np.abs(position[:, None] - sources))
    sources = sources.clip(0, size_in - 1)
    np.add.at(matrix, (np.arange(size_out)[:, None], sources), weights)
    return matrix, sources


def _cubic(distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the weights of pixels at a distance of at most two. Source: Keys 1981, equation 15."""
    d = distance
    near = ((CUBIC + 2) * d - (CUBIC + 3)) * d**2 + 1
    far = CUBIC * (((d - 5) * d + 8) * d - 4)
    return np.where(d <= 1, near, far)


def _bilinear(size_in: int, size_out: int) -> npt.NDArray[np.float64]:
    """Return the matrix of a bilinear resize along one axis, (size_out, size_in)."""
    start, weight = _taps(size_in, size_out)
    matrix = np.zeros((size_out, size_in))
    pixels = np.arange(size_out)
    matrix[pixels, start] = 1 - weight
    matrix[pixels, np.minimum(start + 1, size_in - 1)] += weight
    return matrix


def _taps(size_in: int, size_out: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return, for each pixel of a resized axis, the first of its two source pixels and the weight of the second.

    Pixel centres are at half-integers, and border pixels extend outwards (`align_corners=False`).
    """
    position = np.maximum((np.arange(size_out) + 0.5) * size_in / size_out - 0.5, 0.0)
    start = np.minimum(position.astype(np.int64), size_in - 1)
    return start, position - start
