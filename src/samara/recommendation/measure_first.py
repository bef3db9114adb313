"""Measure what is on this machine on the user's own images, before recommending: quality, time and memory."""

from __future__ import annotations

from pathlib import Path

from samara.datasets.reading.findings import Notice
from samara.errors import SettingsError
from samara.measurement.benchmarking.measure import measure
from samara.measurement.benchmarking.settings import BenchmarkSettings
from samara.measurement.evaluation.ground_truth import GroundTruth
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.measurement.records.metrics import Measure
from samara.measurement.records.records import Record
from samara.recommendation.answer import Recommendation
from samara.recommendation.costs import POINTS_PER_SIDE
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
"""What is measured for a kind of prompt. Classes are not: ground truth of other classes says nothing about them."""


def measure_first(
    first: Recommendation,
    ground_truth: GroundTruth,
    *,
    out: Path,
    max_images: int,
    progress: Progress | None = None,
    notice: Notice | None = None,
) -> list[Record]:
    """Measure every feasible checkpoint whose file is on this machine.

    Args:
        first: the recommendation without measurements, which says what is feasible and at hand.
        ground_truth: what quality is measured on.
        out: folder for the records; started again with the same settings, it goes on where it was cut off.
        max_images: most images per source that quality is measured on.
        progress: called as the work goes on.
        notice: called with what of the ground truth is left out or mended.

    Raises:
        SettingsError: it is another machine that is asked about, nothing is at hand, or nothing that is asked can be
            measured.
        SamaraError: images or ground truth cannot be used.
    """
    names = [one.name for one in first.ranking if one.candidate.at_hand]
    if first.target.machine is None:
        raise SettingsError("measuring is for this machine; leave out what describes another one")
    if not names:
        raise SettingsError("no feasible checkpoint is on this machine; fetch one with `samara checkpoints get`")
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
            # Everything takes a thousand prompts: only where it is asked for.
            points_per_side=POINTS_PER_SIDE if first.request.asks_everything else 1,
        ),
        evaluation=EvaluationSettings(
            measures=_measures(first.request), images=max_images, everything_images=min(max_images, 3)
        ),
        device=first.target.device,
        progress=progress,
        notice=notice,
    )


def _measures(request: Request) -> tuple[Measure, ...]:
    wanted = tuple(dict.fromkeys(MEASURES[prompt] for prompt in request.prompts if prompt in MEASURES))
    if not wanted:
        raise SettingsError(f"{' and '.join(request.prompts)} cannot be measured; ask for {', '.join(MEASURES)}")
    return wanted
