"""Recommendation of a checkpoint: from machine, request and evidence to a ranking with reasons."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Iterable
from pathlib import Path

from samara.checkpoints.catalogue import CATALOGUE
from samara.checkpoints.store.store import CheckpointStore
from samara.datasets.reading.findings import USUAL, Notice, ReadingRules
from samara.errors import SettingsError
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.measurement.benchmarking.settings import MEASURED_IN
from samara.measurement.records.history import remembered
from samara.measurement.records.records import Record
from samara.recommendation.answer import Excluded, Recommendation
from samara.recommendation.estimates import needs_of, time_scale
from samara.recommendation.extremes import Contender
from samara.recommendation.measured import Measurements, is_same_machine, measurements
from samara.recommendation.notes import notes_about
from samara.recommendation.own import own_checkpoints
from samara.recommendation.quality import qualities
from samara.recommendation.ranking import rank
from samara.recommendation.request import IMAGES, Request, request
from samara.recommendation.rules import Candidate, cannot_run, reasons_against
from samara.recommendation.statement import Statement
from samara.recommendation.target import Target, target
from samara.recommendation.throughput import measure_matrix_speed
from samara.system.machine import Machine, detect_machine
from samara.system.progress import Progress


def recommend(
    *,
    vram_gb: float | None = None,
    ram_gb: float | None = None,
    device: str = "auto",
    task: str = Request.task,
    domain: str = Request.domain,
    prompts: Iterable[str] | None = None,
    commercial: bool = Request.commercial,
    max_latency_s: float | None = None,
    max_disk_gb: float | None = None,
    offline: bool = Request.offline,
    image_count: int | None = Request.image_count,
    max_hours: float | None = Request.max_hours,
    records: Iterable[Record] | None = None,
    ground_truth: str | os.PathLike[str] | None = None,
    images: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] = MEASURED_IN,
    max_images: int = IMAGES,
    progress: Progress | None = None,
    rules: ReadingRules = USUAL,
    reading: ImageReading = AS_THEY_ARE,
    notice: Notice | None = None,
    measure_speed: bool = False,
    machine: Machine | None = None,
    at_hand: Collection[str] | None = None,
) -> Recommendation:
    """Recommend a checkpoint for a machine and a task, with reasons.

    Args:
        vram_gb: memory of the GPU of another machine, in GB; None for this machine, unless `ram_gb` is given.
        ram_gb: main memory of another machine, in GB; without `vram_gb` it has no GPU.
        device: "auto", or "cpu", "cuda", "mps" to choose among the machine's own.
        task: "production", "maximum quality", "real-time", "edge", "fine-tuning", "benchmark",
            "interactive annotation" or "batch annotation".
        domain: "natural", "medical", "satellite", "driving", "content creation" or "robotics".
        prompts: required prompts: "point", "background point", "box", "mask", "everything", "classes"; None for those
            the task usually needs.
        commercial: exclude licences with conditions on products, such as AGPL-3.0.
        max_latency_s: max. seconds from an image to its masks, of one prompt or, if requested, of everything.
        max_disk_gb: max. GB to download.
        offline: only checkpoints that are on this machine.
        image_count: number of images to work through; the answer then says how long all of them take.
        max_hours: max. hours for all of them.
        records: earlier measurements, which take precedence over published figures and estimates. None: those by
            `samara compare`, `samara evaluate` and this function on this machine; an empty list for none. Of the
            quality measurements those count that `samara.recommendation.evidence` describes.
        ground_truth: COCO instances file of your own images, on which the checkpoints on this machine are measured
            first.
        images: folder of those images.
        out: folder for these measurements; interrupted ones are resumed.
        max_images: max. images per source to measure quality on.
        progress: called while measuring with the task, the steps done and the total.
        rules: treatment of crowds and of bad entries in the ground truth.
        reading: reading of these images.
        notice: called with what is left out of the ground truth or repaired.
        measure_speed: time matrix products on this machine for half a second instead of assuming its speed.
        machine: this machine; None to detect it.
        at_hand: names of the checkpoints on this machine; None to look in the store.

    Raises:
        SettingsError: a name or number is invalid; the message lists valid ones. Or the speed of another machine should
            be measured, or no checkpoint that could be is on this machine; or only one of ground truth and images is
            given.
        SamaraError: images, ground truth or records cannot be used.
        DeviceError: the requested device is missing.
    """
    _require_both(ground_truth, images)
    wanted = request(
        task=task,
        domain=domain,
        prompts=prompts,
        commercial=commercial,
        max_latency_s=max_latency_s,
        max_disk_gb=max_disk_gb,
        offline=offline,
        image_count=image_count,
        max_hours=max_hours,
    )
    is_here = vram_gb is None and ram_gb is None
    here = (machine or detect_machine()) if is_here else None
    where = target(vram_gb=vram_gb, ram_gb=ram_gb, device=device, machine=here)
    if measure_speed and not is_here:
        raise SettingsError(
            "`measure_speed` applies to this machine; leave it out, or leave out `vram_gb` and `ram_gb`"
        )
    if measure_speed:
        where = dataclasses.replace(where, speed=_measured_speed(where))
    here_now = _at_hand() if at_hand is None else at_hand
    known = _measured_before(here) if records is None else list(records)
    found = choose_checkpoint(wanted, where, measurements(known, where, wanted.domain), here_now)
    if ground_truth is None or images is None:
        return found
    # Imported here, because it loads torch, which a recommendation from figures does not need.
    from samara.measurement.evaluation.ground_truth import GroundTruth
    from samara.recommendation.measure_first import measure_first

    known += measure_first(
        found,
        GroundTruth(Path(ground_truth), Path(images), wanted.domain, rules),
        out=Path(out),
        max_images=max_images,
        reading=reading,
        progress=progress,
        notice=notice,
    )
    return choose_checkpoint(wanted, where, measurements(known, where, wanted.domain), here_now)


def _require_both(ground_truth: object, images: object) -> None:
    """Check the options for measuring first, before any work.

    Raises:
        SettingsError: only one of the two is given.
    """
    if ground_truth is None and images is not None:
        raise SettingsError(
            f"`images` {images} also needs `ground_truth`; add the COCO file of these images, or leave both out"
        )
    if images is None and ground_truth is not None:
        raise SettingsError(
            f"`ground_truth` {ground_truth} also needs `images`; add the folder of its images, or leave both out"
        )


def choose_checkpoint(
    wanted: Request, where: Target, measured: Measurements, at_hand: Collection[str]
) -> Recommendation:
    """Split the catalogue into feasible and excluded checkpoints, and rank the former.

    Args:
        wanted: the user's request.
        where: the machine.
        measured: earlier measurements.
        at_hand: names of the checkpoints whose files are on this machine.
    """
    rows = [*CATALOGUE, *own_checkpoints(measured)]
    runnable = [row for row in rows if cannot_run(row) is None]
    scale = time_scale(runnable, wanted, where, measured)
    quality = qualities([row.name for row in runnable], wanted.prompts, wanted.domain_details, measured)
    feasible: list[Candidate] = []
    excluded: list[Excluded] = []
    for row in rows:
        reason = cannot_run(row)
        if reason is not None:
            excluded.append(Excluded(row, (reason,)))
            continue
        is_at_hand = row.name in at_hand or row not in CATALOGUE
        candidate = Candidate(row, is_at_hand, needs_of(row, wanted, where, measured, scale.factor))
        against = reasons_against(candidate, wanted, where)
        if against:
            excluded.append(Excluded(row, against, Contender(candidate, quality[row.name])))
        else:
            feasible.append(candidate)
    bare = Recommendation(
        wanted,
        where,
        rank(feasible, quality, wanted, where),
        tuple(excluded),
        (),
        scale.told,
        measured.told(wanted.prompts),
    )
    return dataclasses.replace(bare, notes=notes_about(bare, measured))


def _at_hand() -> frozenset[str]:
    return frozenset(entry.checkpoint.name for entry in CheckpointStore().entries() if entry.state == "here")


def _measured_before(here: Machine | None) -> list[Record]:
    """Return the measurements on this machine; none for another machine."""
    return [] if here is None else [record for record in remembered() if is_same_machine(record, here)]


def _measured_speed(where: Target) -> Statement:
    return Statement(measure_matrix_speed(where.device), "measured here", "this machine's measured matrix speed")
