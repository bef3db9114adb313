"""The user's choice of categories for an export: selection, names and order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from samara.datasets.annotated import AnnotatedImage, require_category
from samara.datasets.writing.category_numbers import category_name
from samara.errors import SettingsError
from samara.masks.mask_set import MaskSet

_LISTS, _DOCUMENTS = (".txt", ".names"), (".yaml", ".yml", ".json")
_ACCEPTED = "names separated by commas, 'old=new' to rename, or a file of them (.txt with one per line, .yaml, .json)"


@dataclass(frozen=True)
class CategoryChoice:
    """The categories of an export.

    Attributes:
        names: new name of every listed category by its old one, in the order of the numbers. Categories with the same
            new name are merged.
        only: leave out masks of other categories. Otherwise these follow in order of appearance.
        met: number of masks of each category by its old name, filled by `apply`.
    """

    names: Mapping[str, str]
    only: bool = False
    met: Counter[str] = field(default_factory=Counter, compare=False)

    def __post_init__(self) -> None:
        for name in (*self.names, *self.names.values()):
            require_category(name, "The choice of categories")

    @property
    def in_order(self) -> tuple[str, ...]:
        """The new names in the order of their numbers."""
        return tuple(dict.fromkeys(self.names.values()))

    @property
    def left_out(self) -> dict[str, int]:
        """Number of masks so far of each category that is left out."""
        return {name: count for name, count in self.met.items() if self.only and name not in self.names}

    @property
    def missing(self) -> tuple[str, ...]:
        """Listed categories that have not occurred so far."""
        return tuple(name for name in self.names if not self.met[name])

    def apply(self, images: Iterable[AnnotatedImage]) -> Iterator[AnnotatedImage]:
        """Yield the images with the chosen categories; masks without one count as "object"."""
        for image in images:
            olds = [category_name(image, index) for index in range(len(image.masks))]
            self.met.update(olds)
            kept = [index for index, old in enumerate(olds) if not self.only or old in self.names]
            categories = tuple(self.names.get(olds[index], olds[index]) for index in kept)
            masks = image.masks if len(kept) == len(olds) else _some_of(image.masks, kept)
            yield replace(
                image,
                masks=masks,
                categories=categories,
                numbers=None if image.numbers is None else tuple(image.numbers[index] for index in kept),
                made_by=None if image.made_by is None else tuple(image.made_by[index] for index in kept),
            )


def _some_of(masks: MaskSet, kept: list[int]) -> MaskSet:
    """Return some of the masks, with the hierarchy recomputed among them."""
    chosen = masks[np.array(kept, np.int64)]
    return chosen if masks.parent is None else chosen.with_hierarchy()


def read_categories(text: str, *, only: bool = False) -> CategoryChoice:
    """Parse a user's text: names separated by commas, or a file.

    Args:
        text: "cat,dog", "kitten=cat,cat,dog" or the path of a file: text with one such item per line; or YAML or JSON
            with a list of names, a mapping of old names to new, or an entry `names` with either, as in data.yaml.
        only: see `CategoryChoice`.

    Raises:
        SettingsError: it is none of these, or a category is listed twice.
        DatasetError: a name is empty, or not one line.
    """
    path = Path(text)
    if path.suffix.lower() in (*_LISTS, *_DOCUMENTS) and "," not in text and "=" not in text:
        try:
            written = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"`categories` {text}: the file cannot be read as text ({error})") from error
        pairs = _lines(written) if path.suffix.lower() in _LISTS else _document(written, text)
    else:
        pairs = [_pair(item) for item in text.split(",")]
    names = dict(pairs)
    if not pairs or len(names) < len(pairs):
        what = "lists nothing" if not pairs else "lists a category twice"
        raise SettingsError(f"`categories` {text!r:.200} {what}; use {_ACCEPTED}")
    return CategoryChoice(names, only)


def _pair(item: str) -> tuple[str, str]:
    old, equals, new = (part.strip() for part in item.partition("="))
    return old, new if equals else old


def _lines(written: str) -> list[tuple[str, str]]:
    return [_pair(line) for line in written.splitlines() if line.strip()]


def _document(written: str, where: str) -> list[tuple[str, str]]:
    try:
        found = yaml.safe_load(written)
    except yaml.YAMLError as error:
        raise SettingsError(f"`categories` {where} is not YAML or JSON ({' '.join(str(error).split())})") from error
    listed = found["names"] if isinstance(found, dict) and "names" in found else found
    if isinstance(listed, dict) and sorted(listed, key=str) == sorted(range(len(listed)), key=str):
        listed = [listed[number] for number in range(len(listed))]
    pairs: list[tuple[Any, Any]] | None = None  # Any: what a file holds
    if isinstance(listed, list):
        pairs = [(name, name) for name in listed]
    elif isinstance(listed, dict):
        pairs = list(listed.items())
    if pairs is None or not all(isinstance(name, str) for pair in pairs for name in pair):
        raise SettingsError(
            f"`categories` {where}: the file must list names, or old and new names, all of them text (quoted if "
            "they look like another type)"
        )
    return pairs


def category_choice(wanted: CategoryChoice | Mapping[str, str] | Iterable[str] | None) -> CategoryChoice | None:
    """Convert a Python value: names in the order of their numbers, or a mapping of old names to new.

    Raises:
        SettingsError: it is a text (for `read_categories`), or has a category twice.
        DatasetError: a name is empty, or not one line.
    """
    if wanted is None or isinstance(wanted, CategoryChoice):
        return wanted
    if isinstance(wanted, str):
        raise SettingsError(
            f"categories are {wanted!r:.80}, a single text; use a list of names, or a dict of old and new ones"
        )
    pairs = list(wanted.items()) if isinstance(wanted, Mapping) else [(name, name) for name in wanted]
    if len(dict(pairs)) < len(pairs):
        raise SettingsError("categories contain a name twice; list each once")
    return CategoryChoice(dict(pairs))
