"""The evaluation images, domain by domain, with `samara.measurement.evaluation`: a checkpoint or a baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from samara.measurement.evaluation.adapters import ModelUnderTest
from samara.measurement.evaluation.averages import average
from samara.measurement.evaluation.ground_truth import GroundTruth, read_ground_truth
from samara.measurement.evaluation.run import score_images
from samara.measurement.evaluation.scores import ImageScores, values_of
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.measurement.records.metrics import Measure
from samara.segmentation.segmenter import Seen
from samara.system.progress import Progress

SHOWN: Mapping[str, tuple[Measure, str]] = {
    "click": ("centre_click", "centre_click_iou"),
    "box": ("box", "box_iou"),
    "recall": ("everything", "average_recall"),
}
"""Names in the results files: what is asked, and which number of it is kept."""

Scores = Mapping[str, Mapping[str, Mapping[str, float | None]]]  # measure, source, mean and what belongs to it


def evaluate_domain(
    model: ModelUnderTest[Seen], folder: Path, settings: EvaluationSettings, progress: Progress | None = None
) -> Scores:
    """Measure on one domain.

    Args:
        model: a checkpoint or a baseline.
        folder: with `instances.json` and the images that it names.
        settings: what is asked, and of how many objects.
        progress: called with the images done and the images in all.

    Returns:
        For each measure of `SHOWN` that was asked, for each source: mean, low and high end of the 95 % interval,
        images, objects.
    """
    images = read_ground_truth(GroundTruth(folder / "instances.json", folder, folder.name), settings)
    scores = score_images(model, images, settings, progress=progress)
    return {
        name: _by_source(metric, scores, settings.seed)
        for name, (measure, metric) in SHOWN.items()
        if measure in settings.measures
    }


def _by_source(metric: str, scores: Sequence[ImageScores], seed: int) -> dict[str, dict[str, float | None]]:
    sources = dict.fromkeys(one.source for one in scores)
    values = {source: [values_of(metric, one) for one in scores if one.source == source] for source in sources}
    return {
        source: {
            "mean": mean.value,
            "low": mean.interval.low if mean.interval else None,
            "high": mean.interval.high if mean.interval else None,
            "images": mean.images,
            "objects": mean.objects,
        }
        for source, mean in average(values, seed).items()
        if source is not None
    }
