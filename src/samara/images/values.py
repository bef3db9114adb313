"""From numbers to 0..255: value ranges, grey to colour, colour order, transparency."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from samara.errors import ImageError, SettingsError

ValueRange: TypeAlias = tuple[float, float] | Literal["auto"]
ChannelOrder: TypeAlias = Literal["RGB", "BGR"]

_BLOCK_VALUES = 1 << 18  # blocks of this size stay in the cache, and avoid a whole image in float64
_TWELVE_BITS = 4096
_ANY_RANGE = 'value_range=(lo, hi), or value_range="auto" for its own minimum and maximum'


def check_value_range(value_range: ValueRange | None) -> None:
    """Refuse anything except None, "auto" or two finite numbers in order.

    Raises:
        SettingsError: The value is invalid; the message shows the accepted form.
    """
    if value_range is None or (isinstance(value_range, str) and value_range == "auto"):
        return
    is_pair = isinstance(value_range, (tuple, list)) and len(value_range) == 2
    if not is_pair or not all(map(_is_finite_number, value_range)):
        raise SettingsError(f'value_range={value_range!r} is not accepted; give (black, white), or "auto".')
    if not value_range[0] < value_range[1]:
        raise SettingsError(f"value_range={value_range!r} is not accepted; black, the first, must be less than white.")


def _is_finite_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and math.isfinite(value)


def to_rgb(
    pixels: NDArray[np.generic],
    name: str,
    value_range: ValueRange | None,
    background: tuple[int, int, int],
    channel_order: ChannelOrder = "RGB",
) -> NDArray[np.uint8]:
    """Convert pixels of any type to 8-bit RGB.

    Args:
        pixels: (H, W) grey, (H, W, 3) colour or (H, W, 4) colour and alpha.
        name: Name of the image in messages.
        value_range: See `read_image`; for the colours, not for alpha.
        background: RGB behind transparent pixels.
        channel_order: The order of the colours in `pixels`.

    Returns:
        (H, W, 3) C-contiguous; shares memory with `pixels` if unchanged.

    Raises:
        ImageError: Black and white cannot be determined from the values.
    """
    colours, alpha = split(pixels)
    rgb = three_channels(_to_bytes(colours, name, value_range), channel_order)
    return rgb if alpha is None else lay_over(rgb, _alpha_bytes(alpha, name), background)


def split(pixels: NDArray[np.generic]) -> tuple[NDArray[np.generic], NDArray[np.generic] | None]:
    """Split pixels, as in `to_rgb`, into colours or grey, and alpha."""
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        return pixels[..., :3], pixels[..., 3]
    return pixels, None


def three_channels(colours: NDArray[np.uint8], channel_order: ChannelOrder = "RGB") -> NDArray[np.uint8]:
    """Convert grey (H, W) or colours (H, W, 3) to RGB, C-contiguous."""
    # cv2, because NumPy is ten times slower; astype, because the stubs of cv2 lose the type.
    contiguous = np.ascontiguousarray(colours)
    if contiguous.ndim == 2:
        return cv2.cvtColor(contiguous, cv2.COLOR_GRAY2RGB).astype(np.uint8, copy=False)
    if channel_order == "BGR":
        return cv2.cvtColor(contiguous, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
    return contiguous


def _alpha_bytes(alpha: NDArray[np.generic], name: str) -> NDArray[np.uint8]:
    with alpha_failures(name):
        return _to_bytes(alpha, name, None)


@contextmanager
def alpha_failures(name: str) -> Iterator[None]:
    """Convert errors of `range_of_type` to ones about an alpha channel."""
    try:
        yield
    except ImageError as error:
        raise ImageError(
            f"{name} has an alpha channel that does not use the range of its type (0..255, 0..65535 for "
            "uint16, 0..1 for floats); scale it, or leave it out: [..., :3] of an array, [:3] of a tensor."
        ) from error


def _to_bytes(values: NDArray[np.generic], name: str, value_range: ValueRange | None) -> NDArray[np.uint8]:
    """Map black..white to 0..255, rounding to the nearest."""
    check_type(values.dtype, name)
    if values.dtype == np.uint8 and value_range is None:
        return values.astype(np.uint8, copy=False)
    lowest, highest = _extremes(values, name)
    if value_range is None:
        black, white = range_of_type(values.dtype, lowest, highest, name)
    elif isinstance(value_range, str):
        black, white = lowest, highest
    else:
        black, white = value_range
        check_can_fill(values.dtype, (black, white), name)
        _check_within((lowest, highest), (black, white), name)
    return map_linearly(values, float(black), float(white), name)


def check_type(dtype: np.dtype[np.generic], name: str) -> None:
    """Refuse values without an order.

    Raises:
        ImageError: they are complex numbers, texts or objects.
    """
    if dtype.kind not in "buif":
        raise ImageError(f"{name} has {dtype} values; accepted are bool, integers and real floats.")


def _extremes(values: NDArray[np.generic], name: str) -> tuple[float, float]:
    numbers = values.view(np.uint8) if values.dtype == np.bool_ else values
    with np.errstate(invalid="ignore"):  # NaN raises an error below
        lowest, highest = numbers.min().item(), numbers.max().item()
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        raise ImageError(f"{name} contains NaN or infinite values; replace them, for example with nan_to_num.")
    return lowest, highest


def range_of_type(dtype: np.dtype[np.generic], lowest: float, highest: float, name: str) -> tuple[float, float]:
    """Return the values of black and white if none were declared.

    Args:
        dtype: type of the values.
        lowest: smallest value of the whole image.
        highest: largest value of the whole image.
        name: name of the image in messages.

    Raises:
        ImageError: the values evidently do not use the range of their type.
    """
    match dtype.kind:
        case "b":
            return 0, 1
        case "u" if dtype.itemsize == 2:  # of either byte order
            return _range_of_uint16(highest, name)
        case "u" | "i":
            return _range_of_integers(lowest, highest, name)
        case _:
            return _range_of_floats(lowest, highest, name)


def _range_of_uint16(highest: float, name: str) -> tuple[float, float]:
    if 0 < highest < _TWELVE_BITS:
        likely_white = next(white for white in (255, 1023, 4095) if highest <= white)
        raise ImageError(
            f"{name} has 16 bits but no value above {highest}, and would turn out black; declare what is "
            f"white: value_range=(0, {likely_white}), or value_range=(0, 65535) if it is really that dark."
        )
    return 0, 65535


def _range_of_integers(lowest: float, highest: float, name: str) -> tuple[float, float]:
    if lowest < 0 or highest > 255:
        raise ImageError(
            f"{name} has integers from {lowest} to {highest}, beyond 0..255; declare what is black "
            f"and white: {_ANY_RANGE}."
        )
    return 0, 255


def _range_of_floats(lowest: float, highest: float, name: str) -> tuple[float, float]:
    if _is_outside(lowest, highest, 0, 1):
        likely = _ANY_RANGE
        if lowest >= 0 and highest <= 255:
            likely = "for example value_range=(0, 255)"
        elif lowest >= -1 and highest <= 1:
            likely = "for example value_range=(-1, 1)"
        raise ImageError(
            f"{name} has values from {lowest:.6g} to {highest:.6g}, beyond 0..1; declare what is black and "
            f"white: {likely}."
        )
    return 0, 1


def check_can_fill(dtype: np.dtype[np.generic], declared: tuple[float, float], name: str) -> None:
    """Refuse a range that the type of the values cannot fill.

    Raises:
        ImageError: e.g. (0, 4095) would turn an 8-bit image among 12-bit ones black.
    """
    limits = _limits(dtype)
    if declared[0] < limits[0] or declared[1] > limits[1]:
        raise ImageError(
            f"{name} has {dtype} values, which cannot fill value_range=({declared[0]:g}, {declared[1]:g}); "
            "leave value_range out for this image, or declare its actual range."
        )


def _check_within(extremes: tuple[float, float], declared: tuple[float, float], name: str) -> None:
    if _is_outside(*extremes, *declared):
        raise ImageError(
            f"{name} has values from {extremes[0]:.6g} to {extremes[1]:.6g}, outside value_range="
            f"({declared[0]:g}, {declared[1]:g}); declare a wider range, or clip the values first."
        )


def _limits(dtype: np.dtype[np.generic]) -> tuple[float, float]:
    match dtype.kind:
        case "b":
            return 0, 1
        case "f":
            return -math.inf, math.inf
        case _:
            limits = np.iinfo(dtype.name)
            return limits.min, limits.max


def _is_outside(lowest: float, highest: float, black: float, white: float) -> bool:
    # Resizing in float32 turns 1 into 1.0000001; that is white.
    tolerance = 1e-6 * (white - black)
    return lowest < black - tolerance or highest > white + tolerance


def map_linearly(
    values: NDArray[np.generic], black: float, white: float, name: str, nodata: float | None = None
) -> NDArray[np.uint8]:
    """Map black..white to 0..255, rounding to the nearest; values outside become black or white.

    Args:
        values: any shape; NaN becomes black.
        black: value that becomes 0.
        white: value that becomes 255.
        name: name of the image in messages.
        nodata: value that becomes black regardless of the range.

    Raises:
        ImageError: black and white are too far apart for the arithmetic.
    """
    mapped = np.zeros(values.shape, np.uint8)
    span = white - black
    if span == 0:  # "auto" on a constant image
        return mapped
    if not math.isfinite(span):
        raise ImageError(f"{name} has values from {black:g} to {white:g}, too far apart for float64; scale them.")
    for rows in _blocks_of_rows(values.shape):
        block = np.subtract(values[rows], black, dtype=np.float64)
        block /= span
        block *= 255
        np.rint(block, out=block)
        np.clip(block, 0, 255, out=block)
        if nodata is not None:
            block[is_nodata(values[rows], nodata)] = 0
        mapped[rows] = np.nan_to_num(block, copy=False) if values.dtype.kind == "f" else block
    return mapped


def is_nodata(values: NDArray[np.generic], nodata: float) -> NDArray[np.bool_]:
    """Return which values are the no-data value."""
    value = values.dtype.type(nodata) if values.dtype.kind == "f" else nodata  # -3.4e38 is rounded in the file
    found: NDArray[np.bool_] = np.equal(values, value)
    return found


def lay_over(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8], background: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Composite over one colour: (rgb · alpha + background · (255 - alpha)) / 255, rounded to the nearest."""
    if int(alpha.min()) == 255:
        return rgb
    laid = np.empty_like(rgb)
    behind = np.array(background, np.uint16)
    for rows in _blocks_of_rows(rgb.shape):
        share = alpha[rows][..., np.newaxis].astype(np.uint16)
        block = rgb[rows] * share
        block += behind * (255 - share)
        block += 127
        laid[rows] = block // 255
    return laid


def _blocks_of_rows(shape: tuple[int, ...]) -> Iterator[slice]:
    rows = max(1, _BLOCK_VALUES // math.prod(shape[1:]))
    return (slice(top, top + rows) for top in range(0, shape[0], rows))
