"""Decoding of Label Studio's run lengths for brush strokes; see `samara.datasets.writing.brush_rle` for the format."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from samara.errors import DatasetError
from samara.masks.rle import Rle, encode_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHANNELS = 4
# Edges of a brush stroke are smoothed; a pixel is inside if at least half of it is covered.
_HALF = 128


def mask_of_brush(packed: object, height: int, width: int) -> Rle:
    """Decode a mask.

    Args:
        packed: bytes as a list of numbers 0..255.
        height: H of the image.
        width: W of the image.

    Raises:
        DatasetError: it is no such list, is damaged, or belongs to an image of another size.
    """
    try:
        data = bytes(packed) if isinstance(packed, Sequence) and not isinstance(packed, str) else b""
    except (TypeError, ValueError) as error:
        raise DatasetError(f"the brush stroke {reprlib.repr(packed)} is not a list of bytes") from error
    bits = _Bits(data)
    count, value_bits = bits.take(32), bits.take(5) + 1
    length_bits = [bits.take(4) + 1 for _ in range(4)]
    if count != height * width * _CHANNELS:
        raise DatasetError(
            f"the brush stroke has {count:,} values; an image of {height} x {width} pixels has "
            f"{height * width * _CHANNELS:,}"
        )
    values = np.zeros(count, np.int64)
    done = 0
    while done < count:
        is_run = bits.take(1)
        length = bits.take(length_bits[bits.take(2)]) + 1
        if done + length > count:
            raise DatasetError("the brush stroke has more values than its header says")
        values[done : done + length] = bits.take(value_bits) if is_run else bits.take_many(length, value_bits)
        done += length
    return encode_mask(values.reshape(height, width, _CHANNELS)[..., -1] >= _HALF)


class _Bits:
    """A stream of bits, highest first."""

    def __init__(self, data: bytes) -> None:
        self._bits = np.unpackbits(np.frombuffer(data, np.uint8))
        self._place = 0

    def take(self, count: int) -> int:
        """Read one number of `count` bits."""
        return int.from_bytes(np.packbits(np.pad(self._next(count), (-count % 8, 0))).tobytes(), "big")

    def take_many(self, number: int, count: int) -> NDArray[np.int64]:
        """Read several numbers of `count` bits each."""
        weights = 1 << np.arange(count - 1, -1, -1)
        return self._next(number * count).reshape(number, count).astype(np.int64) @ weights

    def _next(self, count: int) -> NDArray[np.uint8]:
        taken = self._bits[self._place : self._place + count]
        if len(taken) < count:
            raise DatasetError("the brush stroke ends early")
        self._place += count
        return taken
