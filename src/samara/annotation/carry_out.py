"""From a job to an annotated data set: a run from beginning to end."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from samara._version import __version__
from samara.annotation.exporting import export_store, require_images
from samara.annotation.report.collect import write_report
from samara.annotation.report.page import require_report
from samara.annotation.run.batch import shown
from samara.annotation.run.job import AnnotationJob
from samara.annotation.run.quiet_ray import require_ray
from samara.annotation.run.ray_cluster import Cluster, run_on_ray
from samara.annotation.run.runner import Tally, annotate_store
from samara.annotation.run.settings import Resources
from samara.annotation.run.spent import Spent
from samara.annotation.run.workers import run_workers
from samara.annotation.store.locks import claim
from samara.annotation.store.plan import PlannedImage
from samara.annotation.store.rows import ImageRow, arrow
from samara.annotation.store.store import (
    EXPORTS,
    QUARANTINED,
    RUNS,
    AnnotationStore,
    IfThere,
    create_store,
    require_store_place,
)
from samara.checkpoints.licences import licence_of
from samara.checkpoints.load_chosen import load_chosen
from samara.datasets.formats import Demands, FormatsRefused
from samara.datasets.writing.options import WriterOptions
from samara.engines.loaded import Loaded
from samara.errors import SettingsError
from samara.system.files import require_folder, write_atomically
from samara.system.progress import Progress

if TYPE_CHECKING:
    from samara.datasets.writing.category_choice import CategoryChoice
    from samara.datasets.writing.staged_writer import Losses

MAX_NAMED = 20


@dataclass(frozen=True, kw_only=True)
class AnnotationRun:
    """How to run a job; nothing here changes a row.

    Attributes:
        out: folder of the store.
        if_there: what to do with an existing store.
        workers: number of processes, each with its own network: on this machine, or actors of a Ray cluster.
        cluster: resources of a Ray cluster; None for this machine alone.
        retry: retry quarantined images.
        limit: maximum images to annotate now, those first in the plan; None for all.
        formats: annotation formats to export to at the end.
        writing: options of the exports; those of an earlier run are replaced.
        categories: categories of the exports; None for those of the store.
        report: write the report page at the end.
        images_per_shard: number of images a process claims at a time; None to choose by the number of images.
        commercial: refuse checkpoints whose licence restricts commercial use.
    """

    out: Path
    if_there: IfThere = "refuse"
    workers: int = Resources.workers
    cluster: Cluster | None = None
    retry: bool = False
    limit: int | None = None
    formats: tuple[str, ...] = ()
    writing: WriterOptions = field(default_factory=WriterOptions)
    categories: CategoryChoice | None = None
    report: bool = False
    images_per_shard: int | None = None
    commercial: bool = False

    def prepare(self) -> None:
        """Check everything that would otherwise fail only after hours of work.

        Raises:
            MissingExtra: a required library is not installed.
            SettingsError: a format is unknown, or there are no workers, or no images are allowed.
            OutputError: the store's folder or an export's cannot be written, or contains files that must not be
                touched.
        """
        arrow()
        require_store_place(self.out, self.if_there)
        if self.workers < 1:
            raise SettingsError(f"{self.workers} workers were asked for; at least 1 is needed")
        if self.limit is not None and self.limit < 1:
            raise SettingsError(f"`limit` is {self.limit}; annotate at least 1 image, or None for all")
        if self.cluster is not None:
            require_ray()
        self.demands().require_met()
        if self.categories is not None and not self.formats:
            raise SettingsError("`categories` is for exports; add a format to `formats`, or leave it out")
        if self.report:
            require_report()

    @property
    def sharing(self) -> int:
        """Number of this machine's processes that share a GPU."""
        return -(-self.workers // max(1, torch.cuda.device_count()))

    def demands(self) -> Demands:
        """Collect what the exports require of the images.

        Raises:
            SettingsError: a format is unknown, or an option applies to none of the formats.
        """
        return Demands(self.formats, self.out / EXPORTS, self._writing())

    def exportable(self, entries: Iterable[PlannedImage]) -> Iterator[PlannedImage]:
        """Pass the images through, checking that the exports can represent them all.

        Raises:
            OutputError: a format cannot; raised after the last image.
        """
        demands = self.demands()
        renamed = {} if self.categories is None else self.categories.names
        for entry in entries:
            classes = {asked.category for asked in entry.asked if asked.category is not None}
            demands.add(shown(entry.name), [renamed.get(name, name) for name in sorted(classes)])
            yield entry
        demands.require_met()

    def export(self, store: AnnotationStore) -> tuple[dict[str, Losses], str | None]:
        """Export; return what each format lost, and what some formats refused."""
        if not self.formats:
            return {}, None
        try:
            where = self.out / EXPORTS
            losses = export_store(
                store,
                self.formats,
                where,
                self._writing(),
                categories=self.categories,
                is_partial=self.limit is not None,
            )
            return losses, None
        except FormatsRefused as error:
            return dict(error.losses), str(error)

    def _writing(self) -> WriterOptions:
        categories = () if self.categories is None else self.categories.in_order
        return replace(self.writing, overwrite=True, categories=categories or self.writing.categories)


@dataclass(frozen=True, kw_only=True)
class AnnotationOutcome:
    """The result of a run.

    Attributes:
        store: the store, complete unless the run had a limit.
        checkpoint: name of the checkpoint that made the masks.
        total: images, masks and quarantined images of the store.
        seconds: duration of this run.
        done_by_this_run: images and masks of this run.
        spent: where this run's time went, if requested.
        ignored: number of files in the source without an image suffix.
        left_out: sentences about what was left out of the source.
        quarantined: the first images that were quarantined, with reasons.
        losses: what each format lost.
        refused: which formats could not be written, and why; None if all were.
        report: the report page, if requested.
    """

    store: AnnotationStore
    checkpoint: str
    total: Tally
    seconds: float
    done_by_this_run: Tally
    spent: Spent | None = None
    ignored: int = 0
    left_out: tuple[str, ...] = ()
    quarantined: tuple[ImageRow, ...] = ()
    losses: dict[str, Losses] = field(default_factory=dict)
    refused: str | None = None
    report: Path | None = None

    @property
    def missing(self) -> int:
        """Number of images that a limit left to a later run."""
        return self.store.manifest.plan.images - self.total.images


def carry_out(
    job: AnnotationJob,
    running: AnnotationRun,
    entries: Iterable[PlannedImage] | None = None,
    *,
    progress: Progress | None = None,
) -> AnnotationOutcome:
    """Annotate images into a store, resuming an interrupted run.

    Args:
        job: what to annotate, and with what.
        running: how to run it.
        entries: the images with their prompts; None for all of the job's source. Ignored when a store is resumed.
        progress: called with the images done so far by any run, and the total; the name contains, after a colon, the
            numbers of masks and of quarantined images.

    Raises:
        SamaraError: why the run stopped, in one sentence. Finished images are saved.
    """
    start = time.monotonic()
    loaded = load_for(job, running)
    # Chosen once: processes that share a GPU must not choose by what the others have left free.
    job = replace(job, batch=job.images_per_pass(loaded, running.sharing)) if running.cluster is None else job
    store = _opened(job, running, loaded, entries)
    checkpoint, device = loaded.name, loaded.device
    if running.retry or store.has_moved_images:
        reopen(store)
    count = _Count(Tally(*store.counts()), store.manifest.plan.images, progress)
    if running.limit is not None:
        job = replace(job, up_to=store.id_of_missing(running.limit))
        count.total = min(count.total, count.so_far.images + running.limit)
    count.add(Tally())
    if running.cluster is None and running.workers == 1:
        annotate_store(store, job.annotator(loaded), job.work(loaded, tell=count.add))
    else:
        del loaded  # each process loads its own
        _fill_from_processes(store, job, running, device, count.add)
    seconds = time.monotonic() - start
    _record_run(store, device, running.workers, count.own, seconds)
    write_quarantined(store)
    losses, refused = running.export(store)
    return AnnotationOutcome(
        store=store,
        checkpoint=checkpoint,
        total=Tally(*store.counts()),
        seconds=seconds,
        done_by_this_run=count.own,
        spent=count.own.spent if job.timings else None,
        ignored=job.source.listing.ignored,
        left_out=tuple(job.source.listing.sentences()),
        quarantined=tuple(row for row, _ in zip(store.quarantined(), range(MAX_NAMED), strict=False)),
        losses=losses,
        refused=refused,
        report=write_report(store) if running.report else None,
    )


def load_for(job: AnnotationJob, running: AnnotationRun) -> Loaded:
    """Check what can be checked before a run, and load the checkpoint.

    Raises:
        SamaraError: the run cannot begin.
    """
    running.prepare()
    require_images(job.source.kind, running.writing)
    if job.embeddings is not None:
        require_folder(job.embeddings)
    loaded = load_chosen(job.choice)
    if running.commercial:
        require_commercial(loaded)
    return loaded


class _Count:
    """What was done so far, and who is told.

    Attributes:
        own: by this run.
        so_far: by any run.
        total: images to expect.
    """

    def __init__(self, so_far: Tally, total: int, progress: Progress | None) -> None:
        self.own, self.so_far, self.total, self._progress = Tally(), so_far, total, progress

    def add(self, done: Tally) -> None:
        """Add what was done since the last call."""
        self.own, self.so_far = self.own + done, self.so_far + done
        if self._progress is not None:
            self._progress(f"annotating: {self.so_far.found}", self.so_far.images, self.total)


def _fill_from_processes(
    store: AnnotationStore, job: AnnotationJob, running: AnnotationRun, device: str, tell: Callable[[Tally], None]
) -> None:
    if running.cluster is not None:
        run_on_ray(store, job, replace(running.cluster, actors=running.workers), tell)
    else:
        run_workers(store, job, running.workers, device, tell)


def _opened(
    job: AnnotationJob, running: AnnotationRun, loaded: Loaded, entries: Iterable[PlannedImage] | None
) -> AnnotationStore:
    """Create the store, or join an existing one."""
    store = create_store(
        running.out,
        job.facts(loaded),
        running.exportable(job.source.entries(running.out) if entries is None else entries),
        if_there=running.if_there,
        images_per_shard=running.images_per_shard,
        is_tiled=job.settings.tile is not None,
    )
    if running.retry:
        reopen(store)
    return store


def require_commercial(loaded: Loaded) -> None:
    """Refuse a checkpoint that cannot be used commercially without conditions.

    Raises:
        SettingsError: its licence forbids or restricts commercial use, or is unknown.
    """
    licence = licence_of(loaded.provenance.licence)
    if licence.commercial != "free":
        raise SettingsError(
            f"{loaded.name} is under {licence.identifier}: {licence.consequence}; take another checkpoint, or leave "
            "`commercial` out"
        )


def reopen(store: AnnotationStore) -> int:
    """Make quarantined images ready for another attempt; return how many."""
    reopened = 0
    for number in range(store.manifest.plan.shards):
        with claim(store.claim_path(number)) as is_ours:
            if is_ours:
                reopened += store.files(number).reopen()
    return reopened


def write_quarantined(store: AnnotationStore) -> None:
    """Write the list of quarantined images with their reasons; no file if there are none."""
    path, text = store.folder / QUARANTINED, io.StringIO(newline="")
    rows = csv.writer(text)
    for row in store.quarantined():
        rows.writerow([row.image_id, row.path, row.sha256, row.reason])
    if text.getvalue():
        write_atomically(path, f"image_id,path,sha256,reason\r\n{text.getvalue()}".encode())
    else:
        path.unlink(missing_ok=True)


def _record_run(store: AnnotationStore, device: str, workers: int, done: Tally, seconds: float) -> None:
    facts = {
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.node(),
        "device": device,
        "workers": workers,
        "samara": __version__,
        "images": done.images,
        "masks": done.masks,
        "quarantined": done.quarantined,
        "seconds": round(seconds, 3),
    }
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{platform.node()}-{os.getpid()}.json"
    write_atomically(store.folder / RUNS / name, json.dumps(facts).encode())
