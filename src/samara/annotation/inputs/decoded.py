"""Decoded images, whole or window by window, and the hash that finds near duplicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from samara.images.windows import WindowedImage

Pixels = npt.NDArray[np.uint8]

# Differences need one more column than the hash has.
_HASH_SIZE_HW = (8, 9)


class ImageByWindow(Protocol):
    """An image whose pixels are read window by window."""

    @property
    def size_hw(self) -> tuple[int, int]:
        """(H, W) in pixels, upright."""

    @property
    def difference_hash(self) -> int | None:
        """See `difference_hash`; None if it would take too long."""

    @property
    def georeference(self) -> str | None:
        """Georeference as JSON, see `samara.annotation.store.rows.ImageRow`."""

    def window(self, box_xyxy: tuple[int, int, int, int]) -> Pixels:
        """Return the pixels of a window: (h, w, 3) RGB uint8."""


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """An image in memory.

    Attributes:
        pixels: (H, W, 3) RGB uint8.
        difference_hash: see the function of that name.
        georeference: see `ImageByWindow`.
    """

    pixels: Pixels
    difference_hash: int | None = None
    georeference: str | None = None

    @property
    def size_hw(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def window(self, box_xyxy: tuple[int, int, int, int]) -> Pixels:
        """Return a view of a window: (h, w, 3) RGB uint8."""
        x0, y0, x1, y1 = box_xyxy
        return self.pixels[y0:y1, x0:x1]


@dataclass(frozen=True, eq=False)
class ImageOnDisk:
    """A large TIFF that is read window by window.

    Attributes:
        file: the TIFF.
        difference_hash: always None; computing it would read the whole file.
        georeference: see `ImageByWindow`.
    """

    file: WindowedImage
    difference_hash: int | None = None
    georeference: str | None = None

    @property
    def size_hw(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.file.size_hw

    def window(self, box_xyxy: tuple[int, int, int, int]) -> Pixels:
        """Return the pixels of a window: (h, w, 3) RGB uint8."""
        return self.file.window(box_xyxy)


def difference_hash(pixels: Pixels) -> int:
    """Hash the content of an image: 64 bits, one per pair of horizontal neighbours in a 9 × 8 thumbnail.

    Images that differ by resizing, compression or slight brightness changes differ in few bits. Source: N. Krawetz,
    "Kind of like that", 2013.
    """
    height, width = _HASH_SIZE_HW
    thumbnail = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(thumbnail, cv2.COLOR_RGB2GRAY).astype(np.int16)
    bits = np.packbits(grey[:, 1:] > grey[:, :-1])
    return int.from_bytes(bits.tobytes(), "big")
