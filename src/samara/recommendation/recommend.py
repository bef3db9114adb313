"""Recommend a checkpoint: the machine, the request and the evidence in; a ranking with reasons out."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Iterable
from pathlib import Path

from samara.checkpoints.catalogue import CATALOGUE
from samara.checkpoints.store.store import CheckpointStore
from samara.datasets.reading.findings import USUAL, Notice, ReadingRules
from samara.errors import SettingsError
from samara.measurement.benchmarking.settings import MEASURED_IN
from samara.measurement.records.history import remembered
from samara.measurement.records.records import Record
from samara.recommendation.answer import Excluded, Recommendation
from samara.recommendation.estimates import needs_of
from samara.recommendation.measured import Measurements, is_same_machine, measurements
from samara.recommendation.notes import notes_about
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
    records: Iterable[Record] | None = None,
    ground_truth: str | os.PathLike[str] | None = None,
    images: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] = MEASURED_IN,
    max_images: int = IMAGES,
    progress: Progress | None = None,
    rules: ReadingRules = USUAL,
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
        prompts: what it must take: "point", "background point", "box", "mask", "everything", "classes"; None for what
            the task usually needs.
        commercial: leave out licences that ask something of what is built on the weights, such as AGPL-3.0.
        max_latency_s: most seconds from an image to its masks: of one prompt, or of everything if that is asked.
        max_disk_gb: most GB to download.
        offline: only checkpoints that are on this machine.
        records: earlier measurements; they win over published figures and estimates. None: what `samara compare`,
            `samara evaluate` and this function measured on this machine before.
        ground_truth: COCO instances file of images of your own: what is on this machine is measured on them first.
        images: folder of those images.
        out: folder for these measurements; started again, they go on where they were cut off.
        max_images: most images per source that quality is measured on.
        progress: called while measuring, with what is being done, the steps done and the steps in all.
        rules: what becomes of crowds and of bad entries of the ground truth.
        notice: called with what of the ground truth is left out or mended.
        measure_speed: time matrix products on this machine for half a second instead of assuming its speed.
        machine: this machine; None to look at it.
        at_hand: names of the checkpoints on this machine; None to look into the store.

    Raises:
        SettingsError: a name or number is not accepted; the message lists what is. Or the speed of another machine
            shall be measured, or nothing that can be is at hand; or ground truth came without images, or they
            without it.
        SamaraError: images, ground truth or records cannot be used.
        DeviceError: a device was asked for that is not there.
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
    )
    is_here = vram_gb is None and ram_gb is None
    here = (machine or detect_machine()) if is_here else None
    where = target(vram_gb=vram_gb, ram_gb=ram_gb, device=device, machine=here)
    if measure_speed and not is_here:
        raise SettingsError("`measure_speed` is for this machine; leave it out, or leave `vram_gb` and `ram_gb` out")
    if measure_speed:
        where = dataclasses.replace(where, speed=_measured_speed(where))
    here_now = _at_hand() if at_hand is None else at_hand
    known = _measured_before(here) if records is None else list(records)
    found = choose_checkpoint(wanted, where, measurements(known, where, wanted.domain), here_now)
    if ground_truth is None or images is None:
        return found
    # Here, because it loads torch, which a recommendation from figures does not need.
    from samara.measurement.evaluation.ground_truth import GroundTruth
    from samara.recommendation.measure_first import measure_first

    known += measure_first(
        found,
        GroundTruth(Path(ground_truth), Path(images), wanted.domain, rules),
        out=Path(out),
        max_images=max_images,
        progress=progress,
        notice=notice,
    )
    return choose_checkpoint(wanted, where, measurements(known, where, wanted.domain), here_now)


def _require_both(ground_truth: object, images: object) -> None:
    """Before anything is looked at, let alone timed.

    Raises:
        SettingsError: what measuring first needs was given by half.
    """
    if ground_truth is None and images is not None:
        raise SettingsError(
            f"`images` {images} came without `ground_truth`, which measuring first needs as well; give the COCO file "
            "of these images too, or leave both out"
        )
    if images is None and ground_truth is not None:
        raise SettingsError(
            f"`ground_truth` {ground_truth} came without `images`, which measuring first needs as well; give the "
            "folder of its images too, or leave both out"
        )


def choose_checkpoint(
    wanted: Request, where: Target, measured: Measurements, at_hand: Collection[str]
) -> Recommendation:
    """Sort the catalogue into what is feasible and what is not, and rank the former.

    Args:
        wanted: what is asked.
        where: the machine.
        measured: earlier measurements.
        at_hand: names of the checkpoints whose files are on this machine.
    """
    feasible: list[Candidate] = []
    excluded: list[Excluded] = []
    for row in CATALOGUE:
        reason = cannot_run(row)
        if reason is not None:
            excluded.append(Excluded(row, (reason,)))
            continue
        candidate = Candidate(row, row.name in at_hand, needs_of(row, wanted, where, measured))
        against = reasons_against(candidate, wanted, where)
        if against:
            excluded.append(Excluded(row, against))
        else:
            feasible.append(candidate)
    names = [one.checkpoint.name for one in feasible]
    ranking = rank(feasible, qualities(names, wanted.prompts, wanted.domain_details, measured), wanted, where)
    bare = Recommendation(wanted, where, ranking, tuple(excluded), ())
    return dataclasses.replace(bare, notes=notes_about(bare, measured))


def _at_hand() -> frozenset[str]:
    return frozenset(entry.checkpoint.name for entry in CheckpointStore().entries() if entry.state == "here")


def _measured_before(here: Machine | None) -> list[Record]:
    """What was measured on this machine; nothing where another one is asked about."""
    return [] if here is None else [record for record in remembered() if is_same_machine(record, here)]


def _measured_speed(where: Target) -> Statement:
    return Statement(measure_matrix_speed(where.device), "measured here", "this machine's measured matrix speed")
