"""Implementation of `samara evaluate`: quality of a checkpoint on ground truth, with records and a report."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from samara.checkpoints.choice import Choice
from samara.checkpoints.load import load
from samara.datasets.reading.findings import USUAL, Notice, ReadingRules
from samara.engines.loaded import Loaded, fingerprint
from samara.errors import SettingsError
from samara.measurement.evaluation.adapters import model_under_test
from samara.measurement.evaluation.evaluation_report import EvaluationReport
from samara.measurement.evaluation.ground_truth import Chosen, GroundTruth, read_ground_truth
from samara.measurement.evaluation.judged_answers import JudgedAnswer, best_answers, worst_answers
from samara.measurement.evaluation.protocols import refusals
from samara.measurement.evaluation.report_files import Written, write_report
from samara.measurement.evaluation.run import Quality, score_images
from samara.measurement.evaluation.scores import ImageScores
from samara.measurement.evaluation.settings import DOMAIN, EvaluationSettings
from samara.measurement.evaluation.subjects import subject_of
from samara.measurement.records.environment import environment
from samara.measurement.records.history import remember
from samara.measurement.records.record_file import append_records, measured_jobs, read_records
from samara.measurement.records.records import Record
from samara.segmentation.automatic.settings import points_per_side_of
from samara.system.files import require_file, require_folder
from samara.system.progress import Progress, under_name

RECORDS, SCORES = "records.jsonl", "scores"
"""Names of the records, to which each evaluation in a folder adds its own, and of the folder of single scores."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Result of an evaluation.

    Attributes:
        records: one record per metric and source, and one per metric for the mean of the sources.
        scores: scores of every image, the single values behind the means.
        failures: the worst masks.
        best: the best masks.
        written: the files; None without an output folder.
        notices: fixes and omissions in the ground truth, one sentence each.
    """

    records: tuple[Record, ...]
    scores: tuple[ImageScores, ...]
    failures: tuple[JudgedAnswer, ...]
    best: tuple[JudgedAnswer, ...] = ()
    written: Written | None = None
    notices: tuple[str, ...] = ()

    @property
    def failure_images(self) -> tuple[Path, ...]:
        """An image file for each of the worst masks; empty without an output folder."""
        return () if self.written is None else self.written.worst

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
        out: folder for the records, the scores of every object and, in a folder named for the checkpoint, the page,
            tables, charts and images of the worst and best masks; created if necessary. A rerun with the same settings
            resumes an interrupted evaluation.
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
    worst, best = (choose(chosen, scores, settings) for choose in (worst_answers, best_answers))
    written = None
    if folder is not None:
        if quality.job not in measured_jobs(read_records(folder / RECORDS)):
            append_records(folder / RECORDS, records)
        report = EvaluationReport(records, scores, worst, best, settings, where.annotations)
        written = write_report(folder, report, note)
    return Evaluation(tuple(records), tuple(scores), tuple(worst), tuple(best), written, tuple(notices))


def _details(loaded: Loaded) -> dict[str, Any]:  # Any: JSON values
    """Return facts that distinguish checkpoints of the same file, e.g. with and without LoRA."""
    return {"network": fingerprint(loaded.network), "hq_token_only": loaded.hq_token_only}


def _checked(folder: Path) -> Path:
    """Check up front, not after hours, that the folder is writable and that existing records can be extended."""
    require_folder(folder)
    require_file(folder / RECORDS)
    read_records(folder / RECORDS)
    return folder
