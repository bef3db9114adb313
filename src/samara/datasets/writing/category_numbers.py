"""Numbering of category names while streaming images."""

from __future__ import annotations

from collections.abc import Mapping

from samara.datasets.annotated import AnnotatedImage
from samara.networks.class_names import OBJECT

(UNNAMED,) = OBJECT
"""Name for masks without a category in formats that require one."""


class Categories:
    """Numbers of category names, in order of first appearance."""

    def __init__(self, names: tuple[str, ...], first: int) -> None:
        """Start with names that already have numbers; `first` is the number of the first."""
        self._first = first
        self._numbers = {name: number for number, name in enumerate(dict.fromkeys(names), start=first)}

    def numbers_of(self, image: AnnotatedImage) -> list[int]:
        """Return the category number of every mask.

        For a checkpoint with classes all of them are numbered, whether or not they occur in the image.
        """
        if image.categories is None and image.masks.class_names is not None:
            for name in image.masks.class_names:
                self._number(name)
        return [self._number(category_name(image, index)) for index in range(len(image.masks))]

    def _number(self, name: str) -> int:
        return self._numbers.setdefault(name, self._first + len(self._numbers))

    @property
    def numbers(self) -> Mapping[str, int]:
        """Number of every name so far, ascending; never empty, since formats need at least one."""
        return self._numbers or {UNNAMED: self._first}


def category_name(image: AnnotatedImage, index: int) -> str:
    """Return the category of a mask, "object" if unknown."""
    return image.category(index) or UNNAMED
