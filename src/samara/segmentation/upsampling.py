"""Low-res logits at the size of the original image, one mask at a time and only where they can matter.

Most masks cover a small part of an image. A logit at full size is a mean of low-res logits around it, so it exceeds a
threshold only near one that does; everything else need not be computed to be known. Both steps of
`Frame.to_original` (to the input square, then to the image; squashed images have one) are linear along each axis and
become one matrix per axis, three numbers to a row. The result is the same but for the rounding of sums.

For the CPU; on an accelerator `Frame.to_original` does whole batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.images.preprocessing import Frame
from samara.masks.rle import Rle, encode_columns
from samara.system.devices import computing

# Pixels of an axis made by one small matrix: few, so that it is not mostly zeros, and enough for a good product.
BLOCK = 64


@dataclass(frozen=True)
class Window:
    """The part of a mask at the size of the image that is not known to be empty.

    Attributes:
        columns: (W', H') bool, column by column.
        x0: first column in the image.
        y0: first row in the image.
        stability: stability score, see `samara.masks.stability`; 1 where no offset was given.
    """

    columns: npt.NDArray[np.bool_]
    x0: int
    y0: int
    stability: float


PositionRange = tuple[int, int]
"""Positions from the first up to, without, the second."""


@dataclass(frozen=True, eq=False)
class Axis:
    """How one axis of the image comes from one axis of the low-res logits.

    Attributes:
        matrix: (image size, low-res size) float32.
        first: (image size,) first low-res position that counts for each pixel; ascending.
        last: (image size,) the last, inclusive; ascending.
        blocks: (blocks, BLOCK, K) float32: the matrix along its diagonal, where it is not zero; padded with zeros.
        sources: (blocks, K) int64, the low-res position of each of their columns.
    """

    matrix: Tensor
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    blocks: Tensor
    sources: Tensor

    def reached_from(self, start: int, stop: int) -> PositionRange:
        """Pixels that low-res positions start..stop − 1 count for."""
        return int(np.searchsorted(self.last, start)), int(np.searchsorted(self.first, stop))

    def needed_for(self, start: int, stop: int) -> PositionRange:
        """Low-res positions that count for pixels start..stop − 1."""
        return int(self.first[start]), int(self.last[stop - 1]) + 1


@dataclass(frozen=True)
class Upsampling:
    """From the low-res logits of a frame to its image.

    Attributes:
        frame: how the image lies in the input frame.
        low_res_side: 4h = 4w.
    """

    frame: Frame
    low_res_side: int

    @property
    def rows(self) -> Axis:
        """The vertical axis."""
        return self._axis(0)

    @property
    def columns(self) -> Axis:
        """The horizontal axis."""
        return self._axis(1)

    def _axis(self, axis: int) -> Axis:
        original = self.frame.original_size_hw[axis]
        if self.frame.fit == "squash":  # one step: the second one changes nothing
            return _axis(self.low_res_side, original, original, original)
        return _axis(self.low_res_side, self.frame.side, self.frame.resized_size_hw[axis], original)

    def window(self, low_res_logits: Tensor, threshold: float, offset: float = 0.0) -> Window | None:
        """Enlarge a mask where it, or the same mask at a threshold lower by the offset, can be.

        Args:
            low_res_logits: (4h, 4w) float32 on the CPU.
            threshold: logits above it belong to the mask.
            offset: of the stability score, in logits.

        Returns:
            The window; None if no logit can exceed the lower threshold.
        """
        above = (low_res_logits > threshold - offset).numpy()
        rows, columns = np.flatnonzero(above.any(1)), np.flatnonzero(above.any(0))
        if not len(rows):
            return None
        top, bottom = self.rows.reached_from(rows[0], rows[-1] + 1)
        left, right = self.columns.reached_from(columns[0], columns[-1] + 1)
        if top >= bottom or left >= right:  # all of it in the padding of the input square
            return None
        left -= left % BLOCK
        logits = self._upsampled(low_res_logits, (left, right), (top, bottom)).numpy()
        stability = 1.0
        if offset:
            high, low = (int(np.count_nonzero(logits > threshold + shift)) for shift in (offset, -offset))
            stability = float(np.float32(high) / np.float32(max(low, 1)))  # single precision, as in the reference
        return Window(logits > threshold, left, top, stability)

    def mask(self, low_res_logits: Tensor, threshold: float) -> Rle:
        """The mask at the size of the image, from (4h, 4w) logits as `window` takes them."""
        height, width = self.frame.original_size_hw
        window = self.window(low_res_logits, threshold)
        if window is None:
            return Rle.from_edges(np.zeros(0, dtype=np.int64), height, width)
        return encode_columns(window.columns, window.x0, window.y0, height, width)

    def _upsampled(self, low_res_logits: Tensor, columns: PositionRange, rows: PositionRange) -> Tensor:
        """Logits of some columns, from the beginning of a block on, and rows of the image: (W', H')."""
        y0, y1 = self.rows.needed_for(*rows)
        blocks = slice(columns[0] // BLOCK, -(-columns[1] // BLOCK))
        sources = self.columns.sources[blocks]
        with computing("cpu", "float32"):
            tall = low_res_logits[y0:y1].T @ self.rows.matrix[rows[0] : rows[1], y0:y1].T  # (4w, H')
            upsampled = torch.bmm(self.columns.blocks[blocks], tall[sources.flatten()].view(*sources.shape, -1))
        return upsampled.flatten(0, 1)[: columns[1] - columns[0]]


@lru_cache(maxsize=16)  # images of one size share it; up to a few megabytes each
def _axis(low_res: int, square: int, resized: int, original: int) -> Axis:
    """Low-res → input square, cut to the resized image, → original, as one matrix."""
    to_square = _bilinear(low_res, square)[:resized]
    start, weight = _taps(resized, original)
    end = np.minimum(start + 1, resized - 1)
    matrix = (1 - weight)[:, None] * to_square[start] + weight[:, None] * to_square[end]
    used = matrix != 0
    first, last = used.argmax(1), low_res - 1 - used[:, ::-1].argmax(1)
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
        blocks=torch.from_numpy(blocks.astype(np.float32)),
        sources=torch.from_numpy(sources),
    )


def _sources(first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """As many consecutive positions for every block, (blocks, K), that hold all from its first to its last."""
    count = int((last - first).max()) + 1
    start = np.maximum(np.minimum(first, last.max() + 1 - count), 0)
    positions: npt.NDArray[np.int64] = start[:, None] + np.arange(count)
    return positions


def _bilinear(size_in: int, size_out: int) -> npt.NDArray[np.float64]:
    """The matrix of a bilinear resize along one axis, (size_out, size_in)."""
    start, weight = _taps(size_in, size_out)
    matrix = np.zeros((size_out, size_in))
    pixels = np.arange(size_out)
    matrix[pixels, start] = 1 - weight
    matrix[pixels, np.minimum(start + 1, size_in - 1)] += weight
    return matrix


def _taps(size_in: int, size_out: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Where each pixel of a resized axis lies between two of the original: the first, and the weight of the second.

    Pixel centres are at halves, and the border pixel continues outwards (`align_corners=False`).
    """
    position = np.maximum((np.arange(size_out) + 0.5) * size_in / size_out - 0.5, 0.0)
    start = np.minimum(position.astype(np.int64), size_in - 1)
    return start, position - start
