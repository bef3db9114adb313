"""What a run would do, found out without annotating an image or writing a file."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from samara.annotation.carry_out import AnnotationRun, load_for
from samara.annotation.run.annotator import check_settings, resolved
from samara.annotation.run.job import AnnotationJob
from samara.annotation.run.settings import AnnotationSettings
from samara.annotation.store.manifest import images_moved, require_same_job
from samara.annotation.store.plan import PlannedImage, no_image
from samara.annotation.store.store import MANIFEST, RUNS, AnnotationStore, open_store
from samara.engines.loaded import Loaded

StoreState = Literal["new", "resumed", "replaced"]
"""What happens to the folder of the store."""


@dataclass(frozen=True)
class Rate:
    """Time per image, and where the number is from.

    Attributes:
        seconds_per_image: seconds of the whole run for each image.
        source: a few words, such as "the run of 2026-11-27 in this store, 20 images".
    """

    seconds_per_image: float
    source: str


@dataclass(frozen=True, kw_only=True)
class AnnotationForecast:
    """What a run would do.

    Attributes:
        out: folder of the store.
        state: what happens to it.
        images: images of the store.
        done: those that are annotated or quarantined already, and stay so.
        to_do: images of this run.
        prompts: prompts of all images; None for everything, and for a resumed store, which has them.
        left_out: sentences about what is left out of the source.
        checkpoint: name of the checkpoint.
        device, engine, precision: how it runs.
        input_size: side length of the network input in pixels.
        workers, batch: processes, and images per pass of the image encoder.
        settings: settings with the checkpoint's own values filled in.
        formats: formats of the exports, whose demands are met.
        rate: time per image by an earlier run of the store on this machine, with the same device and workers; None if
            there is none.
    """

    out: Path
    state: StoreState
    images: int
    done: int
    to_do: int
    prompts: int | None
    left_out: tuple[str, ...]
    checkpoint: str
    device: str
    engine: str
    precision: str
    input_size: int
    workers: int
    batch: int
    settings: AnnotationSettings
    formats: tuple[str, ...]
    rate: Rate | None

    @property
    def seconds(self) -> float | None:
        """Estimated duration; None without a rate."""
        return None if self.rate is None else self.to_do * self.rate.seconds_per_image


def forecast(
    job: AnnotationJob, running: AnnotationRun, entries: Iterable[PlannedImage] | None = None
) -> AnnotationForecast:
    """Find out what `carry_out` would do with the same arguments, up to the first image; images are not opened.

    Raises:
        SamaraError: what the run would stop with before the first image.
    """
    loaded = load_for(job, running)
    check_settings(loaded, job.settings)
    entries = job.source.entries(running.out) if entries is None else entries
    there = (running.out / MANIFEST).exists()
    if there and running.if_there == "resume":
        store = open_store(running.out)
        images, done = _resumed(store, job, running, loaded, entries)
        prompts, rate = None, rate_of(store, loaded.device, running.workers)
    else:
        images, prompts = _counted(running.exportable(entries))
        done, rate = 0, None
    return AnnotationForecast(
        out=running.out,
        state=("resumed" if running.if_there == "resume" else "replaced") if there else "new",
        images=images,
        done=done,
        to_do=images - done if running.limit is None else min(running.limit, images - done),
        prompts=prompts if job.settings.asking == "prompts" else None,
        left_out=tuple(job.source.listing.sentences()),
        checkpoint=loaded.name,
        device=loaded.device,
        engine=loaded.engine,
        precision=loaded.precision,
        input_size=loaded.input_size,
        workers=running.workers,
        batch=job.images_per_pass(loaded, running.sharing),
        settings=resolved(job.settings, loaded),
        formats=running.formats,
        rate=rate,
    )


def _resumed(
    store: AnnotationStore, job: AnnotationJob, running: AnnotationRun, loaded: Loaded, entries: Iterable[PlannedImage]
) -> tuple[int, int]:
    """Return the images of a store that would be resumed, and how many of them are done."""
    facts = job.facts(loaded)
    require_same_job(store.manifest.job, facts, store.folder)
    is_moved = images_moved(store.manifest.job, facts)
    if is_moved:
        for _ in entries:
            pass  # raises if most of them are missing there too
    rows, _, quarantined = store.counts()
    return store.manifest.plan.images, rows - quarantined if running.retry or is_moved else rows


def _counted(entries: Iterable[PlannedImage]) -> tuple[int, int]:
    """Count images and their prompts."""
    images = prompts = 0
    for entry in entries:
        images += 1
        prompts += len(entry.asked)
    if not images:
        raise no_image()
    return images, prompts


def rate_of(store: AnnotationStore, device: str, workers: int) -> Rate | None:
    """Return the speed of the store's last run on this machine, with the same device and number of workers."""
    runs = []
    for path in sorted((store.folder / RUNS).glob("*.json")):
        try:
            facts = json.loads(path.read_bytes())
            if facts["images"] and (facts["machine"], facts["device"], facts["workers"]) == (
                platform.node(),
                device,
                workers,
            ):
                runs.append((str(facts["ended"]), float(facts["seconds"]), int(facts["images"])))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # a record that is damaged says nothing
    if not runs:
        return None
    ended, seconds, images = max(runs)
    return Rate(seconds / images, f"the run of {ended[:10]} in this store, {images:,} images")
