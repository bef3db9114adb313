"""Reading any image from any source as 8-bit RGB: the only entry of pixels into samara.

A conversion is exact, or defined by the format, or refused with a remedy; nothing is guessed. This module only
dispatches. `files` decodes (`tiff` handles that format's pitfalls), `arrays` determines the layout of arrays and
tensors, `values` maps numbers to 0..255, `orientation` turns photos upright, `unreadable` identifies other files.
"""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samara.errors import ImageError, SettingsError
from samara.images.arrays import array_pixels, tensor_pixels
from samara.images.files import decode, orientation_in_header, upright_size
from samara.images.limits import DEFAULT_MAX_PIXELS
from samara.images.orientation import turn_upright
from samara.images.tones import settle
from samara.images.values import ChannelOrder, ValueRange, check_value_range, to_rgb

if TYPE_CHECKING:
    import torch
    from typing_extensions import TypeIs

__all__ = ["DEFAULT_MAX_PIXELS", "ChannelOrder", "ImageSource", "ValueRange", "image_size", "is_turned", "read_image"]

ImageSource: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]"
    " | Image.Image | NDArray[np.generic] | torch.Tensor"
)


def read_image(
    source: ImageSource,
    *,
    value_range: ValueRange | None = None,
    channel_order: ChannelOrder = "RGB",
    background: tuple[int, int, int] = (255, 255, 255),
    frame: int | None = None,
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
) -> NDArray[np.uint8]:
    """Read one image as 8-bit RGB.

    Files and PIL images are turned upright by their EXIF orientation. Palettes, grey, CMYK, YCbCr, Lab and
    HSV are converted like in Pillow; embedded colour profiles are not applied. Transparent pixels are composited over
    `background`. A damaged or incomplete file is an error, never a half-grey image (unless the process has set Pillow's
    own `ImageFile.LOAD_TRUNCATED_IMAGES`).

    Numbers become 0..255 according to their type: uint8 unchanged, bool 0 and 255, uint16 with 65535 as white, floats
    with 1 as white, other integers unchanged if all are in 0..255. Images that would turn out black or overexposed by
    that rule need `value_range`. An alpha channel always follows the rule of its type.

    Args:
        source: A path, encoded bytes, a binary file object (read from its position to its end), a PIL image,
            an array (H, W) or (H, W, 1 | 3 | 4), or a tensor (H, W) or (1 | 3 | 4, H, W) on any device.
        value_range: The values (lo, hi) that mean black and white; needed for 12-bit data in 16 bits, for
            floats beyond 0..1 and for integers beyond 0..255. Values outside become black and white in a file; in an
            array or tensor they are an error: clip them first if intended. "auto" stretches this image's own minimum
            and maximum (a constant image becomes black), so brightness is no longer comparable between images. NaN, and
            the "no data" value of a GeoTIFF, become black.
        channel_order: Order of the colours in an array or tensor; "BGR" for results of `cv2.imread`. Files have their
            own order.
        background: RGB colour behind transparent pixels.
        frame: Frame or page, from 0, of a file with several (GIF, APNG, WebP, TIFF). Without it such files are refused,
            except MPO (phones), whose first frame is the photo, and TIFFs whose further pages are marked as reduced
            copies or masks. A PIL image positioned at a later frame is used at that frame.
        max_pixels: Refuse files and PIL images that declare more pixels, before decoding. None: no limit.

    Returns:
        (H, W, 3) uint8 RGB, C-contiguous, writable. It never shares memory with `source`: 8-bit RGB is copied too (6 ms
        for 12 megapixels), so that later changes to the source do not affect it.

    Raises:
        ImageError: The image cannot be read, or cannot be converted without guessing.
        SettingsError: An option has an invalid value.
    """
    _check_options(value_range, channel_order, background, frame, max_pixels)
    name = _name(source)
    if isinstance(source, np.ndarray) or _is_tensor(source):
        _refuse_frame(frame, name)
        given = array_pixels(source, name) if isinstance(source, np.ndarray) else tensor_pixels(source, name)
        rgb = to_rgb(given, name, value_range, background, channel_order)
        return np.array(rgb) if np.may_share_memory(rgb, given) else rgb
    if channel_order == "BGR":
        raise ImageError(f'{name} has its own colour order; channel_order="BGR" applies only to arrays and tensors.')
    pixels, orientation, nodata, white = decode(source, name, frame, max_pixels)
    tones = settle([pixels], pixels.dtype, name, value_range, nodata=nodata, white=white)
    return turn_upright(tones.rgb(pixels, background), orientation)


def image_size(source: str | os.PathLike[str] | bytes, *, frame: int | None = None) -> tuple[int, int]:
    """Return the size that `read_image` would produce, without decoding the image.

    Args:
        source: A path, or the bytes of a file.
        frame: See `read_image`.

    Returns:
        (H, W) in pixels, after applying the EXIF orientation.

    Raises:
        ImageError: It is not an image, cannot be read, or the file contains several. Damage after the header is not
            detected.
    """
    return upright_size(source, _name(source), frame)


def is_turned(source: str | os.PathLike[str] | bytes) -> bool:
    """Return whether `read_image` rotates or mirrors an image by its EXIF orientation, without decoding it.

    Raises:
        ImageError: see `image_size`.
    """
    return orientation_in_header(source, _name(source)) != 1


def _check_options(
    value_range: ValueRange | None,
    channel_order: str,
    background: tuple[int, int, int],
    frame: int | None,
    max_pixels: int | None,
) -> None:
    check_value_range(value_range)
    if channel_order not in ("RGB", "BGR"):
        raise SettingsError(f'channel_order={channel_order!r} is not accepted; give "RGB" or "BGR".')
    if not _is_colour(background):
        raise SettingsError(f"background={background!r} is not accepted; give three integers 0..255, red first.")
    if frame is not None and not _is_integer(frame, at_least=0):
        raise SettingsError(f"frame={frame!r} is not accepted; give a number from 0.")
    if max_pixels is not None and not _is_integer(max_pixels, at_least=1):
        raise SettingsError(f"max_pixels={max_pixels!r} is not accepted; give a number from 1, or None for no limit.")


def _is_colour(value: object) -> bool:
    if not isinstance(value, (tuple, list)) or len(value) != 3:
        return False
    return all(_is_integer(band, at_least=0) and band <= 255 for band in value)


def _is_integer(value: object, at_least: int) -> bool:
    return isinstance(value, (int, np.integer)) and int(value) >= at_least


def _refuse_frame(frame: int | None, name: str) -> None:
    if frame is not None:
        raise ImageError(f"{name} has no frames; frame={frame} is for files such as GIF and TIFF: index the array.")


def _is_tensor(source: object) -> TypeIs[torch.Tensor]:
    # A caller with a tensor has imported torch already; importing it here would cost other callers two seconds.
    tensor_type = getattr(sys.modules.get("torch"), "Tensor", None)
    return tensor_type is not None and isinstance(source, tensor_type)


def _name(source: ImageSource) -> str:
    """Return the name of the source in messages."""
    if isinstance(source, (str, os.PathLike)):
        return repr(os.fsdecode(source))
    if isinstance(source, np.ndarray):
        return f"The array of shape {source.shape} and type {source.dtype}"
    if _is_tensor(source):
        return f"The tensor of shape {tuple(source.shape)} and type {source.dtype}"
    if isinstance(source, Image.Image):
        return f"The PIL image of mode {source.mode}"
    if isinstance(source, (bytes, bytearray, memoryview)):
        return f"The data of {len(source)} bytes"
    return f"The object of type {type(source).__name__}"
