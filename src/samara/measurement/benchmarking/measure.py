"""Measurement of checkpoints on this machine: one process per job, records written as jobs finish, resumable."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from samara.datasets.reading.findings import Notice
from samara.errors import SettingsError
from samara.measurement.benchmarking.images import choose_images, digests, evenly
from samara.measurement.benchmarking.jobs import BenchmarkJob
from samara.measurement.benchmarking.processes import run_job
from samara.measurement.benchmarking.settings import MEASURED_IN, BenchmarkSettings
from samara.measurement.benchmarking.workloads import PROMPT_COUNTS
from samara.measurement.evaluation.ground_truth import (
    AnyGroundTruth,
    EvaluatedImage,
    GroundTruth,
    ground_truths,
    read_ground_truth,
)
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.measurement.records.environment import Environment, environment
from samara.measurement.records.history import remember
from samara.measurement.records.metrics import METRICS, METRICS_OF
from samara.measurement.records.numbers import as_record
from samara.measurement.records.record_file import append_records, measured_jobs, read_records
from samara.measurement.records.records import Record
from samara.measurement.subjects import CheckpointUnderTest, RunSettings, find_checkpoints
from samara.system.progress import Progress, under_name

RECORDS, SCORES = "records.jsonl", "scores"
"""Names of the outputs: a file, and a folder with the scores of every object."""


def measure(
    checkpoints: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    out: str | os.PathLike[str] = MEASURED_IN,
    images: str | os.PathLike[str] | None = None,
    ground_truth: AnyGroundTruth = (),
    settings: BenchmarkSettings | None = None,
    evaluation: EvaluationSettings | None = None,
    device: str = RunSettings.device,
    precision: str = RunSettings.precision,
    engine: str = RunSettings.engine,
    base: str | os.PathLike[str] | None = RunSettings.base,
    preset: str | None = RunSettings.preset,
    progress: Progress | None = None,
    notice: Notice | None = None,
) -> list[Record]:
    """Measure checkpoints: size, speed, memory and, with ground truth, quality.

    Every job runs in its own process and is recorded when it finishes. A rerun after an interruption skips the jobs
    already recorded for the same file, settings, images, machine and versions, and retries those that failed. A
    checkpoint whose file is missing is measured with random weights, so its quality is not measured; the records say
    so.

    Args:
        checkpoints: catalogue names or files.
        out: folder for `records.jsonl`, which is appended to, and for the scores behind the quality metrics.
        images: folder of images to measure speed on; None for those of the ground truth, or else a synthetic one.
        ground_truth: data to measure quality on: `GroundTruth`s, or a path whose images are in `images`; if empty,
            quality is not measured.
        settings: settings of speed and memory.
        evaluation: settings of quality.
        device: see `samara.load`, also for the next four arguments.
        precision: precision of the networks.
        engine: engine that runs them.
        base: base checkpoint of the files that hold part of a network.
        preset: preparation of the images for those checkpoints that are files.
        progress: called as the work advances.
        notice: called with each fix or omission in the ground truth, before anything is measured.

    Returns:
        All records of the file, including earlier ones.

    Raises:
        SettingsError: There is no checkpoint, or two ground truths have the same domain.
        SamaraError: A checkpoint, image or ground truth cannot be used. All are checked before anything is measured;
            later failures are recorded.
    """
    settings, evaluation = settings or BenchmarkSettings(), evaluation or EvaluationSettings()
    names, truths = names_of(checkpoints), ground_truths(ground_truth, images)
    read = _check(names, truths, evaluation, notice)
    below = None if base is None else str(base)
    running = RunSettings(device=device, precision=precision, engine=engine, base=below, preset=preset)
    candidates = find_checkpoints(names, running)
    folder = Path(images) if images is not None else truths[0].images if truths else None
    if folder is not None:
        chosen = choose_images(folder, settings.images)
    else:
        chosen = evenly([one.image.path for one in read[0]] if read else [], settings.images)
    plan = Plan(settings, evaluation, truths, tuple(chosen))
    here = environment()
    file = Path(out) / RECORDS
    remember(file)
    done = measured_jobs(read_records(file))
    jobs = [job for candidate in candidates for job in plan.jobs(candidate) if job.identity(here) not in done]
    for number, job in enumerate(jobs):
        if progress is not None:
            progress("measuring", number, len(jobs))
        _record(job, here, file, settings, progress)
    if progress is not None:
        progress("measuring", len(jobs), len(jobs))
    return read_records(file)


def names_of(checkpoints: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[str]:
    """Return one or several checkpoints as a list of names and paths."""
    several = [checkpoints] if isinstance(checkpoints, (str, os.PathLike)) else checkpoints
    return [os.fspath(one) for one in several]


def _check(
    checkpoints: Sequence[str],
    ground_truth: Sequence[GroundTruth],
    evaluation: EvaluationSettings,
    notice: Notice | None,
) -> list[list[EvaluatedImage]]:
    """Check everything before anything is measured, and return the images of each ground truth."""
    if not checkpoints:
        raise SettingsError("no checkpoint was given; name at least one")
    domains = [where.domain for where in ground_truth]
    if len(set(domains)) < len(domains):
        raise SettingsError(f"the ground truths have the domains {', '.join(domains)}; give each a different domain")
    return [read_ground_truth(where, evaluation, notice) for where in ground_truth]


def _record(
    job: BenchmarkJob, here: Environment, file: Path, settings: BenchmarkSettings, progress: Progress | None
) -> None:
    """Run a job and append all of its records at once."""
    identity = job.identity(here)
    if job.kind == "quality":
        journal = file.parent / SCORES / f"{identity}.jsonl"
        job = replace(job, inputs={**job.inputs, "journal": str(journal)})
    numbers = run_job(job, timeout_s=settings.timeout_s, progress=under_name(progress, job.title))
    append_records(
        file,
        [
            as_record(number, subject=job.subject, job=identity, settings=job.settings, here=here, domain=job.domain)
            for number in numbers
        ],
    )


@dataclass(frozen=True)
class Plan:
    """Measurements to take of every checkpoint."""

    settings: BenchmarkSettings
    evaluation: EvaluationSettings
    ground_truth: tuple[GroundTruth, ...]
    images: tuple[Path, ...]

    def jobs(self, candidate: CheckpointUnderTest) -> list[BenchmarkJob]:
        """Return the jobs of one checkpoint, the quick ones first."""
        groups = self.settings.groups
        return [
            *(self._size(candidate) if "size" in groups else ()),
            *(self._speed(candidate) if "speed" in groups else ()),
            *(self._memory(candidate) if "memory" in groups else ()),
            *(self._quality(candidate) if "quality" in groups else ()),
        ]

    def _size(self, candidate: CheckpointUnderTest) -> list[BenchmarkJob]:
        metrics = tuple(metric.name for metric in METRICS.values() if metric.group == "size")
        return [_job(candidate, kind="size", settings={"file_bytes": candidate.file_bytes}, metrics=metrics)]

    def _speed(self, candidate: CheckpointUnderTest) -> list[BenchmarkJob]:
        facts = self._common | {"repeats": self.settings.repeats, "seconds": self.settings.seconds}
        calls = facts | {"batch_sizes": list(self.settings.batch_sizes)}
        names = ["encode", *(f"decode_{count}" for count in PROMPT_COUNTS)]
        return [
            _job(
                candidate,
                kind="calls",
                settings=calls,
                inputs=self._inputs,
                metrics=("load_seconds", *_timed(names)),
            ),
            _job(
                candidate,
                kind="everything",
                settings=facts | self._grid(candidate),
                inputs=self._inputs,
                metrics=_timed(["everything"]),
            ),
        ]

    def _memory(self, candidate: CheckpointUnderTest) -> list[BenchmarkJob]:
        works: list[tuple[str, int | None]] = [
            ("load", None),
            *(("encode", batch_size) for batch_size in self.settings.batch_sizes),
            ("everything", None),
        ]
        jobs = [
            _job(
                candidate,
                kind="memory",
                settings=self._common | {"work": work} | (self._grid(candidate) if work == "everything" else {}),
                inputs=self._inputs,
                batch_size=batch_size,
                metrics=_peaks(work),
            )
            for work, batch_size in works
        ]
        return [*jobs, self._memory_of_fine_tuning(candidate)]

    def _memory_of_fine_tuning(self, candidate: CheckpointUnderTest) -> BenchmarkJob:
        """Return the job that needs no images: it draws its own, with their ground truth."""
        settings = {"work": "finetune", "threads": self._threads}
        return _job(candidate, kind="memory", settings=settings, metrics=_peaks("finetune"))

    def _quality(self, candidate: CheckpointUnderTest) -> list[BenchmarkJob]:
        metrics = tuple(name for measure in self.evaluation.measures for name in METRICS_OF[measure])
        return [
            _job(
                candidate,
                kind="quality",
                settings=self._evaluation_of(candidate).as_json() | {"ground_truth": where.digest},
                inputs={"ground_truth": where.as_json()},
                domain=where.domain,
                metrics=metrics,
            )
            for where in self.ground_truth
        ]

    def _grid(self, candidate: CheckpointUnderTest) -> dict[str, Any]:  # Any: JSON values
        return {"points_per_side": candidate.points_per_side(self.settings.points_per_side)}

    def _evaluation_of(self, candidate: CheckpointUnderTest) -> EvaluationSettings:
        return replace(self.evaluation, points_per_side=candidate.points_per_side(self.evaluation.points_per_side))

    @property
    def _common(self) -> dict[str, Any]:  # Any: JSON values
        return {"threads": self._threads, "pictures": digests(self.images)} | self.settings.reading.facts()

    @property
    def _threads(self) -> int:
        return self.settings.threads or torch.get_num_threads()

    @property
    def _inputs(self) -> dict[str, Any]:  # Any: JSON values
        return {"pictures": [str(path) for path in self.images]}


def _job(candidate: CheckpointUnderTest, **facts: Any) -> BenchmarkJob:  # Any: fields of BenchmarkJob
    return BenchmarkJob(
        checkpoint=candidate.checkpoint,
        base=candidate.base,
        base_sha256=candidate.base_sha256,
        preset=candidate.preset,
        subject=candidate.subject,
        **facts,
    )


def _timed(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{name}{when}_seconds" for name in names for when in ("", "_first"))


def _peaks(work: str) -> tuple[str, ...]:
    return (f"{work}_resident_peak_bytes", f"{work}_device_peak_bytes")
