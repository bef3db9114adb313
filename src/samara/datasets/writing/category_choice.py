"""Categories as somebody wants them in an export: in which order, by which names, and which of them."""

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
_ACCEPTED = "names with commas, 'old=new' for a new name, or a file of them (.txt with one in each line, .yaml, .json)"


@dataclass(frozen=True)
class CategoryChoice:
    """Which categories an export has.

    Attributes:
        names: new name of every category that was listed, by its old one, in the order of the numbers. Several may
            get one name, and then are one category.
        only: leave masks of other categories out. Without it these follow, as they come.
        met: filled by `apply`: masks of each category, by its old name.
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
        """Of the categories that are left out the masks met so far."""
        return {name: count for name, count in self.met.items() if self.only and name not in self.names}

    @property
    def missing(self) -> tuple[str, ...]:
        """Categories that were listed and have not been met so far."""
        return tuple(name for name in self.names if not self.met[name])

    def apply(self, images: Iterable[AnnotatedImage]) -> Iterator[AnnotatedImage]:
        """The same images with the chosen categories; masks without one count as "object"."""
        for image in images:
            olds = [category_name(image, index) for index in range(len(image.masks))]
            self.met.update(olds)
            kept = [index for index, old in enumerate(olds) if not self.only or old in self.names]
            categories = tuple(self.names.get(olds[index], olds[index]) for index in kept)
            masks = image.masks if len(kept) == len(olds) else _some_of(image.masks, kept)
            yield replace(image, masks=masks, categories=categories)


def _some_of(masks: MaskSet, kept: list[int]) -> MaskSet:
    """Some of the masks; which is part of which is found again, among them."""
    chosen = masks[np.array(kept, np.int64)]
    return chosen if masks.parent is None else chosen.with_hierarchy()


def read_categories(text: str, *, only: bool = False) -> CategoryChoice:
    """Understand what users write: names with commas, or a file.

    Args:
        text: "cat,dog", "kitten=cat,cat,dog" or the path of a file: a text with such an item in each line; YAML or
            JSON with a list of names, with old names and new ones, or with such an entry `names`, as in data.yaml.
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
        raise SettingsError(f"`categories` {text!r:.200} {what}; give {_ACCEPTED}")
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
        raise SettingsError(f"`categories` {where} is no YAML or JSON ({' '.join(str(error).split())})") from error
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
            f"`categories` {where}: a list of names is needed, or old and new names, all of them text (in quotes, "
            "where they look like something else)"
        )
    return pairs


def category_choice(wanted: CategoryChoice | Mapping[str, str] | Iterable[str] | None) -> CategoryChoice | None:
    """What somebody wrote in Python: names in the order of their numbers, or old names and new ones.

    Raises:
        SettingsError: a text, which `read_categories` understands, or a category twice.
        DatasetError: a name is empty, or not one line.
    """
    if wanted is None or isinstance(wanted, CategoryChoice):
        return wanted
    if isinstance(wanted, str):
        raise SettingsError(
            f"categories are {wanted!r:.80}, one text; give a list of names, or a dict of old and new ones"
        )
    pairs = list(wanted.items()) if isinstance(wanted, Mapping) else [(name, name) for name in wanted]
    if len(dict(pairs)) < len(pairs):
        raise SettingsError("categories have a name twice; give each once")
    return CategoryChoice(dict(pairs))
