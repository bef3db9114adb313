"""Encoding of Label Studio's run lengths for brush strokes.

They are the `rle-pack` of thi.ng/umbrella: a bit stream whose header states the number of values (32 bits), the bits
per value minus one (5) and the bits of each of four kinds of run length minus one (4 each). Runs follow: a bit 1, the
kind of run length (2 bits), the length minus one, and the repeated value; a bit 0 would start values that do not
repeat, which masks do not need. The values are the image's red, green, blue and alpha, row by row, 255 within the mask.

Source: the documentation of thi.ng/umbrella `rle-pack`; label-studio-sdk `converter/brush.py` (the format only).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from samara.errors import OutputError
from samara.masks.columns import window_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samara.masks.rle import Rle

_CHANNELS = 4
_VALUE_BITS = 8
# The four kinds, in the file's order: runs of up to 8, 16, 256 and 65,536 values.
_LENGTH_BITS = np.array([3, 4, 8, 16])
_MAX_LENGTH = 1 << 16
_MAX_VALUES = 1 << 32


def brush_rle(rle: Rle) -> list[int]:
    """Encode a mask.

    Args:
        rle: the mask, of fewer than 2³⁰ pixels.

    Returns:
        Bytes, each 0..255.

    Raises:
        OutputError: the mask has more pixels than the format can count.
    """
    values = rle.height * rle.width * _CHANNELS
    if values >= _MAX_VALUES:
        raise OutputError(
            f"a mask of {rle.height} x {rle.width} pixels is too large for Label Studio's run lengths; choose polygons"
        )
    lengths, is_inside = _split(*_row_runs(rle))
    header = _bits(
        np.array([values, _VALUE_BITS - 1, *(_LENGTH_BITS - 1)]), np.array([32, 5, *[4] * len(_LENGTH_BITS)])
    )
    kind = np.searchsorted(1 << _LENGTH_BITS, lengths)
    length_bits = _LENGTH_BITS[kind]
    # One number per run: 1, kind, length minus one, value, from the top bit down.
    record = ((((4 | kind) << length_bits) | (lengths - 1)) << _VALUE_BITS) | np.where(is_inside, 255, 0)
    packed: list[int] = np.packbits(np.concatenate([header, _bits(record, 3 + length_bits + _VALUE_BITS)])).tolist()
    return packed


def _row_runs(rle: Rle) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the runs of a mask row by row: lengths in values, and whether each is foreground."""
    window = window_of(rle)
    left, top, _, _ = rle.box_xyxy
    # A background column on the right separates the rows of the window.
    padded = np.pad(window, ((0, 0), (0, 1))).ravel()
    changes = np.flatnonzero(np.diff(padded, prepend=False))
    row, column = np.divmod(changes, window.shape[1] + 1)
    places = ((top + row) * rle.width + left + column) * _CHANNELS
    lengths = np.diff(places, prepend=0, append=rle.height * rle.width * _CHANNELS)
    is_inside = np.arange(lengths.size) % 2 == 1
    return lengths[lengths > 0], is_inside[lengths > 0]


def _split(lengths: NDArray[np.int64], is_inside: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Split runs that are longer than the format's maximum."""
    pieces = -(-lengths // _MAX_LENGTH)
    last = np.cumsum(pieces) - 1
    split = np.full(int(pieces.sum()), _MAX_LENGTH, np.int64)
    split[last] = lengths - (pieces - 1) * _MAX_LENGTH
    return split, np.repeat(is_inside, pieces)


def _bits(numbers: NDArray[np.int64], widths: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Concatenate numbers, each with its own number of bits, highest bit first."""
    number = np.repeat(numbers, widths)
    place = np.arange(number.size) - np.repeat(np.cumsum(widths) - widths, widths)
    bits: NDArray[np.uint8] = (number >> (np.repeat(widths, widths) - 1 - place) & 1).astype(np.uint8)
    return bits
