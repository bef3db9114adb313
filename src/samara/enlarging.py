"""Low-res logits at the size of the original image, one mask at a time and only where they can matter.

Most masks cover a small part of an image. A logit at full size is a mean of low-res logits around it, so it exceeds a
threshold only near one that does; everything else need not be computed to be known. Both steps of
`Frame.to_original` (to the input square, then to the image) are linear along each axis and become one matrix per axis,
three numbers to a row. The result is the same but for the rounding of sums.

For the CPU; on an accelerator `Frame.to_original` does whole batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.masks.rle import Rle, encode_columns
from samara.preprocessing import Frame

# Columns of the image made at once: few enough that the matrix is not mostly zeros, enough to be one good product.
COLUMNS_AT_A_TIME = 256


@dataclass(frozen=True)
class Window:
    """A part of the enlarged logits; the mask is empty outside it.

    Attributes:
        columns: (W', H') float32, column by column.
        x0: first column in the image.
        y0: first row in the image.
    """

    columns: Tensor
    x0: int
    y0: int


@dataclass(frozen=True, eq=False)
class Axis:
    """How one axis of the image comes from one axis of the low-res logits.

    Attributes:
        matrix: (image size, low-res size) float32.
        first: (image size,) first low-res position that counts for each pixel; ascending.
        last: (image size,) the last, inclusive; ascending.
    """

    matrix: Tensor
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]

    def reached_from(self, start: int, stop: int) -> tuple[int, int]:
        """Pixels that low-res positions start..stop − 1 count for, as a half-open range."""
        return int(np.searchsorted(self.last, start)), int(np.searchsorted(self.first, stop))

    def needed_for(self, start: int, stop: int) -> tuple[int, int]:
        """Low-res positions that count for pixels start..stop − 1, as a half-open range."""
        return int(self.first[start]), int(self.last[stop - 1]) + 1


@dataclass(frozen=True)
class Enlargement:
    """From the low-res logits of a frame to its image.

    Attributes:
        frame: how the image lies in the input square.
        low_res_side: 4h = 4w.
    """

    frame: Frame
    low_res_side: int

    @cached_property
    def rows(self) -> Axis:
        """The vertical axis."""
        return _axis(
            self.low_res_side, self.frame.input_size, self.frame.resized_size_hw[0], self.frame.original_size_hw[0]
        )

    @cached_property
    def columns(self) -> Axis:
        """The horizontal axis."""
        return _axis(
            self.low_res_side, self.frame.input_size, self.frame.resized_size_hw[1], self.frame.original_size_hw[1]
        )

    def window_above(self, low_res_logits: Tensor, threshold: float) -> Window | None:
        """Enlarge the part of a mask where logits can exceed a threshold.

        Args:
            low_res_logits: (4h, 4w) float32 on the CPU.
            threshold: in logits.

        Returns:
            The window; None if no logit can exceed the threshold.
        """
        above = low_res_logits > threshold
        rows, columns = above.any(1).nonzero(), above.any(0).nonzero()
        if not len(rows):
            return None
        top, bottom = self.rows.reached_from(int(rows[0]), int(rows[-1]) + 1)
        left, right = self.columns.reached_from(int(columns[0]), int(columns[-1]) + 1)
        if top >= bottom or left >= right:  # all of it in the padding of the input square
            return None
        return Window(self._enlarge(low_res_logits, (left, right), (top, bottom)), left, top)

    def mask_above(self, low_res_logits: Tensor, threshold: float) -> Rle:
        """The mask at the size of the image, from (4h, 4w) logits as `window_above` takes them."""
        height, width = self.frame.original_size_hw
        window = self.window_above(low_res_logits, threshold)
        if window is None:
            return Rle.from_edges(np.zeros(0, dtype=np.int64), height, width)
        return encode_columns((window.columns > threshold).numpy(), window.x0, window.y0, height, width)

    def _enlarge(self, low_res_logits: Tensor, columns: tuple[int, int], rows: tuple[int, int]) -> Tensor:
        """Make some columns and rows of the image, (W', H')."""
        y0, y1 = self.rows.needed_for(*rows)
        x0, x1 = self.columns.needed_for(*columns)
        tall = low_res_logits[y0:y1, x0:x1].T @ self.rows.matrix[rows[0] : rows[1], y0:y1].T  # (low-res columns, H')
        enlarged = tall.new_empty(columns[1] - columns[0], rows[1] - rows[0])
        for start in range(*columns, COLUMNS_AT_A_TIME):
            stop = min(start + COLUMNS_AT_A_TIME, columns[1])
            left, right = self.columns.needed_for(start, stop)
            part = enlarged[start - columns[0] : stop - columns[0]]
            torch.mm(self.columns.matrix[start:stop, left:right], tall[left - x0 : right - x0], out=part)
        return enlarged


def _axis(low_res: int, square: int, resized: int, original: int) -> Axis:
    """Low-res → input square, cut to the resized image, → original, as one matrix."""
    to_square = _bilinear(low_res, square)[:resized]
    start, weight = _taps(resized, original)
    end = np.minimum(start + 1, resized - 1)
    matrix = (1 - weight)[:, None] * to_square[start] + weight[:, None] * to_square[end]
    used = matrix != 0
    last = low_res - 1 - used[:, ::-1].argmax(1)
    return Axis(torch.from_numpy(matrix.astype(np.float32)), used.argmax(1), last)


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
