"""An image with its masks, to be written to a file."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samara.errors import DatasetError
from samara.masks.mask_set import MaskSet

# Control characters, surrogates, and line and paragraph separators.
_NO_LINE = {"Cc", "Cs", "Zl", "Zp"}


@dataclass(frozen=True, slots=True)
class GeoReference:
    """The georeference of an image.

    Attributes:
        transform: (a, b, c, d, e, f) from the pixel frame to coordinates: X = a·x + b·y + c, Y = d·x + e·y + f, where
            (0, 0) is the top left corner of the top left pixel (the order of rasterio and of the affine package).
        crs: coordinate reference system: a code such as "EPSG:32633", or a definition (WKT) of one without a code; None
            if unknown.

    Raises:
        DatasetError: the transform is not six finite numbers, or collapses the image to a line.
    """

    transform: tuple[float, float, float, float, float, float]
    crs: str | None = None

    def __post_init__(self) -> None:
        if len(self.transform) != 6 or not all(math.isfinite(number) for number in self.transform):
            raise DatasetError(
                f"A geographic transform must be six finite numbers a, b, c, d, e, f, not {self.transform}."
            )
        if self.determinant == 0:
            raise DatasetError(f"The geographic transform {self.transform} maps all pixels to one line; check it.")

    @property
    def determinant(self) -> float:
        """Signed area of a pixel in squared units of the coordinates; negative for the usual north-up image."""
        a, b, _, d, e, _ = self.transform
        return a * e - b * d


@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """An image and its masks.

    Attributes:
        file_name: name to write into the annotations, with "/" between folders; relative to the image folder for
            formats that write files of the same name.
        masks: M masks of the image; M may be 0.
        image_id: number of the image, unique within one export.
        categories: M class names of the masks; None if only the checkpoint's classes are known.
        path: the image file, if there is one to link or copy.
        georeference: georeference of the image, if any.
        misplaced: reason why the image's georeference is unusable; None if it is fine or absent.
        numbers: (M,) numbers by which the masks are known, for formats that name each mask; None for their positions.
        made_by: (M,) who made each mask, for formats that can say it, None for the checkpoint; None if it made all.
        facts: what else is known of the image, for formats that can keep it (coco, label-studio); JSON values.

    Raises:
        DatasetError: the numbers of categories and masks differ, or a category is empty.
    """

    file_name: str
    masks: MaskSet
    image_id: int
    categories: tuple[str, ...] | None = None
    path: Path | None = None
    georeference: GeoReference | None = None
    misplaced: str | None = None
    numbers: tuple[int, ...] | None = None
    made_by: tuple[str | None, ...] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.categories is None:
            return
        if len(self.categories) != len(self.masks):
            raise DatasetError(
                f"{self.file_name!r} has {len(self.masks)} masks and {len(self.categories)} categories; give every "
                "mask one, or none."
            )
        for name in self.categories:
            require_category(name, f"A mask of {self.file_name!r}")

    def number(self, index: int) -> int:
        """Return the number by which a mask is known."""
        return index if self.numbers is None else self.numbers[index]

    def maker(self, index: int) -> str | None:
        """Return who made a mask; None for the checkpoint."""
        return None if self.made_by is None else self.made_by[index]

    def category(self, index: int) -> str | None:
        """Return the class name of a mask: as given, else the checkpoint's class, else None."""
        return self.masks.class_name(index) if self.categories is None else self.categories[index]


def require_category(name: object, what: str) -> None:
    """Check that a category name is a single line of text.

    Args:
        name: the name.
        what: owner of the name, which starts the error message.

    Raises:
        DatasetError: it is not.
    """
    if not isinstance(name, str) or not name.strip() or not is_line(name):
        raise DatasetError(f"{what} has the category {name!r:.80}; use a single line of text, or none.")


def is_line(text: str) -> bool:
    """Return whether a text is one line of characters that every format can store."""
    return not any(unicodedata.category(sign) in _NO_LINE for sign in text)
