"""Numbers for the names of categories, while images go by."""

from __future__ import annotations

from collections.abc import Mapping

from samara.datasets.annotated import AnnotatedImage
from samara.networks.class_names import OBJECT

(UNNAMED,) = OBJECT
"""What masks without a category are called where a format must call them something."""


class Categories:
    """Numbers for category names, in the order in which they are first met."""

    def __init__(self, names: tuple[str, ...], first: int) -> None:
        """Start with names that have their numbers already; `first` is the number of the first."""
        self._first = first
        self._numbers = {name: number for number, name in enumerate(dict.fromkeys(names), start=first)}

    def numbers_of(self, image: AnnotatedImage) -> list[int]:
        """The number of the category of every mask.

        Of a checkpoint with classes all are numbered, whether they are in the image or not.
        """
        if image.categories is None and image.masks.class_names is not None:
            for name in image.masks.class_names:
                self._number(name)
        return [self._number(category_name(image, index)) for index in range(len(image.masks))]

    def _number(self, name: str) -> int:
        return self._numbers.setdefault(name, self._first + len(self._numbers))

    @property
    def numbers(self) -> Mapping[str, int]:
        """Number of every name so far, ascending; never empty, since formats want at least one."""
        return self._numbers or {UNNAMED: self._first}


def category_name(image: AnnotatedImage, index: int) -> str:
    """The category of a mask, "object" if nothing is known."""
    return image.category(index) or UNNAMED
