"""Images that look the same, by their difference hashes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Bits in which two hashes may differ.
MAX_BITS = 4
# Two hashes that differ in at most 4 bits agree completely in one of 5 bands (there is no fifth difference).
_BANDS = ((0, 13), (13, 13), (26, 13), (39, 13), (52, 12))
# Images for which all pairs are looked for; of larger sets, those with equal hashes.
MAX_FOR_NEAR = 200_000
# Pairs of a band's bucket: blank images share it by the thousand.
_LARGEST_BUCKET = 2000


@dataclass(frozen=True)
class Duplicates:
    """Images that look like an earlier one.

    Attributes:
        count: of them, the earlier ones not counted.
        pairs: of image ids, the earlier first; the first few.
        is_exact: whether only equal hashes were looked for, because there are very many images.
    """

    count: int
    pairs: tuple[tuple[int, int], ...]
    is_exact: bool = False


def near_duplicates(hashes: Mapping[int, int], max_pairs: int = 12) -> Duplicates:
    """Find images that look like an earlier one.

    Args:
        hashes: of images by their ids.
        max_pairs: named in the result.
    """
    ids = np.array(sorted(hashes), dtype=np.int64)
    values = np.array([hashes[image] for image in ids.tolist()], dtype=np.uint64)
    is_exact = len(ids) > MAX_FOR_NEAR
    earlier: dict[int, int] = {}
    for a, b in _equal(values) if is_exact else _near(values):
        earlier[b] = min(a, earlier.get(b, a))
    pairs = [(int(ids[a]), int(ids[b])) for b, a in sorted(earlier.items())]
    return Duplicates(len(pairs), tuple(pairs[:max_pairs]), is_exact)


def _equal(values: npt.NDArray[np.uint64]) -> Iterator[tuple[int, int]]:
    """Places (earlier, later) of equal values; of several equal ones, the first with each."""
    order = np.argsort(values, kind="stable")
    first = 0
    for place in range(1, len(order)):
        if values[order[place]] != values[order[first]]:
            first = place
        else:
            yield int(order[first]), int(order[place])


def _near(values: npt.NDArray[np.uint64]) -> Iterator[tuple[int, int]]:
    """Places (earlier, later) of values that differ in few bits."""
    yield from _equal(values)
    for shift, width in _BANDS:
        band = (values >> np.uint64(shift)) & np.uint64((1 << width) - 1)
        order = np.argsort(band, kind="stable")
        bounds = np.flatnonzero(np.diff(band[order], prepend=np.uint64(1 << 20)))
        for bucket in np.split(order, bounds[1:]):
            if 1 < len(bucket) <= _LARGEST_BUCKET:
                yield from _pairs(values, bucket)


def _pairs(values: npt.NDArray[np.uint64], bucket: npt.NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    differing = np.bitwise_count(values[bucket][:, None] ^ values[bucket][None, :])
    for a, b in zip(*np.nonzero(np.triu(differing <= MAX_BITS, 1)), strict=True):
        yield int(bucket[a]), int(bucket[b])
