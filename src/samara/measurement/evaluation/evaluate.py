"""Implementation of `samara evaluate`: quality of a checkpoint on ground truth, with records and failure images."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from samara.checkpoints.choice import Choice
from samara.checkpoints.load import load
from samara.datasets.reading.findings import USUAL, Notice, ReadingRules
from samara.engines.loaded import Loaded, fingerprint
from samara.errors import SettingsError
from samara.images.encode import png_bytes
from samara.measurement.evaluation.adapters import model_under_test
from samara.measurement.evaluation.failures import Failure, worst_answers
from samara.measurement.evaluation.ground_truth import Chosen, GroundTruth, read_ground_truth
from samara.measurement.evaluation.protocols import refusals
from samara.measurement.evaluation.run import Quality, score_images
from samara.measurement.evaluation.scores import ImageScores
from samara.measurement.evaluation.settings import DOMAIN, EvaluationSettings
from samara.measurement.evaluation.subjects import subject_of
from samara.measurement.records.environment import environment
from samara.measurement.records.history import remember
from samara.measurement.records.record_file import append_records, measured_jobs, read_records
from samara.measurement.records.records import Record
from samara.segmentation.automatic.settings import points_per_side_of
from samara.segmentation.drawing.difference import draw_difference, draw_truth
from samara.segmentation.drawing.view import View
from samara.system.files import require_file, require_folder, write_atomically
from samara.system.progress import Progress, under_name

RECORDS, SCORES, FAILURES = "records.jsonl", "scores", "failures"
"""Names of the outputs: a file and two folders."""

# Long side of a failure image, which shows the object with a margin of its own width.
_IMAGE_SIDE = 640


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Result of an evaluation.

    Attributes:
        records: one record per metric and source, and one per metric for the mean of the sources.
        scores: scores of every image, the single values behind the means.
        failures: the worst masks.
        failure_images: an image file for each failure; empty without an output folder.
        notices: fixes and omissions in the ground truth, one sentence each.
    """

    records: tuple[Record, ...]
    scores: tuple[ImageScores, ...]
    failures: tuple[Failure, ...]
    failure_images: tuple[Path, ...]
    notices: tuple[str, ...] = ()

    def value(self, metric: str, source: str | None = None) -> float | None:
        """Return the value of one source, or the mean of the sources; None if it could not be measured.

        Raises:
            KeyError: There is no such metric or source.
        """
        return {(one.metric, one.source): one for one in self.records}[metric, source].value


def evaluate(
    ground_truth: str | os.PathLike[str],
    images: str | os.PathLike[str] | None = None,
    checkpoint: str | os.PathLike[str] | Loaded = Choice.checkpoint,
    *,
    settings: EvaluationSettings | None = None,
    domain: str = DOMAIN,
    rules: ReadingRules = USUAL,
    part: Chosen | None = None,
    base: str | os.PathLike[str] | None = None,
    lora: str | os.PathLike[str] | None = None,
    preset: str | None = Choice.preset,
    device: str = Choice.device,
    precision: str = Choice.precision,
    input_size: int | None = Choice.input_size,
    out: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    notice: Notice | None = None,
) -> Evaluation:
    """Measure the quality of a checkpoint on images with ground truth.

    Averages are over the objects of a source (the key `source` of the images in the file), then over sources, with 95 %
    bootstrap intervals over images.

    Args:
        ground_truth: COCO instances file, or the YAML file or folder of a YOLO-seg data set.
        images: folder of its images; None for those of the data set, or next to the COCO file.
        checkpoint: catalogue name, file, or the result of `samara.load`.
        settings: measures, and number of objects.
        domain: kind of images, for the records.
        rules: treatment of crowds and bad entries, see `samara.datasets.reading.findings.ReadingRules`.
        part: "train", "val", "test" or "all" of a divided data set; None for "val", or its only part.
        base: see `samara.load`; ignored for a loaded checkpoint.
        lora: see `samara.load`; ignored for a loaded checkpoint.
        preset: see `samara.load`; ignored for a loaded checkpoint.
        device: see `samara.load`; ignored for a loaded checkpoint.
        precision: see `samara.load`; ignored for a loaded checkpoint.
        input_size: see `samara.load`; ignored for a loaded checkpoint.
        out: folder for the records, the scores of every object and images of the worst masks; created if necessary. A
            rerun with the same settings resumes an interrupted evaluation.
        progress: called as the work advances.
        notice: called with each of `Evaluation.notices` before anything is measured.

    Raises:
        SettingsError: The checkpoint has random weights, which have no quality.
        DatasetError: The ground truth is damaged or empty, or an image is missing or has the wrong size.
        ImageError: An image cannot be read.
        CheckpointError: See `samara.load`.
        OutputError: The folder cannot be written to.
        RecordError: Files in the folder are damaged.
    """
    settings = settings or EvaluationSettings()
    where = GroundTruth(Path(ground_truth), None if images is None else Path(images), domain, rules, part)
    notices: list[str] = []

    def note(sentence: str) -> None:
        notices.append(sentence)
        if notice is not None:
            notice(sentence)

    chosen = read_ground_truth(where, settings, note)
    folder = None if out is None else _checked(Path(out))
    if folder is not None:
        remember(folder / RECORDS)
    loaded = (
        checkpoint
        if isinstance(checkpoint, Loaded)
        else load(
            checkpoint,
            base=base,
            lora=lora,
            preset=preset,
            device=device,
            precision=precision,
            input_size=input_size,
        )
    )
    if loaded.provenance.weights == "random":
        raise SettingsError(f"{loaded.name} has random weights, which have no quality; give its file")
    grid = points_per_side_of(loaded.variant, loaded.input_size, settings.points_per_side)
    settings = replace(settings, points_per_side=grid)
    model = model_under_test(loaded, grid)
    refused = refusals(settings.measures, model.capabilities, loaded.variant.title)
    quality = Quality(subject_of(loaded), where, settings, environment(), _details(loaded))
    tell = under_name(progress, f"evaluating {loaded.name}")

    journal = None if folder is None else folder / SCORES / f"{quality.job}.jsonl"
    scores = score_images(model, chosen, settings, refused=refused, journal=journal, progress=tell)
    records = quality.records(scores, refused)
    failures = worst_answers(chosen, scores, settings)
    drawn: list[Path] = []
    if folder is not None:
        if quality.job not in measured_jobs(read_records(folder / RECORDS)):
            append_records(folder / RECORDS, records)
        drawn = [_save_image(failure, folder / FAILURES / quality.job, failures) for failure in failures]
    return Evaluation(tuple(records), tuple(scores), tuple(failures), tuple(drawn), tuple(notices))


def _details(loaded: Loaded) -> dict[str, Any]:  # Any: JSON values
    """Return facts that distinguish checkpoints of the same file, e.g. with and without LoRA."""
    return {"network": fingerprint(loaded.network), "hq_token_only": loaded.hq_token_only}


def _checked(folder: Path) -> Path:
    """Check up front, not after hours, that the folder is writable and that existing records can be extended."""
    require_folder(folder)
    require_file(folder / RECORDS)
    read_records(folder / RECORDS)
    return folder


def _save_image(failure: Failure, folder: Path, failures: list[Failure]) -> Path:
    number = 1 + failures.index(failure)
    name = f"{number:02d}-{failure.measure}-{failure.iou:.2f}-{Path(failure.image.name).stem}.png"
    write_atomically(folder / name, png_bytes(draw_failure(failure)))
    return folder / name


def draw_failure(failure: Failure) -> npt.NDArray[np.uint8]:
    """Draw a failure: left, the ground truth with the prompt; right, the correct, missed and excess pixels.

    Returns:
        (H, W, 3) RGB uint8.
    """
    image = failure.image.pixels()
    view = View(_window(failure), _IMAGE_SIDE)
    shown, prompts = view.image(image), [view.prompt(failure.prompt)]
    truth, answer = view.mask(failure.truth), view.mask(failure.answer)
    left = draw_difference(draw_truth(shown, [truth]), [], prompts)
    right = draw_difference(shown, [(truth, answer)], prompts)
    gap = np.full((left.shape[0], 8, 3), 255, np.uint8)
    return np.concatenate([left, gap, right], axis=1)


def _window(failure: Failure) -> tuple[int, int, int, int]:
    """Return the window of object and mask with a margin."""
    H, W = failure.image.size_hw  # noqa: N806
    boxes = np.array([rle.box_xyxy for rle in (failure.truth, failure.answer) if rle.area])
    (x0, y0), (x1, y1) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    margin = max(16, (x1 - x0) // 2, (y1 - y0) // 2)
    return max(0, int(x0 - margin)), max(0, int(y0 - margin)), min(W, int(x1 + margin)), min(H, int(y1 + margin))
