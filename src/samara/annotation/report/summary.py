"""Statistics of a store, computed in one pass and in bounded memory."""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from samara.annotation.report.duplicates import Duplicates, near_duplicates
from samara.annotation.store.rows import ImageRow
from samara.annotation.store.store import AnnotationStore

SAMPLE = 12
"""Maximum number of example images per kind."""

MAX_REASONS = 200
# A mask that covers this much of its image is rarely an object.
FULL_FRAME = 0.95
# An image is suspicious with this many times the median number of masks, and at least this many.
CROWDED_FACTOR, CROWDED_MIN = 4, 50

_COLUMNS = ["image_id", "height", "width", "area", "predicted_iou", "stability_score", "category"]


@dataclass
class Histogram:
    """Counts of values between edges, and their sum; values outside the edges count in the outermost bins.

    Attributes:
        edges: (K + 1,) ascending.
        counts: (K,).
        total: sum of the values.
    """

    edges: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64] = field(init=False)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = np.zeros(len(self.edges) - 1, dtype=np.int64)

    def add(self, values: npt.NDArray[np.float64]) -> None:
        """Add values to the counts."""
        inside = np.clip(np.searchsorted(self.edges, values, side="right") - 1, 0, len(self.counts) - 1)
        self.counts += np.bincount(inside, minlength=len(self.counts))
        self.total += float(values.sum())

    @property
    def number(self) -> int:
        """Number of values."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float | None:
        """Mean of the values; None without any."""
        return self.total / self.number if self.number else None


@dataclass(frozen=True)
class Chosen:
    """Images of one kind.

    Attributes:
        count: number of images of this kind.
        examples: a few of them, the first or the most extreme.
    """

    count: int
    examples: tuple[ImageRow, ...]


@dataclass(frozen=True)
class Summary:
    """Statistics of a store.

    Attributes:
        images: number of images, annotated or quarantined.
        masks: number of masks.
        seconds: annotation time, summed over all processes.
        size_bytes: total size of the image files.
        reasons: the first quarantined images.
        quarantined: number of quarantined images.
        masks_per_image: histogram, as the next three.
        area_fraction: mask area as a fraction of the image, in logarithmic bins.
        predicted_iou: predicted IoU of the masks.
        stability_score: stability score of the masks that have one.
        categories: number of masks per category, if known.
        random: a random sample of images.
        empty: images without a mask.
        crowded: images with very many masks.
        full_frame: images with a mask that covers nearly the whole image.
        duplicates: near duplicates.
    """

    images: int
    masks: int
    seconds: float
    size_bytes: int
    quarantined: int
    reasons: tuple[ImageRow, ...]
    masks_per_image: Histogram
    area_fraction: Histogram
    predicted_iou: Histogram
    stability_score: Histogram
    categories: dict[str, int]
    random: Chosen
    empty: Chosen
    crowded: Chosen
    full_frame: Chosen
    duplicates: Duplicates


def summarise(store: AnnotationStore) -> Summary:
    """Compute the statistics of a store, even while it is being filled."""
    masks = _Masks(store)
    images = _Images(store, masks.full_frame)
    return Summary(
        images=images.count,
        masks=images.masks,
        seconds=images.seconds,
        size_bytes=images.size_bytes,
        quarantined=images.quarantined,
        reasons=tuple(images.reasons),
        masks_per_image=images.masks_per_image,
        area_fraction=masks.area_fraction,
        predicted_iou=masks.predicted_iou,
        stability_score=masks.stability_score,
        categories=dict(masks.categories.most_common(30)),
        random=Chosen(images.count, images.random.best()),
        empty=Chosen(images.empties, images.empty.best()),
        crowded=images.crowded(),
        full_frame=Chosen(len(masks.full_frame), images.full_frame.best()),
        duplicates=near_duplicates(images.hashes),
    )


class _Masks:
    """One pass over the masks."""

    def __init__(self, store: AnnotationStore) -> None:
        self.area_fraction = Histogram(10.0 ** np.linspace(-6, 0, 25))
        self.predicted_iou = Histogram(np.linspace(0, 1, 26))
        self.stability_score = Histogram(np.linspace(0, 1, 26))
        self.categories: Counter[str] = Counter()
        self.full_frame: set[int] = set()
        for table in store.mask_columns(_COLUMNS):
            columns = {name: table.column(name) for name in _COLUMNS}
            pixels = columns["height"].to_numpy().astype(np.float64) * columns["width"].to_numpy()
            fraction = columns["area"].to_numpy() / pixels
            self.area_fraction.add(fraction)
            self.predicted_iou.add(columns["predicted_iou"].to_numpy().astype(np.float64))
            stable = columns["stability_score"].drop_null().to_numpy().astype(np.float64)
            self.stability_score.add(stable)
            self.full_frame.update(columns["image_id"].to_numpy()[fraction >= FULL_FRAME].tolist())
            for entry in columns["category"].drop_null().value_counts():
                self.categories[entry["values"].as_py()] += entry["counts"].as_py()


class _Images:
    """One pass over the images."""

    def __init__(self, store: AnnotationStore, full_frame: set[int]) -> None:
        self.count = self.masks = self.size_bytes = self.quarantined = self.empties = 0
        self.seconds = 0.0
        self.masks_per_image = Histogram(np.array([0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 1e9]))
        self.reasons: list[ImageRow] = []
        self.random, self.empty, self.full_frame, self.most = (_Few() for _ in range(4))
        self.numbers: Counter[int] = Counter()
        self.hashes: dict[int, int] = {}
        for row in store.images():
            self._add(row, is_full_frame=row.image_id in full_frame)

    def _add(self, row: ImageRow, *, is_full_frame: bool) -> None:
        self.count += 1
        self.masks += row.masks
        self.seconds += row.seconds
        self.size_bytes += row.size_bytes or 0
        if row.status == "quarantined":
            self.quarantined += 1
            if len(self.reasons) < MAX_REASONS:
                self.reasons.append(row)
            return
        chance = hashlib.sha256(str(row.image_id).encode()).digest()
        self.masks_per_image.add(np.array([float(row.masks)]))
        self.numbers[row.masks] += 1
        self.random.add(chance, row)
        if not row.masks:
            self.empties += 1
            self.empty.add(chance, row)
        if is_full_frame:
            self.full_frame.add(chance, row)
        self.most.add(row.masks.to_bytes(4, "big") + chance, row)
        if row.difference_hash is not None:
            self.hashes[row.image_id] = row.difference_hash

    def crowded(self) -> Chosen:
        """Return the images with many times more masks than most."""
        limit = max(CROWDED_MIN, CROWDED_FACTOR * self._median())
        count = sum(images for number, images in self.numbers.items() if number > limit)
        return Chosen(count, tuple(row for row in self.most.best() if row.masks > limit))

    def _median(self) -> int:
        half, seen = sum(self.numbers.values()) / 2, 0
        for number in sorted(self.numbers):
            seen += self.numbers[number]
            if seen >= half:
                return number
        return 0


class _Few:
    """The rows with the largest keys."""

    def __init__(self) -> None:
        self._heap: list[tuple[bytes, int, ImageRow]] = []

    def add(self, key: bytes, row: ImageRow) -> None:
        item = (key, row.image_id, row)
        if len(self._heap) < SAMPLE:
            heapq.heappush(self._heap, item)
        elif key > self._heap[0][0]:
            heapq.heapreplace(self._heap, item)

    def best(self) -> tuple[ImageRow, ...]:
        """Rows with the largest key first."""
        return tuple(row for _, _, row in sorted(self._heap, reverse=True, key=lambda item: item[:2]))
