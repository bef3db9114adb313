"""Which masks of an image a person kept, changed, removed and added."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from samara.datasets.reviewed import ReviewedMask
from samara.masks.overlap import mask_iou
from samara.masks.rle import Rle

# A mask without a known name is a changed one if it shares this much with one that nobody kept.
SAME_OBJECT_IOU = 0.5


@dataclass(frozen=True, slots=True)
class KnownMask:
    """A mask of the store.

    Attributes:
        rle: the mask.
        number: its `mask_index`.
        name: its name in an annotation tool, if a person drew it there.
    """

    rle: Rle
    number: int
    name: str | None = None


@dataclass(frozen=True)
class Matched:
    """The masks of a person, matched with those of the store.

    Attributes:
        pairs: pairs of positions, in the store's image and in the person's.
        added: positions of the person's masks that are new.
        removed: positions of the store's masks that the person removed.
    """

    pairs: tuple[tuple[int, int], ...]
    added: tuple[int, ...]
    removed: tuple[int, ...]


def match(known: Sequence[KnownMask], reviewed: Sequence[ReviewedMask]) -> Matched:
    """Match masks by number, then by name, then equal ones, then by IoU; each at most once."""
    pairs: dict[int, int] = {}
    numbers = {one.number: place for place, one in enumerate(known)}
    names = {one.name: place for place, one in enumerate(known) if one.name is not None}
    of_number = {place: numbers[one.number] for place, one in enumerate(reviewed) if one.number in numbers}
    of_name = {place: names[one.name] for place, one in enumerate(reviewed) if one.name in names}
    for found in (of_number, of_name):
        _pair(found, pairs)
    for new in _unpaired(len(reviewed), pairs.values()):
        old = next((place for place in _unpaired(len(known), pairs) if known[place].rle == reviewed[new].rle), None)
        if old is not None:
            pairs[old] = new
    for old, new in _alike(known, reviewed, pairs):
        if old not in pairs and new not in pairs.values():
            pairs[old] = new
    return Matched(
        tuple(sorted(pairs.items())),
        tuple(_unpaired(len(reviewed), pairs.values())),
        tuple(_unpaired(len(known), pairs)),
    )


def _pair(found: Mapping[int, int], pairs: dict[int, int]) -> None:
    """Add pairs of new and old positions whose sides are both free; the first counts."""
    for new, old in found.items():
        if old not in pairs and new not in pairs.values():
            pairs[old] = new


def _unpaired(count: int, paired: Iterable[int]) -> list[int]:
    taken = set(paired)
    return [place for place in range(count) if place not in taken]


def _alike(
    known: Sequence[KnownMask], reviewed: Sequence[ReviewedMask], pairs: Mapping[int, int]
) -> Iterator[tuple[int, int]]:
    """Yield the unpaired positions whose masks share enough, the most alike first."""
    old, new = _unpaired(len(known), pairs), _unpaired(len(reviewed), pairs.values())
    iou = mask_iou([known[place].rle for place in old], [reviewed[place].rle for place in new])
    for flat in np.argsort(-iou, axis=None, kind="stable"):
        row, column = np.unravel_index(flat, iou.shape)
        if iou[row, column] < SAME_OBJECT_IOU:
            return
        yield old[int(row)], new[int(column)]
