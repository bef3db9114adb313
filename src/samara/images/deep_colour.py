"""16-bit colours, of which Pillow keeps the upper bytes only.

Pillow has no mode for them; it unpacks big-endian and little-endian files by taking one byte in two. Told the
other byte order, it takes the other one, so that decoding twice yields all 16 bits. Grey with alpha, which has one byte
order only, has as many bytes per pixel as 8-bit RGBA, and is decoded as that.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, PngImagePlugin, TiffImagePlugin

from samara.errors import ImageError
from samara.images.tiff import page_of

# Raw modes end in the byte order: big-endian, little-endian, or the machine's own (what libtiff delivers).
_OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def is_deep(image: Image.Image) -> bool:
    """Whether a file that is not decoded yet holds colours of 16 bits."""
    if image.mode not in ("RGB", "RGBA"):
        return False
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return page_of(image).bits > 8
    return isinstance(image, PngImagePlugin.PngImageFile) and ";16" in _raw_mode(image)


def refuse_varieties(image: ImageFile.ImageFile, name: str) -> None:
    """Refuse deep colours whose lower bytes cannot be had, or mean nothing.

    Raises:
        ImageError: Premultiplied alpha.
    """
    channels, _, order = _raw_mode(image).partition(";16")
    if channels not in ("RGB", "RGBX", "RGBA") or order not in _OTHER_BYTE:
        raise ImageError(f"{name} has 16 bits in a variety that is not supported; save it as plain 16-bit RGB(A).")


def refuse_transparent_colour(image: PngImagePlugin.PngImageFile, name: str) -> None:
    """Refuse 16-bit files in which one colour means transparency.

    Raises:
        ImageError: Pillow would compare the 16-bit colour with the 8 bits that it keeps.
    """
    if ";16" in _raw_mode(image) and "transparency" in image.info:
        raise ImageError(f"{name} has 16 bits and one transparent colour; save it with an alpha channel instead.")


def is_grey_with_alpha(image: ImageFile.ImageFile) -> bool:
    """Whether a deep file that is not decoded yet is a PNG of grey values and alpha."""
    return _raw_mode(image) == "LA;16B"


def select_all_bytes(image: ImageFile.ImageFile) -> None:
    """Make grey with alpha decode to its four bytes per pixel, for `join_grey_with_alpha`."""
    image.tile = [tile._replace(args="RGBA") for tile in image.tile]


def join_grey_with_alpha(pixels: NDArray[np.generic]) -> NDArray[np.uint16]:
    """Put bytes together: (H, W, 4), upper and lower of grey and of alpha → (H, W, 4) RGBA."""
    return join(pixels[..., 0::2], pixels[..., 1::2])[..., [0, 0, 0, 1]]


def select_lower_bytes(image: ImageFile.ImageFile) -> None:
    """Make a file that is not decoded yet decode to its lower bytes."""
    image.tile = [tile._replace(args=_with_other_byte(tile.args)) for tile in image.tile]


def join(upper: NDArray[np.generic], lower: NDArray[np.generic]) -> NDArray[np.uint16]:
    """Put the bytes of both decodings together."""
    joined = upper.astype(np.uint16)
    joined <<= 8
    joined |= lower.astype(np.uint8, copy=False)
    return joined


def _raw_mode(image: ImageFile.ImageFile) -> str:
    args = image.tile[0].args if image.tile else ""
    return str(args[0] if isinstance(args, tuple) else args)


def _with_other_byte(args: tuple[object, ...] | str | None) -> tuple[object, ...] | str:
    if isinstance(args, tuple):
        return (_with_other_byte(str(args[0])), *args[1:])
    return f"{str(args)[:-1]}{_OTHER_BYTE[str(args)[-1]]}"
