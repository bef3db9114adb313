"""Near duplicates, by difference hash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Maximum number of bits in which the hashes of near duplicates differ.
MAX_BITS = 4
# Two hashes that differ in at most 4 bits agree completely in at least one of 5 bands.
_BANDS = ((0, 13), (13, 13), (26, 13), (39, 13), (52, 12))
# Up to this many images all near pairs are found; in larger sets only equal hashes.
MAX_FOR_NEAR = 200_000
# Limit of a band's bucket: thousands of blank images can share one.
_LARGEST_BUCKET = 2000


@dataclass(frozen=True)
class Duplicates:
    """Images that look like an earlier one.

    Attributes:
        count: their number, without the earlier ones.
        pairs: the first few pairs of image ids, the earlier one first.
        is_exact: whether only equal hashes were compared, because there are too many images.
    """

    count: int
    pairs: tuple[tuple[int, int], ...]
    is_exact: bool = False


def near_duplicates(hashes: Mapping[int, int], max_pairs: int = 12) -> Duplicates:
    """Find images that look like an earlier one.

    Args:
        hashes: difference hashes by image id.
        max_pairs: maximum number of pairs in the result.
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
    """Yield indices (earlier, later) of equal values; among several equal ones, the first with each."""
    order = np.argsort(values, kind="stable")
    first = 0
    for place in range(1, len(order)):
        if values[order[place]] != values[order[first]]:
            first = place
        else:
            yield int(order[first]), int(order[place])


def _near(values: npt.NDArray[np.uint64]) -> Iterator[tuple[int, int]]:
    """Yield indices (earlier, later) of values that differ in few bits."""
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
