"""Resizing by cubic splines, as scikit-image's `resize(order=3, anti_aliasing=True)` does, for 8-bit images.

An axis that shrinks is first blurred by a Gaussian. Then the cubic spline through the pixels is evaluated at the new
centres; beyond the border the image is mirrored at the centre of its outermost pixels. The result is cut to whole grey
values, not rounded, because MedSAM does so (`MedSAM_Inference.py` @3e56a52). What differs from a whole number by
rounding errors alone counts as whole; there the reference may be one grey value lower.

Source: Unser 1999, "Splines: a perfect fit for signal and image processing"; scikit-image 0.26 `transform.resize` for
width and border of the blur.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_ROUNDING = 1e-6
_WIDTHS_OF_BLUR = 4.0
"""Reach of the blur in standard deviations."""


def resize_by_spline(image: npt.NDArray[np.uint8], size_hw: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Resize RGB (H, W, 3) to (h, w, 3)."""
    h, w = size_hw
    H, W = image.shape[:2]  # noqa: N806
    weights = _blur(W / w), _blur(H / h)
    blurred = np.asarray(
        cv2.sepFilter2D(image, cv2.CV_64F, *weights, borderType=cv2.BORDER_REFLECT_101), dtype=np.float64
    )
    rows = _along_first_axis(blurred.reshape(H, -1), h).reshape(h, W, 3)
    columns = _along_first_axis(rows.transpose(1, 0, 2).reshape(W, -1), w).reshape(w, h, 3)
    resized = np.clip(columns.transpose(1, 0, 2), image.min(), image.max())
    return np.floor(resized + _ROUNDING).astype(np.uint8)


def _blur(factor: float) -> Array:
    """Return the weights of the blur of an axis that shrinks by this factor; a single 1 for one that does not."""
    deviation = max(0.0, (factor - 1) / 2)
    reach = int(_WIDTHS_OF_BLUR * deviation + 0.5)
    if not reach:
        return np.ones(1)
    weights: Array = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    weights /= weights.sum()
    return weights


def _along_first_axis(values: Array, size: int) -> Array:
    """Evaluate the splines along the first axis at the centres of `size` equal parts, (n, K) → (size, K)."""
    n = len(values)
    if n == 1:
        return np.repeat(values, size, axis=0)
    coefficients = _coefficients(values)
    places = (np.arange(size) + 0.5) * n / size - 0.5
    first = np.floor(places).astype(np.int64)
    distance = (places - first)[:, None]
    weight_by_shift = {
        -1: (1 - distance) ** 3 / 6,
        0: 2 / 3 - distance**2 * (2 - distance) / 2,
        1: 2 / 3 - (1 - distance) ** 2 * (1 + distance) / 2,
        2: distance**3 / 6,
    }
    found = np.zeros((size, values.shape[1]))
    for shift, weight in weight_by_shift.items():
        found += weight * coefficients[_mirrored(first + shift, n)]
    return found


def _coefficients(values: Array) -> Array:
    """Solve (c[i − 1] + 4 c[i] + c[i + 1]) / 6 = values[i] along the first axis, with c mirrored at both ends."""
    n = len(values)
    solved = 6 * values
    above = np.empty(n)  # of the triangular system: solved[i] = c[i] + above[i] · c[i + 1]
    above[0] = 0.5  # c[−1] = c[1]
    solved[0] /= 4
    for i in range(1, n):
        below = 2.0 if i == n - 1 else 1.0  # c[n] = c[n − 2]
        pivot = 4 - below * above[i - 1]
        above[i] = 1 / pivot
        solved[i] = (solved[i] - below * solved[i - 1]) / pivot
    for i in range(n - 2, -1, -1):
        solved[i] -= above[i] * solved[i + 1]
    return solved


def _mirrored(index: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    """Map positions beyond the ends to those inside, n at least 2."""
    folded = np.abs(index) % (2 * (n - 1))
    inside: npt.NDArray[np.int64] = np.minimum(folded, 2 * (n - 1) - folded)
    return inside
