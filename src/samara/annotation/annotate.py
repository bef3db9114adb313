"""`samara.annotate`: masks for every image of a data set, into a store that survives interruptions."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from samara.annotation.carry_out import AnnotationOutcome, AnnotationRun, carry_out
from samara.annotation.forecast import AnnotationForecast, forecast
from samara.annotation.inputs.images import open_images
from samara.annotation.inputs.prompt_entries import Prompts
from samara.annotation.run.job import AnnotationJob
from samara.annotation.run.ray_cluster import Cluster
from samara.annotation.run.settings import AnnotationSettings, Machines, Resources, profile_named
from samara.annotation.store.plan import PlannedImage
from samara.annotation.store.store import IfThere
from samara.checkpoints.choice import Choice
from samara.datasets.reading.findings import USUAL, Notice, ReadingRules
from samara.datasets.writing.category_choice import CategoryChoice, category_choice
from samara.datasets.writing.options import WriterOptions
from samara.errors import SettingsError
from samara.images.settings import ImageReading
from samara.system.progress import Progress

AnyPath = str | os.PathLike[str]


def annotate(
    images: AnyPath | Sequence[AnyPath],
    *,
    out: AnyPath,
    prompts: AnyPath | None = None,
    image_folder: AnyPath | None = None,
    rules: ReadingRules = USUAL,
    profile: str | None = None,
    settings: AnnotationSettings | None = None,
    checkpoint: AnyPath | None = None,
    base: AnyPath | None = Choice.base,
    lora: AnyPath | None = Choice.lora,
    preset: str | None = Choice.preset,
    device: str = Choice.device,
    precision: str = Choice.precision,
    engine: str = Choice.engine,
    input_size: int | None = Choice.input_size,
    commercial: bool = False,
    workers: int = Resources.workers,
    cluster: Machines = Resources.cluster,
    gpus_per_worker: float = Resources.gpus_per_worker,
    threads: int | None = Resources.threads,
    batch: int | None = Resources.batch,
    embedding_cache: AnyPath | None = Resources.embedding_cache,
    embedding_cache_gb: float = Resources.embedding_cache_gb,
    resume: bool = False,
    retry: bool = False,
    limit: int | None = None,
    overwrite: bool = False,
    formats: Sequence[str] = (),
    options: WriterOptions | None = None,
    categories: CategoryChoice | Mapping[str, str] | Iterable[str] | None = None,
    report: bool = False,
    timings: bool = False,
    progress: Progress | None = None,
    notice: Notice | None = None,
) -> AnnotationOutcome:
    """Annotate images, segmenting everything or the given prompts.

    Call it again with `resume` to continue after any interruption.

    Args:
        images: a folder (searched recursively), files, a pattern, a list (.txt), a .tar; or a COCO file (.json) or YOLO
            data set (.yaml), whose boxes become the prompts.
        out: folder of the store.
        prompts: boxes from a COCO file or YOLO labels, or points from a table (.csv); None for everything.
        image_folder: folder of the images listed in a COCO file; None for the file's own.
        rules: treatment of crowds and of bad entries in prompt files.
        profile: "development" (ViT-B), "production" (ViT-L) or "high-quality" (ViT-H); sets the checkpoint and those
            settings that are not given.
        settings: what to segment, and which masks to keep.
        checkpoint: a catalogue name or a file; None for the profile's, or the embedded one.
        base: see `samara.load`, as for the next five.
        lora: low-rank updates, folded in.
        preset: preparation of the images, if the file cannot tell.
        device: where the network runs.
        precision: what it computes in.
        engine: runtime of the network: "torch", "openvino", ...
        input_size: side of the network input in pixels; None for the checkpoint's own.
        commercial: refuse weights whose licence restricts commercial use.
        workers: processes, each with a network of its own.
        cluster: where the workers run: "local" for this machine, or "ray" for a Ray cluster.
        gpus_per_worker: with ray; 0.25 lets four share a GPU.
        threads: threads that read, decode and resize, per process; None for 2 on a CPU and up to 8 on a GPU.
        batch: images per pass of the image encoder; None for 1 on a CPU and up to 8 on a GPU. A batch of another
            size can change the last digits of a result.
        embedding_cache: folder that keeps image embeddings for runs with other settings; None for none.
        embedding_cache_gb: maximum size of that folder; the least recently used are deleted.
        resume: resume the store, even while another run is working on it; create it if it does not exist.
        retry: with `resume`, retry quarantined images.
        limit: annotate at most this many images now; `resume` without it continues with the others.
        overwrite: delete the existing store first.
        formats: also write `out`/exports in these formats, see `samara.export_annotations`.
        options: options of the exports.
        categories: categories of the exports, see `samara.export_annotations`.
        report: also write `out`/report.html.
        timings: measure where the time goes, see `AnnotationOutcome.spent`. A GPU is waited for after each stage, which
            costs some speed.
        progress: called with the progress.
        notice: called with one sentence per kind of prompt entry that was left out or repaired.

    Returns:
        The store, what was done, what was quarantined and why.

    Raises:
        SamaraError: why the run stopped, in one sentence. Finished images are saved.
    """
    request = _request(locals())
    outcome = carry_out(request.job, request.running, request.entries(), progress=progress)
    return replace(outcome, left_out=(*outcome.left_out, *request.unasked()))


def plan_annotation(images: AnyPath | Sequence[AnyPath], *, out: AnyPath, **arguments: Any) -> AnnotationForecast:
    """Find out what `annotate` would do with the same arguments; writes nothing and opens no image.

    Args:
        images: see `annotate`.
        out: folder of the store.
        arguments: the other arguments of `annotate`; `progress`, `report` and `timings` have no effect.

    Returns:
        Images found, done and to do, what is left out and why, and the duration if an earlier run of the store tells.

    Raises:
        SamaraError: what `annotate` would stop with before the first image.
        TypeError: `annotate` has no such argument.
    """
    call = inspect.signature(annotate).bind(images, out=out, **arguments)
    call.apply_defaults()
    request = _request(call.arguments)
    expected = forecast(request.job, request.running, request.entries())
    return replace(expected, left_out=(*expected.left_out, *request.unasked()))


@dataclass(frozen=True)
class _Request:
    """What `annotate` was asked: a job, how to run it, and the prompts."""

    job: AnnotationJob
    running: AnnotationRun
    asked: Prompts | None

    def entries(self) -> Iterator[PlannedImage] | None:
        """Return the images with their prompts; None without prompts."""
        return None if self.asked is None else self.asked.entries(self.job.source.entries(self.running.out))

    def unasked(self) -> tuple[str, ...]:
        """Return sentences about images without prompts, once `entries` were counted."""
        return () if self.asked is None or not self.asked.left_out else (self.asked.sentence,)


def _request(given: Mapping[str, Any]) -> _Request:  # Any: the arguments of `annotate`, by name
    """Build what the arguments of `annotate` ask for."""
    one = SimpleNamespace(**given)
    if_there = _if_there(resume=one.resume, retry=one.retry, overwrite=one.overwrite)
    chosen = None if one.profile is None else profile_named(one.profile)
    settings = one.settings or AnnotationSettings()
    reading = ImageReading(settings.value_range, settings.frame)
    source, asked = open_images(one.images, one.prompts, one.image_folder, one.rules, one.notice, reading)
    settings = replace(
        settings if chosen is None else chosen.fill(settings), asking="everything" if asked is None else "prompts"
    )
    choice = Choice(
        checkpoint=one.checkpoint or (Choice.checkpoint if chosen is None else chosen.checkpoint),
        **{name: given[name] for name in ("base", "lora", "preset", "device", "precision", "engine", "input_size")},
    )
    job = AnnotationJob(
        choice=choice,
        settings=settings,
        source=source,
        prompts={} if asked is None else asked.facts(),
        threads=one.threads,
        batch=one.batch,
        timings=one.timings,
        embeddings=None if one.embedding_cache is None else Path(one.embedding_cache),
        max_embedding_bytes=int(one.embedding_cache_gb * 1e9),
    )
    running = AnnotationRun(
        out=Path(one.out),
        if_there=if_there,
        cluster=Cluster(gpus=one.gpus_per_worker) if one.cluster == "ray" else None,
        formats=tuple(one.formats),
        writing=one.options or WriterOptions(),
        categories=category_choice(one.categories),
        **{name: given[name] for name in ("workers", "retry", "limit", "report", "commercial")},
    )
    return _Request(job, running, asked)


def _if_there(*, resume: bool, retry: bool, overwrite: bool) -> IfThere:
    """Decide what to do with an existing store.

    Raises:
        SettingsError: the arguments contradict each other.
    """
    if retry and not resume:
        raise SettingsError("`retry` tries the quarantined images of a store again; give `resume` with it")
    if resume and overwrite:
        raise SettingsError("`resume` goes on with the store and `overwrite` deletes it; choose one")
    return "resume" if resume else "overwrite" if overwrite else "refuse"
