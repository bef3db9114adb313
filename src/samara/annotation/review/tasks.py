"""Tasks for an annotation tool: the doubtful images of a store with all of their masks, the most doubtful first."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from samara.annotation.exporting import annotated_image, export_facts, source_of
from samara.annotation.review.doubts import DoubtfulImage, doubt_of_image
from samara.annotation.review.limits import limits_of
from samara.annotation.review.settings import ReviewSettings, TaskFormat
from samara.annotation.store.store import AnnotationStore
from samara.datasets.annotated import AnnotatedImage
from samara.datasets.formats import write_annotations
from samara.datasets.reviewed import DOUBT, IMAGE_ID, IMAGE_SHA256, REASON
from samara.datasets.writing.options import WriterOptions
from samara.datasets.writing.staged_writer import Losses
from samara.errors import SettingsError

# Images whose masks are in memory at a time.
_AT_A_TIME = 128


@dataclass(frozen=True)
class Doubted:
    """The doubtful images of a store.

    Attributes:
        images: the most doubtful first; at most as many as were wanted.
        found: number of doubtful images, wanted or not.
        looked_at: number of images that were looked at: all that are annotated.
        limits: the limits, all filled in.
        by_reason: number of doubtful masks by reason, of all images.
    """

    images: tuple[DoubtfulImage, ...]
    found: int
    looked_at: int
    limits: ReviewSettings
    by_reason: Mapping[str, int] = field(default_factory=dict)


def doubtful_images(store: AnnotationStore, settings: ReviewSettings) -> Doubted:
    """Find the doubtful images of a store, in bounded memory; those that a person corrected are not among them."""
    limits = limits_of(store, settings)
    by_reason: Counter[str] = Counter()
    kept: list[tuple[float, int, DoubtfulImage]] = []
    found, looked_at, done = 0, 0, store.corrected()
    for row, table in store.tables():
        looked_at += row.status == "done"
        one = doubt_of_image(row, table, limits) if row.status == "done" else None
        if one is None or row.image_id in done:
            continue
        found += 1
        by_reason.update(one.reasons)
        item = (one.score, -one.image_id, one)
        if settings.most is None or len(kept) < settings.most:
            heapq.heappush(kept, item)
        else:
            heapq.heappushpop(kept, item)
    ordered = tuple(one for _, _, one in sorted(kept, key=lambda item: item[:2], reverse=True))
    return Doubted(ordered, found, looked_at, limits, dict(by_reason.most_common()))


def write_tasks(
    store: AnnotationStore,
    images: Sequence[DoubtfulImage],
    out: Path,
    task_format: str,
    options: WriterOptions | None = None,
) -> Losses:
    """Write images with all of their masks as proposals for an annotation tool.

    Args:
        store: the store.
        images: the images, in this order.
        out: folder for the tasks.
        task_format: a `TaskFormat`.
        options: options of the writer.

    Returns:
        What the format lost.

    Raises:
        SettingsError: corrections in this format cannot be taken back.
        OutputError: see `samara.datasets.formats.write_annotations`.
    """
    if task_format not in get_args(TaskFormat):
        raise SettingsError(
            f"the format {task_format!r} is not for review; use one of {', '.join(get_args(TaskFormat))}"
        )
    options = options or WriterOptions()
    options = replace(options, info={**export_facts(store), **options.info})
    return write_annotations(_tasks(store, images), out=out, formats=(task_format,), options=options)[task_format]


def _tasks(store: AnnotationStore, images: Sequence[DoubtfulImage]) -> Iterator[AnnotatedImage]:
    source = source_of(store)
    for start in range(0, len(images), _AT_A_TIME):
        some = images[start : start + _AT_A_TIME]
        rows = {row.image.image_id: row for row in store.masks_of({one.image_id for one in some})}
        for one in some:
            row = rows[one.image_id]
            facts = {
                IMAGE_ID: one.image_id,
                IMAGE_SHA256: row.image.sha256,
                REASON: one.text,
                DOUBT: round(one.score, 4),
            }
            yield annotated_image(row, source, facts)
