"""Removal of small holes and specks of masks, by connected components.

Source: Kirillov et al. 2023, appendix B "Postprocessing"; segment-anything `utils/amg.py` @dca509f.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from samara.errors import SettingsError
from samara.masks.rle import Rle, encode_mask


def clean(rle: Rle, max_area: float) -> tuple[Rle, bool]:
    """Fill the holes of a mask, then remove its specks, if smaller than a limit; see the two functions below.

    Returns:
        The mask, the one given if no pixel changed, and whether there were small holes or parts.
    """
    filled, has_holes = fill_holes(rle.decode(), max_area)
    cleaned, has_specks = remove_specks(filled, max_area)
    changed = has_holes or has_specks
    return (encode_mask(cleaned) if changed else rle), changed


def fill_holes(mask: NDArray[np.bool_], max_area: float) -> tuple[NDArray[np.bool_], bool]:
    """Fill the holes of a mask that are smaller than a limit.

    A hole is any 8-connected part of the background, even one at the border of the image, or the whole background if it
    is that small.

    Args:
        mask: (H, W) bool.
        max_area: pixels; a hole of exactly this area stays.

    Returns:
        The mask, (H, W) bool (the one given if nothing changed), and whether a pixel changed.

    Raises:
        SettingsError: it is not a boolean array with two dimensions.
    """
    _require_mask(mask)
    # Everything beyond a one-pixel margin around the foreground is background, like the margin itself.
    window = _window(mask)
    labels, areas = _components(~mask[window])
    areas += _area_outside(labels, window, mask.shape, areas.size)
    small = areas < max_area
    small[0] = False
    if not small.any():
        return mask, False
    beyond = [(side.start, length - side.stop) for side, length in zip(window, mask.shape, strict=True)]
    return mask | np.pad(small[labels], beyond, mode="edge"), True


def remove_specks(mask: NDArray[np.bool_], max_area: float) -> tuple[NDArray[np.bool_], bool]:
    """Remove the parts of a mask that are smaller than a limit; the largest part stays in any case.

    Parts that touch at a corner are one. Of equally large ones, the first from the top counts as largest.

    Args:
        mask: (H, W) bool.
        max_area: pixels; a part of exactly this area stays.

    Returns:
        The mask, (H, W) bool (the one given if no pixel changed), and whether there were small parts: as in the
        reference, a mask whose only part is small counts as changed although its pixels are not.

    Raises:
        SettingsError: it is not a boolean array with two dimensions.
    """
    _require_mask(mask)
    window = _window(mask)
    labels, areas = _components(mask[window])
    stays = areas >= max_area
    stays[0] = False
    has_small = not bool(stays[1:].all())
    if areas.size > 1 and not stays.any():
        stays[1 + np.argmax(areas[1:])] = True
    if stays[1:].all():
        return mask, has_small
    cleaned = np.zeros_like(mask)
    cleaned[window] = stays[labels]
    return cleaned, True


def _components(foreground: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Label the 8-connected parts: (H, W) labels, 0 for none, and the area of every label including 0."""
    pixels = np.ascontiguousarray(foreground).view(np.uint8)
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(pixels, connectivity=8, ltype=cv2.CV_32S)
    return labels.astype(np.int32, copy=False), statistics[:, cv2.CC_STAT_AREA].astype(np.int64)


def _window(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the rows and columns of the box around the foreground, with a one-pixel margin inside the image."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if rows.size == 0:
        return slice(0, mask.shape[0]), slice(0, mask.shape[1])
    return _grown(rows, mask.shape[0]), _grown(columns, mask.shape[1])


def _grown(occupied: NDArray[np.int64], length: int) -> slice:
    return slice(max(int(occupied[0]) - 1, 0), min(int(occupied[-1]) + 2, length))


def _area_outside(
    labels: NDArray[np.int32], window: tuple[slice, slice], shape: tuple[int, ...], count: int
) -> NDArray[np.int64]:
    """Count pixels outside the window by the label they would have: that of the margin's nearest pixel.

    The outermost rows and columns of the window represent all those beyond, which repeat them, so that labelling the
    window finds the same parts as labelling the image.
    """
    rows, columns = (_repeats(side, length) for side, length in zip(window, shape, strict=True))
    extra = np.zeros(count, np.int64)
    # Only the outermost rows and columns represent more than themselves.
    inner = slice(1, -1)
    for row in {0, labels.shape[0] - 1}:
        np.add.at(extra, labels[row], rows[row] * columns - 1)
    for column in {0, labels.shape[1] - 1}:
        np.add.at(extra, labels[inner, column], rows[inner] * columns[column] - 1)
    return extra


def _repeats(side: slice, length: int) -> NDArray[np.int64]:
    """Return how many rows (or columns) of the image each one of the window represents."""
    repeats = np.ones(side.stop - side.start, np.int64)
    repeats[0] += side.start
    repeats[-1] += length - side.stop
    return repeats


def _require_mask(mask: NDArray[np.bool_]) -> None:
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.ndim != 2 or mask.size == 0:
        kind = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise SettingsError(f"A mask must be a boolean array (H, W) with pixels in it, not {kind}.")
