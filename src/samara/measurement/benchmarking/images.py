"""Images for timing: the user's, or a synthetic one if there are none."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from samara.errors import ImageError
from samara.images.paths import Finder
from samara.images.settings import AS_THEY_ARE, ImageReading

Image = npt.NDArray[np.uint8]

DRAWN = "drawn"
"""Entry for the synthetic image in the settings of a measurement."""

_SIZE_HW = (1000, 1500)
_OBJECTS = 40


def choose_images(folder: Path, most: int) -> list[Path]:
    """Choose images from a folder and its subfolders, evenly spaced by name.

    Raises:
        ImageError: The folder has no images.
    """
    found = sorted(path for path in map(Path, Finder().below(folder)) if path.is_file())
    if not found:
        raise ImageError(f"{folder} has no images (JPEG, PNG, TIFF, WebP and others); give a folder that has some")
    return evenly(found, most)


def evenly(paths: Sequence[Path], most: int) -> list[Path]:
    """Return at most `most` of the paths, evenly spaced."""
    return [paths[round(place)] for place in np.linspace(0, len(paths) - 1, min(most, len(paths)))]


def digests(paths: Sequence[Path]) -> list[str]:
    """Digests that identify the images of a measurement; that of the synthetic image if there are none."""
    return [hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in paths] or [DRAWN]


def read_images(paths: Sequence[Path], reading: ImageReading = AS_THEY_ARE) -> list[Image]:
    """Read the images, or draw one if there are none.

    Raises:
        ImageError: An image cannot be read.
    """
    return [reading.pixels(path) for path in paths] or [draw_image()]


def draw_image() -> Image:
    """Draw coloured ellipses on a gradient, (1000, 1500, 3) RGB uint8, always the same."""
    rng = np.random.default_rng(0)
    H, W = _SIZE_HW  # noqa: N806
    gradient = np.linspace(60, 200, W)[None, :, None] * np.linspace(0.6, 1, H)[:, None, None]
    image = np.broadcast_to(gradient, (H, W, 3)).astype(np.uint8).copy()
    for _ in range(_OBJECTS):
        centre = (int(rng.integers(0, W)), int(rng.integers(0, H)))
        axes = (int(rng.integers(15, 160)), int(rng.integers(15, 160)))
        colour = tuple(int(part) for part in rng.integers(0, 256, 3))
        cv2.ellipse(image, centre, axes, float(rng.integers(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
    return image
