"""Comparison of checkpoints, measured and shown: the implementation of `samara compare`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from samara.checkpoints.choice import Choice
from samara.datasets.reading.findings import Notice
from samara.errors import OutputError, RecordError, SettingsError
from samara.masks.rle import Rle
from samara.measurement.benchmarking.measure import RECORDS, SCORES, measure, names_of
from samara.measurement.benchmarking.settings import COMPARED_IN, BenchmarkSettings
from samara.measurement.comparison.answer import PlaceAnswer, answers
from samara.measurement.comparison.comparison import Comparison
from samara.measurement.comparison.differences import Difference, difference_table, differences
from samara.measurement.comparison.documents import comparison_json, csv_text, is_comparison, markdown_text
from samara.measurement.comparison.exports import CHARTS, TABLES, write_exports
from samara.measurement.comparison.guide_tables import claims, finetuning_memory, published, zero_shot
from samara.measurement.comparison.machines import side_by_side
from samara.measurement.comparison.page import require_page, write_comparison_page
from samara.measurement.comparison.panels import Answered, AskedImage, PanelRow, panel_rows
from samara.measurement.comparison.ratio_table import versus
from samara.measurement.comparison.score_files import ScoreFiles, score_files
from samara.measurement.comparison.tables import tables
from samara.measurement.evaluation.ground_truth import (
    AnyGroundTruth,
    EvaluatedImage,
    GroundTruth,
    ground_truths,
    read_ground_truth,
)
from samara.measurement.evaluation.protocols import PROMPTS
from samara.measurement.evaluation.scores import ImageScores
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.measurement.records.metrics import Measure
from samara.measurement.records.record_file import read_records
from samara.measurement.reporting.table import Table
from samara.measurement.subjects import RunSettings
from samara.system.files import require_file, require_folder, write_atomically
from samara.system.progress import Progress

PAGE, JSON, CSV, MARKDOWN = "comparison.html", "comparison.json", "comparison.csv", "comparison.md"

IMAGES_PER_DOMAIN = 2
SHOWN_MEASURES: tuple[Measure, ...] = ("centre_click", "box")


@dataclass(frozen=True)
class Compared:
    """Result of a comparison.

    Attributes:
        comparison: the ordered records.
        tables: tables made from them.
        files: page, JSON, CSV and Markdown.
        exports: single charts as SVG and PDF, and single tables as CSV and LaTeX.
        answers: what to use in each place, and why.
    """

    comparison: Comparison
    tables: tuple[Table, ...]
    files: tuple[Path, ...]
    exports: tuple[Path, ...] = ()
    answers: tuple[PlaceAnswer, ...] = ()


def compare(
    checkpoints: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    *,
    out: str | os.PathLike[str] = COMPARED_IN,
    images: str | os.PathLike[str] | None = None,
    ground_truth: AnyGroundTruth = (),
    records: Sequence[str | os.PathLike[str]] = (),
    settings: BenchmarkSettings | None = None,
    evaluation: EvaluationSettings | None = None,
    device: str = RunSettings.device,
    precision: str = RunSettings.precision,
    engine: str = RunSettings.engine,
    base: str | os.PathLike[str] | None = RunSettings.base,
    preset: str | None = RunSettings.preset,
    remark: str = "",
    progress: Progress | None = None,
    notice: Notice | None = None,
) -> Compared:
    """Measure checkpoints and show them side by side, or show earlier measurements.

    Args:
        checkpoints: catalogue names or files; an empty list measures nothing. None for the embedded one, or for nothing
            if `records` are given.
        out: folder for the records, scores, page, JSON, CSV and Markdown.
        images: see `samara.measurement.benchmarking.measure.measure`.
        ground_truth: see `measure`; also needed to show images with masks.
        records: record files to show as well, e.g. from other machines.
        settings: settings of speed and memory.
        evaluation: settings of quality.
        device: see `samara.load`, also for the next four arguments.
        precision: precision of the networks.
        engine: engine that runs them.
        base: base checkpoint of the files that hold part of a network.
        preset: preparation of the images for those checkpoints that are files.
        remark: sentence for the page, e.g. that the machine was not idle.
        progress: called as the work advances.
        notice: called with each fix or omission in the ground truth, before anything is measured.

    Raises:
        MissingExtra: A dependency of the page is not installed; nothing was measured.
        SettingsError: There is nothing to measure and nothing to show.
        RecordError: A record file is damaged or missing.
        SamaraError: See `measure`.
    """
    require_page()
    evaluation = evaluation or EvaluationSettings()
    given = [_existing(Path(path)) for path in records]
    folder, truths = Path(out), ground_truths(ground_truth, images)
    require_comparison_place(folder)
    if checkpoints is None:
        checkpoints = () if given else (Choice.checkpoint,)
    if names := names_of(checkpoints):
        measure(
            names,
            out=folder,
            images=images,
            ground_truth=truths,
            settings=settings,
            evaluation=evaluation,
            device=device,
            precision=precision,
            engine=engine,
            base=base,
            preset=preset,
            progress=progress,
            notice=notice,
        )
    files = (folder / RECORDS, *given)
    found = {record.to_json(): record for path in files for record in read_records(path)}
    if not found:
        raise SettingsError("there is nothing to compare; name checkpoints to measure, or record files to show")
    comparison = Comparison(tuple(found.values()))
    scores = score_files([path.parent / SCORES for path in files])
    chosen = panel_rows(list(asked_images(comparison, scores, truths, evaluation)))
    return write_comparison(comparison, folder, chosen, remark, differences(comparison, scores))


def write_comparison(
    comparison: Comparison,
    out: Path,
    images: Sequence[PanelRow] = (),
    remark: str = "",
    found: Sequence[Difference] = (),
) -> Compared:
    """Write all files of a comparison into a folder, each completely or not at all.

    Args:
        comparison: what to show.
        out: folder of the files.
        images: drawn answers.
        remark: sentence for the page.
        found: paired differences of all pairs.

    Raises:
        OutputError: the folder cannot be written to.
    """
    require_comparison_place(out)
    made = all_tables(comparison, found)
    texts = {
        JSON: comparison_json(comparison, made),
        CSV: csv_text(comparison),
        MARKDOWN: markdown_text(comparison, made),
    }
    for name, text in texts.items():
        write_atomically(out / name, text.encode("utf-8", errors="replace"))
    write_comparison_page(out / PAGE, comparison, made, images, remark, found)
    exports = write_exports(out, comparison, made)
    return Compared(
        comparison,
        tuple(made),
        tuple(out / name for name in (PAGE, *texts)),
        tuple(exports),
        tuple(answers(comparison, found)),
    )


def require_comparison_place(out: Path) -> None:
    """Check, before anything is measured, that a comparison can be written into a folder; leaves no files.

    Raises:
        OutputError: The folder cannot be written to, or contains files of these names from elsewhere.
    """
    require_folder(out)
    there = [name for name in (PAGE, JSON, CSV, MARKDOWN, CHARTS, TABLES) if os.path.lexists(out / name)]
    for name in there:
        (require_folder if name in (CHARTS, TABLES) else require_file)(out / name)
    if there and not is_comparison(out / JSON):
        raise OutputError(
            f"{out / there[0]} exists, and {JSON} next to it was not written by samara; choose another folder, or "
            "remove it"
        )


def all_tables(comparison: Comparison, found: Sequence[Difference] = ()) -> list[Table]:
    """Return every table that has a number, in display order.

    Args:
        comparison: what to show.
        found: paired differences of all pairs.
    """
    measured = tables(comparison)
    quality = [table for table in measured if table.name in ("overview", "quality")]
    others = [table for table in measured if table not in quality]
    made = [
        *quality,
        difference_table(comparison, found),
        zero_shot(comparison),
        *versus(comparison),
        *side_by_side(comparison),
        *others,
        finetuning_memory(comparison),
    ]
    made += [claims(comparison, made), published(comparison)]
    return [table for table in made if table.has_values]


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise RecordError(
            f"{path} is not a record file; create one with `samara.compare(...)` or `samara.evaluate(..., out=...)`"
        )
    return path


def asked_images(
    comparison: Comparison, scores: ScoreFiles, ground_truth: Sequence[GroundTruth], settings: EvaluationSettings
) -> Iterator[AskedImage]:
    """Find the first answered images of each ground truth, with all available answers.

    Args:
        comparison: comparison that identifies the checkpoints of the answers.
        scores: the answers; those of other machines may be missing, and are not shown.
        ground_truth: ground truth of the prompts.
        settings: settings of the evaluation.
    """
    for where in ground_truth:
        images = read_ground_truth(where, settings)
        answered = dict(_answers(comparison, scores, where))
        for measure_name in SHOWN_MEASURES:
            asked = (_asked(image, where, measure_name, answered, settings) for image in images)
            yield from [one for one in asked if one is not None][:IMAGES_PER_DOMAIN]


def _answers(
    comparison: Comparison, scores: ScoreFiles, where: GroundTruth
) -> Iterator[tuple[str, dict[str, ImageScores]]]:
    for one in comparison.contenders:
        if found := scores.of_domain(one, where.domain, where.digest):
            yield one.title, {of_image.name: of_image for of_image in found}


def _asked(
    image: EvaluatedImage,
    where: GroundTruth,
    measure_name: Measure,
    answered: dict[str, dict[str, ImageScores]],
    settings: EvaluationSettings,
) -> AskedImage | None:
    """Return one image with the answers to the same prompts; None if there are none."""
    H, W = image.image.size_hw  # noqa: N806
    answers = []
    for title, of_images in answered.items():
        found = of_images.get(image.name)
        given = (
            {one.place: one.answers[measure_name] for one in found.objects if measure_name in one.answers}
            if found
            else {}
        )
        if given and all(place in given for place in image.prompted):
            masks = [Rle(H, W, given[place].counts.encode()) for place in image.prompted]
            answers.append(Answered(title, masks, fmean(given[place].iou for place in image.prompted)))
    if not answers:
        return None
    truths = [image.objects[place] for place in image.prompted]
    prompts = [PROMPTS[measure_name](truth, image.name, settings.seed) for truth in truths]
    kind = measure_name.replace("_", " ")
    return AskedImage(image.image.path, where.domain, kind, prompts, truths, answers, image.image.reading)
