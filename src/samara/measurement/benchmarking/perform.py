"""Running a job in this process: the numbers of one measurement."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from samara.checkpoints.load import load
from samara.engines.kinds import TORCH
from samara.engines.loaded import Loaded
from samara.images.settings import ImageReading
from samara.measurement.benchmarking.finetuning import fine_tune_by_one_step, why_not_fine_tuned
from samara.measurement.benchmarking.images import Image, read_images
from samara.measurement.benchmarking.jobs import BenchmarkJob, JobKind
from samara.measurement.benchmarking.memory import peaks
from samara.measurement.benchmarking.size import sizes
from samara.measurement.benchmarking.timing import Timing, synchronise, time_calls
from samara.measurement.benchmarking.workloads import NOTHING_APART, PROMPT_COUNTS, Workloads
from samara.measurement.evaluation.adapters import model_under_test
from samara.measurement.evaluation.ground_truth import GroundTruth, read_ground_truth
from samara.measurement.evaluation.protocols import refusals
from samara.measurement.evaluation.run import averages_of, score_images
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.measurement.records.numbers import Number, without_value
from samara.networks.variants import VARIANTS
from samara.system.progress import Progress

LOADS = 3
"""Number of times a checkpoint is loaded."""


def perform(job: BenchmarkJob, progress: Progress) -> list[Number]:
    """Run a job, in a fresh process, because earlier work would distort first calls and memory peaks.

    Raises:
        SamaraError: See `samara.load` and the measuring functions.
        RuntimeError, MemoryError: There is not enough memory.
    """
    threads = job.settings.get("threads")
    if threads is not None:
        torch.set_num_threads(threads)
    return _PERFORMERS[job.kind](job, progress)


def _load(job: BenchmarkJob) -> Loaded:
    subject = job.subject
    return load(
        job.checkpoint,
        base=job.base,
        preset=job.preset,
        device=subject.device,
        precision=subject.precision,
        engine=subject.engine,
        weights=subject.weights,
        input_size=subject.input_size,
    )


def _size(job: BenchmarkJob, progress: Progress) -> list[Number]:
    variant = VARIANTS.get(job.subject.variant)
    if variant is None or variant.class_names:
        variant = _load(job).variant  # with the sizes or classes of the file
    return sizes(variant, job.subject.input_size, job.settings["file_bytes"])


def _calls(job: BenchmarkJob, progress: Progress) -> list[Number]:
    loaded, numbers = _timed_load(job)
    batch_sizes = job.settings["batch_sizes"]
    workloads = Workloads(loaded, _images(job), 1)
    if not workloads.is_apart:
        return numbers + _without_calls(batch_sizes)
    steps = len(batch_sizes) + len(PROMPT_COUNTS)
    for done, batch_size in enumerate(batch_sizes):
        progress("calls", done, steps)
        timing = _time(job, partial(workloads.encode, batch_size))
        numbers += timing.numbers("encode", per=batch_size, batch_size=batch_size)
    workloads.embedding  # noqa: B018 - now, and not in the first call
    for done, prompts in enumerate(PROMPT_COUNTS, start=len(batch_sizes)):
        progress("calls", done, steps)
        numbers += _time(job, partial(workloads.decode, prompts)).numbers(f"decode_{prompts}")
    return numbers


def _timed_load(job: BenchmarkJob) -> tuple[Loaded, list[Number]]:
    if job.subject.weights == "random":
        why = "random weights are generated, not read"
        return _load(job), [without_value("load_seconds", "not applicable", why)]
    durations = []
    for _ in range(LOADS):
        started = time.perf_counter()
        loaded = _load(job)
        synchronise(loaded.device)
        durations.append(time.perf_counter() - started)
    return loaded, [Number(metric="load_seconds", value=sorted(durations)[LOADS // 2], n=LOADS)]


def _without_calls(batch_sizes: Sequence[int]) -> list[Number]:
    calls: list[tuple[str, int | None]] = [("encode", batch_size) for batch_size in batch_sizes]
    calls += [(f"decode_{count}", None) for count in PROMPT_COUNTS]
    return [
        without_value(f"{call}{when}_seconds", "not applicable", NOTHING_APART, batch_size=batch_size)
        for call, batch_size in calls
        for when in ("", "_first")
    ]


def _time(job: BenchmarkJob, call: Callable[[int], object]) -> Timing:
    settings = job.settings
    return time_calls(call, repeats=settings["repeats"], seconds=settings["seconds"], device=job.subject.device)


def _everything(job: BenchmarkJob, progress: Progress) -> list[Number]:
    workloads = _workloads(job)
    if workloads.why_not_everything:
        return [without_value(metric, "not applicable", workloads.why_not_everything) for metric in job.metrics]
    workloads.segmenter  # noqa: B018 - now, and not in the first call
    return _time(job, workloads.everything).numbers("everything", note=workloads.note)


def _memory(job: BenchmarkJob, progress: Progress) -> list[Number]:
    work = job.settings["work"]
    if work == "load":
        _load(job)
        return peaks(work, job.subject.device, job.batch_size)
    if work == "finetune":
        return _memory_of_fine_tuning(job)
    workloads = _workloads(job)
    if work == "everything":
        if workloads.why_not_everything:
            return [without_value(metric, "not applicable", workloads.why_not_everything) for metric in job.metrics]
        workloads.everything(0)
    elif workloads.is_apart:
        workloads.encode(job.batch_size or 1, 0)
    else:
        return [
            without_value(metric, "not applicable", NOTHING_APART, batch_size=job.batch_size) for metric in job.metrics
        ]
    return peaks(work, job.subject.device, job.batch_size)


def _memory_of_fine_tuning(job: BenchmarkJob) -> list[Number]:
    if why := why_not_fine_tuned(job.subject):
        return [without_value(metric, "not applicable", why) for metric in job.metrics]
    # `samara finetune` loads float32 whatever the precision of its steps.
    loaded = _load(replace(job, subject=replace(job.subject, engine=TORCH.name, precision="float32")))
    fine_tune_by_one_step(loaded, "bfloat16" if job.subject.precision == "bfloat16" else "float32")
    return peaks(job.settings["work"], job.subject.device)


def _workloads(job: BenchmarkJob) -> Workloads:
    return Workloads(_load(job), _images(job), job.settings.get("points_per_side", 1))


def _images(job: BenchmarkJob) -> list[Image]:
    return read_images([Path(path) for path in job.inputs["pictures"]], ImageReading.from_facts(job.settings))


def _quality(job: BenchmarkJob, progress: Progress) -> list[Number]:
    settings = EvaluationSettings.from_json(job.settings)
    if job.subject.weights == "random":
        why = "its file is not on this machine, and random weights have no quality"
        return averages_of((), settings, dict.fromkeys(settings.measures, why))
    inputs = job.inputs
    where = GroundTruth.from_json(inputs["ground_truth"])
    images = read_ground_truth(where, settings)
    loaded = _load(job)
    model = model_under_test(loaded, settings.points_per_side)
    refused = refusals(settings.measures, model.capabilities, loaded.variant.title)
    scores = score_images(model, images, settings, refused=refused, journal=Path(inputs["journal"]), progress=progress)
    return averages_of(scores, settings, refused)


_PERFORMERS: Mapping[JobKind, Callable[[BenchmarkJob, Progress], list[Number]]] = {
    "size": _size,
    "calls": _calls,
    "everything": _everything,
    "memory": _memory,
    "quality": _quality,
}
