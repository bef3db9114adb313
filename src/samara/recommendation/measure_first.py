"""Measuring the checkpoints on this machine on the user's own images before recommending: quality, time, memory."""

from __future__ import annotations

from pathlib import Path

from samara.datasets.reading.findings import Notice
from samara.errors import SettingsError
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.measurement.benchmarking.measure import measure
from samara.measurement.benchmarking.settings import BenchmarkSettings
from samara.measurement.evaluation.ground_truth import GroundTruth
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.measurement.records.metrics import Measure
from samara.measurement.records.records import Record
from samara.recommendation.answer import Recommendation
from samara.recommendation.request import Request
from samara.recommendation.tasks import PromptKind
from samara.system.files import require_folder
from samara.system.progress import Progress

MEASURES: dict[PromptKind, Measure] = {
    "point": "centre_click",
    "background point": "centre_click",
    "box": "box",
    "mask": "box",
    "everything": "everything",
}
"""The measure for each kind of prompt. Classes have none: ground truth with other classes says nothing about them."""


def measure_first(
    first: Recommendation,
    ground_truth: GroundTruth,
    *,
    out: Path,
    max_images: int,
    reading: ImageReading = AS_THEY_ARE,
    progress: Progress | None = None,
    notice: Notice | None = None,
) -> list[Record]:
    """Measure every feasible checkpoint whose file is on this machine.

    Args:
        first: the recommendation without measurements, with the feasible checkpoints and those on this machine.
        ground_truth: ground truth to measure quality on.
        out: folder for the records; calling it again with the same settings resumes.
        max_images: max. images per source to measure quality on.
        reading: reading of the images.
        progress: called with the progress.
        notice: called with what is left out of the ground truth or repaired.

    Raises:
        SettingsError: the request is about another machine, no checkpoint is on this machine, or none of the requested
            prompts can be measured.
        SamaraError: images or ground truth cannot be used.
    """
    names = [one.name for one in first.ranking if one.candidate.at_hand]
    if first.target.machine is None:
        raise SettingsError("only this machine can be measured; leave out the options that describe another one")
    if not names:
        raise SettingsError("no feasible checkpoint is on this machine; download one with `samara checkpoints get`")
    require_folder(out)
    return measure(
        names,
        out=out,
        ground_truth=[ground_truth],
        settings=BenchmarkSettings(
            groups=("speed", "memory", "quality"),
            batch_sizes=(1,),
            repeats=3,
            seconds=5.0,
            # Everything mode takes a thousand prompts, so only if requested.
            points_per_side=None if first.request.asks_everything else 1,
            reading=reading,
        ),
        evaluation=EvaluationSettings(
            measures=_measures(first.request),
            images=max_images,
            everything_images=min(max_images, 3),
            reading=reading,
        ),
        device=first.target.device,
        progress=progress,
        notice=notice,
    )


def _measures(request: Request) -> tuple[Measure, ...]:
    wanted = tuple(dict.fromkeys(MEASURES[prompt] for prompt in request.prompts if prompt in MEASURES))
    if not wanted:
        raise SettingsError(f"{' and '.join(request.prompts)} cannot be measured; use {', '.join(MEASURES)}")
    return wanted
