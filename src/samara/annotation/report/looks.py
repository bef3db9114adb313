"""What deserves a look first: the masks with the gravest doubts of each kind, and what is known of every image."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from samara.annotation.review.doubts import NO_MASK, REASONS, Doubts, Reason, doubts_of
from samara.annotation.review.settings import ReviewSettings
from samara.annotation.store.rows import ImageRow

if TYPE_CHECKING:
    import pyarrow as pa

MASKS_PER_REASON, MASKS_OF_ALL = 10, 30
"""Most masks shown for each reason, and for all reasons together."""

LOWEST = "lowest predicted IoU"
"""Title of the masks with the lowest predicted IoU, doubtful or not."""

_EARLIER_VERSION = "this store was written by an earlier version of samara, which did not record it"
_WHY_UNKNOWN = {
    "box": "the prompts have no boxes",
    "prompt": "recorded for prompts alone, where the run compared the answers",
    "stability_score": "recorded for automatic masks only",
}

Item = TypeVar("Item")


@dataclass(frozen=True)
class MaskLook:
    """One mask that deserves a look.

    Attributes:
        image_id: its image.
        number: its `mask_index`.
        score: see `Doubts.scores`.
        titles: short names of the reasons.
        texts: the reasons with their values, the worst first.
        predicted_iou: its predicted IoU.
        stability: its stability score; None if unknown.
        category: its class; None if it has none.
        box: box of its prompt, xyxy in pixels; None without one.
    """

    image_id: int
    number: int
    score: float
    titles: tuple[str, ...]
    texts: tuple[str, ...]
    predicted_iou: float
    stability: float | None
    category: str | None
    box: tuple[float, ...] | None


@dataclass(frozen=True)
class ImageLook:
    """What is known of one image.

    Attributes:
        row: its row.
        score: sum of its masks' scores.
        titles: short names of the reasons to doubt its masks.
        doubtful: number of doubtful masks.
        lowest_iou: the lowest predicted IoU of its masks; None without masks.
        categories: classes of its masks.
        is_corrected: whether a person made one of its masks.
    """

    row: ImageRow
    score: float = 0.0
    titles: tuple[str, ...] = ()
    doubtful: int = 0
    lowest_iou: float | None = None
    categories: tuple[str, ...] = ()
    is_corrected: bool = False


class Looks:
    """Collects, image by image and in bounded memory, which masks deserve a look.

    Args:
        limits: the result of `limits_of`.
    """

    def __init__(self, limits: ReviewSettings) -> None:
        self.limits = limits
        self.doubtful_masks = self.doubtful_images = self.masks_of_people = 0
        self.by_reason: Counter[str] = Counter()
        self._known: Counter[str] = Counter()
        self._masks = 0
        self._of_reason = {title: Greatest[MaskLook](MASKS_PER_REASON) for title in (*TITLES, LOWEST)}
        self._of_all = Greatest[MaskLook](MASKS_OF_ALL)

    def add(self, row: ImageRow, table: pa.Table) -> ImageLook:
        """Add an image with the rows of its masks; return what is known of it."""
        if row.status != "done":
            return ImageLook(row)
        if not len(table):
            self.doubtful_images += 1
            return ImageLook(row, 1.0, (NO_MASK,))
        doubts = doubts_of(table, self.limits)
        scores = doubts.scores
        self._count(table, doubts)
        for index in np.flatnonzero(scores):
            self._offer(doubts, int(index), table)
        lowest = float(np.min(doubts.values[:, 0]))
        self._offer_lowest(doubts, table)
        self.doubtful_images += bool(scores.any())
        titles = [title for title, far in zip(TITLES, doubts.severity.max(0), strict=True) if far]
        return ImageLook(
            row,
            float(scores.sum()),
            tuple(titles),
            int((scores > 0).sum()),
            lowest,
            tuple(sorted({name for name in table.column("category").to_pylist() if name is not None})),
            any(maker is not None for maker in table.column("made_by").to_pylist()),
        )

    def masks(self) -> list[MaskLook]:
        """Return the masks to show, the most doubtful first; those with `LOWEST` alone at the end."""
        few = [self._of_all, *self._of_reason.values()]
        chosen = {(look.image_id, look.number): look for one in few for look in one}
        return sorted(chosen.values(), key=lambda look: (-look.score, look.predicted_iou, look.image_id, look.number))

    def unknown(self) -> list[tuple[str, str]]:
        """Return what could not be told of any mask, and why."""
        return [(one.title, _why_unknown(one)) for one in REASONS if self._masks and not self._known[one.title]]

    def _count(self, table: pa.Table, doubts: Doubts) -> None:
        self._masks += len(table)
        self.doubtful_masks += int((doubts.scores > 0).sum())
        self.masks_of_people += sum(maker is not None for maker in table.column("made_by").to_pylist())
        for title, known, far in zip(
            TITLES, (~np.isnan(doubts.values)).sum(0), (doubts.severity > 0).sum(0), strict=True
        ):
            self._known[title] += int(known)
            self.by_reason[title] += int(far)

    def _offer_lowest(self, doubts: Doubts, table: pa.Table) -> None:
        by_person = np.array([maker is not None for maker in table.column("made_by").to_pylist()], bool)
        if by_person.all():
            return
        index = int(np.where(by_person, np.inf, doubts.values[:, 0]).argmin())
        look = _mask_look(doubts, index, table)
        self._of_reason[LOWEST].add(-look.predicted_iou, (look.image_id, index), look)

    def _offer(self, doubts: Doubts, index: int, table: pa.Table) -> None:
        score, severity = float(doubts.scores[index]), doubts.severity[index]
        key = (table["image_id"][index].as_py(), index)
        takers = [(self._of_all, score)]
        takers += [(self._of_reason[title], float(far)) for title, far in zip(TITLES, severity, strict=True) if far]
        takers = [(few, value) for few, value in takers if few.would_take(value)]
        if takers:
            look = _mask_look(doubts, index, table)
            for few, value in takers:
                few.add(value, key, look)


TITLES = tuple(reason.title for reason in REASONS)


class Greatest(Generic[Item]):
    """The items with the greatest values; of equal values the first ones."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[float, tuple[int, ...], Item]] = []

    def would_take(self, value: float) -> bool:
        """Return whether an item of this value, later than all others, would be kept."""
        return len(self._heap) < self._most or value > self._heap[0][0]

    def add(self, value: float, key: Sequence[int], item: Item) -> None:
        """Offer an item; `key` is unique and gives the order of equal values."""
        if self.would_take(value):
            heapq.heappush(self._heap, (value, tuple(-one for one in key), item))
            if len(self._heap) > self._most:
                heapq.heappop(self._heap)

    def __iter__(self) -> Iterator[Item]:
        """Yield the items, the greatest first."""
        return (item for _, _, item in sorted(self._heap, key=lambda one: one[:2], reverse=True))


def _mask_look(doubts: Doubts, index: int, table: pa.Table) -> MaskLook:
    row = table.slice(index, 1).to_pylist()[0]
    box = row["prompt_box"]
    return MaskLook(
        image_id=row["image_id"],
        number=row["mask_index"],
        score=float(doubts.scores[index]),
        titles=tuple(doubts.titles(index)) or (LOWEST,),
        texts=tuple(doubts.texts(index)),
        predicted_iou=row["predicted_iou"],
        stability=row["stability_score"],
        category=row["category"],
        box=None if box is None else tuple(box),
    )


def _why_unknown(reason: Reason) -> str:
    return _WHY_UNKNOWN.get(reason.needs) or _WHY_UNKNOWN.get(reason.column) or _EARLIER_VERSION
