"""Numbers for the names of categories, while masks go by."""

from __future__ import annotations

from collections.abc import Mapping

from samara.datasets.annotated import AnnotatedImage

# What masks without a category are called where a format must call them something.
OBJECT = "object"


class Categories:
    """Numbers for category names, in the order in which they are first met."""

    def __init__(self, names: tuple[str, ...], first: int) -> None:
        """Start with names that have their numbers already; `first` is the number of the first."""
        self._first = first
        self._numbers = {name: number for number, name in enumerate(dict.fromkeys(names), start=first)}

    def number(self, image: AnnotatedImage, index: int) -> int:
        """The number of a mask's category, or of "object" if it has none."""
        name = category_of(image, index)
        return self._numbers.setdefault(name, self._first + len(self._numbers))

    @property
    def numbers(self) -> Mapping[str, int]:
        """Number of every name so far, ascending; never empty, since formats want at least one."""
        return self._numbers or {OBJECT: self._first}


def category_of(image: AnnotatedImage, index: int) -> str:
    """The category of a mask, "object" if nothing is known."""
    return OBJECT if image.categories is None else image.categories[index]
