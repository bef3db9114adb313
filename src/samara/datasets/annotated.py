"""An image and its masks, on their way into a file."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from samara.errors import DatasetError
from samara.masks.mask_set import MaskSet

# Control characters, halves of characters, and ends of lines and paragraphs.
_NO_LINE = {"Cc", "Cs", "Zl", "Zp"}


@dataclass(frozen=True, slots=True)
class GeoReference:
    """Where on Earth an image lies.

    Attributes:
        transform: (a, b, c, d, e, f), from the pixel frame to coordinates: X = a·x + b·y + c, Y = d·x + e·y + f, where
            (0, 0) is the top left corner of the top left pixel (the order of rasterio and of the affine package).
        crs: what the coordinates are: a code such as "EPSG:32633", or a definition (WKT) of a system without one; None
            if unknown.

    Raises:
        DatasetError: not six finite numbers, or a transform that flattens the image to a line.
    """

    transform: tuple[float, float, float, float, float, float]
    crs: str | None = None

    def __post_init__(self) -> None:
        if len(self.transform) != 6 or not all(math.isfinite(number) for number in self.transform):
            raise DatasetError(f"A geographic transform is six finite numbers a, b, c, d, e, f, not {self.transform}.")
        if self.determinant == 0:
            raise DatasetError(f"The geographic transform {self.transform} maps all pixels to one line; check it.")

    @property
    def determinant(self) -> float:
        """Signed area of a pixel in the coordinates' unit, squared; negative for the usual north-up image."""
        a, b, _, d, e, _ = self.transform
        return a * e - b * d


@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """An image and its masks.

    Attributes:
        file_name: as it shall stand in the annotations, with "/" between folders; relative to the folder of the
            images where a format makes files of the same name.
        masks: of the image, M of them; M may be 0.
        image_id: number of the image, unique within what is written together.
        categories: M names of what the masks show; None if nothing is known beyond the classes of the checkpoint.
        path: the image file, where there is one to link or copy.
        georeference: where on Earth the image lies, if anywhere.
        misplaced: why it is not known where the image lies, although its file says something of it.

    Raises:
        DatasetError: the number of categories is not that of the masks, or one of them is empty.
    """

    file_name: str
    masks: MaskSet
    image_id: int
    categories: tuple[str, ...] | None = None
    path: Path | None = None
    georeference: GeoReference | None = None
    misplaced: str | None = None

    def __post_init__(self) -> None:
        if self.categories is None:
            return
        if len(self.categories) != len(self.masks):
            raise DatasetError(
                f"{self.file_name!r} has {len(self.masks)} masks and {len(self.categories)} categories; each mask "
                "needs one, or none has any."
            )
        for name in self.categories:
            require_category(name, f"A mask of {self.file_name!r}")

    def category(self, index: int) -> str | None:
        """Name of what a mask shows: as given, else the checkpoint's class, else None."""
        return self.masks.class_name(index) if self.categories is None else self.categories[index]


def require_category(name: object, what: str) -> None:
    """Check the name of a category: some text in one line.

    Args:
        name: what was given.
        what: has it, the beginning of the error's sentence.

    Raises:
        DatasetError: it is not.
    """
    if not isinstance(name, str) or not name.strip() or not is_line(name):
        raise DatasetError(
            f"{what} has the category {name!r:.80}; a name in one line of text is needed, or none at all."
        )


def is_line(text: str) -> bool:
    """Whether a text is one line of characters that every format can hold."""
    return not any(unicodedata.category(sign) in _NO_LINE for sign in text)
