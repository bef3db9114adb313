"""How images are read: declared once for all images of a task.

Settings and the command line use it without loading the image readers, which are imported on first use.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from samara.errors import SettingsError
from samara.images.limits import DEFAULT_MAX_PIXELS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from samara.images.read import ValueRange


@dataclass(frozen=True, slots=True)
class ImageReading:
    """How images are read; by default without conversion.

    Attributes:
        value_range: values of black and white, see `samara.read_image`.
        frame: frame or page of files with several, see `samara.read_image`.

    Raises:
        SettingsError: one of the two is invalid.
    """

    value_range: ValueRange | None = None
    frame: int | None = None

    def __post_init__(self) -> None:
        if self.value_range is not None:
            from samara.images.values import check_value_range

            check_value_range(self.value_range)
        if self.frame is not None and self.frame < 0:
            raise SettingsError(f"frame={self.frame} is not accepted; give a number from 0.")

    def pixels(self, source: str | os.PathLike[str] | bytes, *, max_pixels: int | None = None) -> NDArray[np.uint8]:
        """Read an image file: (H, W, 3) RGB.

        Args:
            source: its path, or its bytes.
            max_pixels: see `samara.read_image`; None for the default there.

        Raises:
            ImageError: see `samara.read_image`.
        """
        from samara.images.read import read_image

        limit = DEFAULT_MAX_PIXELS if max_pixels is None else max_pixels
        return read_image(source, value_range=self.value_range, frame=self.frame, max_pixels=limit)

    def size_hw(self, source: str | os.PathLike[str] | bytes) -> tuple[int, int]:
        """Return (H, W) of an image file, from its header.

        Raises:
            ImageError: see `samara.images.image_size`.
        """
        from samara.images.read import image_size

        return image_size(source, frame=self.frame)

    def facts(self) -> dict[str, Any]:  # Any: JSON values
        """Return the options for records and caches; empty for the default."""
        value_range = list(self.value_range) if isinstance(self.value_range, tuple) else self.value_range
        facts = {"value_range": value_range, "frame": self.frame}
        return {name: value for name, value in facts.items() if value is not None}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> ImageReading:  # Any: JSON values
        """Restore from the result of `facts`, ignoring other entries."""
        value_range = facts.get("value_range")
        return cls(tuple(value_range) if isinstance(value_range, (list, tuple)) else value_range, facts.get("frame"))


AS_THEY_ARE = ImageReading()
