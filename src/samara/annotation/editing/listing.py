"""The images of a store as a list to work through: their state, and which of them deserve a look."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from samara.annotation.review.doubts import doubt_of_image
from samara.annotation.review.limits import limits_of
from samara.annotation.review.settings import ReviewSettings
from samara.annotation.store.plan import PlannedImage
from samara.annotation.store.store import AnnotationStore
from samara.errors import SettingsError

State = Literal["new", "proposed", "annotated", "unreadable"]
"""Nobody has looked at it; it has masks of the checkpoint alone; a person has saved it; it cannot be read."""

Order = Literal["name", "doubt"]
"""As in the plan of the store; or proposed images by falling doubt, then new, annotated and unreadable ones."""

_RANK: dict[State, int] = {"proposed": 0, "new": 1, "annotated": 2, "unreadable": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedImage:
    """One image of the list.

    Attributes:
        image_id: id in the store.
        name: path, relative to the folder of the images.
        state: see `State`.
        size_hw: (H, W) in pixels, upright; None while it is unknown.
        objects: number of objects.
        doubt: how much its masks deserve a look, from 0; None if they do not, or nobody has found out.
        reason: what is doubtful about it, or why it cannot be read.
    """

    image_id: int
    name: str
    state: State = "new"
    size_hw: tuple[int, int] | None = None
    objects: int = 0
    doubt: float | None = None
    reason: str | None = None


class Listing:
    """The list of the images of a store, in memory. Threads may share it.

    Args:
        store: the store; rows that other processes add later are not seen.
    """

    def __init__(self, store: AnnotationStore) -> None:
        self._store = store
        self._planned = [entry for shard in store.shards() for entry in shard.entries()]
        self._images = [ListedImage(image_id=entry.image_id, name=entry.name) for entry in self._planned]
        self._lock = threading.Lock()
        self._has_doubts = False
        corrected = store.corrected()
        for row in store.images():
            known: State = "annotated" if row.image_id in corrected else "proposed"
            state: State = known if row.status == "done" else "unreadable"
            self.put(
                ListedImage(
                    image_id=row.image_id,
                    name=row.path,
                    state=state,
                    size_hw=None if row.height is None else row.size_hw,
                    objects=row.masks,
                    reason=row.reason,
                )
            )

    def __len__(self) -> int:
        return len(self._images)

    def require(self, image_id: int) -> ListedImage:
        """Return an image.

        Raises:
            SettingsError: there is none of this id.
        """
        if not 1 <= image_id <= len(self._images):
            raise SettingsError(f"there is no image {image_id}; the ids are 1 to {len(self._images)}")
        return self._images[image_id - 1]

    def planned(self, image_id: int) -> PlannedImage:
        """Return the entry of an image in the plan."""
        return self._planned[image_id - 1]

    def put(self, image: ListedImage) -> None:
        """Replace what is known of an image."""
        self._images[image.image_id - 1] = image

    def images_in(self, shard: int) -> int:
        """Return the number of images of a shard."""
        size = self._store.manifest.plan.images_per_shard
        return min(size, len(self._images) - shard * size)

    def page(
        self, order: Order = "name", state: State | None = None, offset: int = 0, limit: int = 200
    ) -> tuple[int, list[ListedImage]]:
        """Return a part of the list.

        Args:
            order: order of the list; "doubt" reads all masks of the store at its first use.
            state: leave out images in another state; None for all.
            offset: images before the part.
            limit: most images of the part.

        Returns:
            The number of images of that state, and those of the part.

        Raises:
            SettingsError: the order or state is unknown.
        """
        for value, known in ((order, get_args(Order)), (state, (None, *get_args(State)))):
            if value not in known:
                raise SettingsError(f"{value!r:.40} is not accepted; use {', '.join(filter(None, known))}")
        images: Sequence[ListedImage] = self._images
        if order == "doubt":
            self.find_doubts()
            images = sorted(images, key=lambda one: (_RANK[one.state], -(one.doubt or 0.0), one.image_id))
        chosen = images if state is None else [one for one in images if one.state == state]
        return len(chosen), list(chosen[offset : offset + limit])

    def find_doubts(self) -> None:
        """Fill `doubt` and `reason` of all proposed images, once."""
        with self._lock:
            if self._has_doubts:
                return
            for image_id, doubt, reason in self._doubts():
                image = self._images[image_id - 1]
                if image.state == "proposed":
                    self.put(replace(image, doubt=doubt, reason=reason))
            self._has_doubts = True

    def _doubts(self) -> Iterator[tuple[int, float, str]]:
        limits = limits_of(self._store, ReviewSettings())
        for row, table in self._store.tables():
            found = doubt_of_image(row, table, limits) if row.status == "done" else None
            if found is not None:
                yield row.image_id, found.score, found.text
