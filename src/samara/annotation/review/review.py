"""`samara.review`: doubtful masks to people, and their corrections back into the store."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from samara.annotation.review.corrections import Taken, take_corrections
from samara.annotation.review.settings import ReviewSettings, TaskFormat
from samara.annotation.review.tasks import Doubted, doubtful_images, write_tasks
from samara.annotation.store.store import AnnotationStore, open_store
from samara.datasets.writing.options import WriterOptions
from samara.datasets.writing.staged_writer import Losses
from samara.errors import SettingsError

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True)
class Review:
    """The result of `samara.review`.

    Attributes:
        doubted: the doubtful images, after the corrections.
        taken: what the corrections changed; None without any.
        out: folder of the tasks; None if none were written.
        losses: what their format lost; None if none were written.
    """

    doubted: Doubted
    taken: Taken | None = None
    out: Path | None = None
    losses: Losses | None = None


def review(
    store: AnyPath | AnnotationStore,
    *,
    out: AnyPath | None = None,
    task_format: TaskFormat = "label-studio",
    corrections: AnyPath | Sequence[AnyPath] = (),
    settings: ReviewSettings | None = None,
    options: WriterOptions | None = None,
    dry_run: bool = False,
) -> Review:
    """Find the doubtful masks of a store, write them as tasks for an annotation tool, and take corrections back.

    Args:
        store: folder written by `samara.annotate`, or result of `samara.open_store`.
        out: folder for the tasks: the doubtful images with all of their masks as predictions; None for none.
        task_format: "label-studio", "label-studio-polygons", "coco" or "coco-polygons".
        corrections: files of people's corrections, taken into the store first: exports of Label Studio (JSON) or COCO
            files. An image in them replaces all masks of that image; the earlier rows stay in the store.
        settings: when a mask is doubtful.
        options: options of the task list.
        dry_run: only find out what corrections would change; needs `corrections` and no `out`.

    Returns:
        The doubtful images, and what the corrections changed.

    Raises:
        SettingsError: the format cannot be taken back, or arguments contradict each other.
        DatasetError: the store or a file cannot be read.
        OutputError: the store or the tasks cannot be written.
    """
    files = [Path(corrections)] if isinstance(corrections, (str, os.PathLike)) else [Path(one) for one in corrections]
    if dry_run and (not files or out is not None):
        raise SettingsError("`dry_run` tells what corrections would change; give `corrections`, and leave `out` out")
    opened = store if isinstance(store, AnnotationStore) else open_store(store)
    taken = take_corrections(opened, files, writes=not dry_run) if files else None
    doubted = doubtful_images(opened, settings or ReviewSettings())
    if out is None:
        return Review(doubted, taken)
    losses = write_tasks(opened, doubted.images, Path(out), task_format, options)
    return Review(doubted, taken, Path(out), losses)
