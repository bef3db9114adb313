"""EXIF orientation: reading it, and turning the image upright."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags

if TYPE_CHECKING:
    from cv2.typing import MatLike

_TAG = int(ExifTags.Base.Orientation)
_SHORT = 3

Pixel = TypeVar("Pixel", bound=np.generic)

# cv2, because copying a mirrored view in NumPy is seven times slower.
_TURNS: Mapping[int, Callable[[MatLike], MatLike]] = {
    2: lambda stored: cv2.flip(stored, 1),
    3: lambda stored: cv2.rotate(stored, cv2.ROTATE_180),
    4: lambda stored: cv2.flip(stored, 0),
    5: cv2.transpose,
    6: lambda stored: cv2.rotate(stored, cv2.ROTATE_90_CLOCKWISE),
    7: lambda stored: cv2.transpose(cv2.rotate(stored, cv2.ROTATE_180)),
    8: lambda stored: cv2.rotate(stored, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def turn_upright(stored: NDArray[Pixel], orientation: int) -> NDArray[Pixel]:
    """Apply an EXIF orientation.

    Args:
        stored: (H, W, C), 8 or 16 bits.
        orientation: 1 to 8 as in EXIF.

    Returns:
        (H, W, C), or (W, H, C) for orientations 5 to 8; `stored` itself if nothing needs to be done.
    """
    if orientation not in _TURNS:
        return stored
    # The stubs of cv2 only know numeric arrays, not that the type is preserved.
    return cast("NDArray[Pixel]", _TURNS[orientation](cast("MatLike", stored)))


def orientation_in_exif(exif: bytes) -> int | None:
    """Find the orientation in an EXIF block, however damaged the rest is.

    Pillow's reader loads all tags and gives up, with a warning, at the first broken one, so a photo with a broken GPS
    entry would not be rotated.

    Returns:
        1 to 8, or None if the block does not state it.
    """
    block = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(block[:4])
    if order is None:
        return None
    try:
        (directory,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, directory)
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", block, entry)
            if tag == _TAG and kind == _SHORT and 1 <= value <= 8:
                return int(value)
    except struct.error:
        return None  # the block ends before its directory does
    return None
