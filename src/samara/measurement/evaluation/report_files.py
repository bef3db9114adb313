"""Files of an evaluation, under plain names in a folder named for the checkpoint."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

from samara.datasets.reading.findings import Notice
from samara.errors import MissingExtra
from samara.images.encode import png_bytes
from samara.measurement.evaluation.curves import curve_charts
from samara.measurement.evaluation.drawing_answers import draw_answer
from samara.measurement.evaluation.evaluation_report import EvaluationReport
from samara.measurement.evaluation.evaluation_tables import objects_csv, summary
from samara.measurement.evaluation.judged_answers import JudgedAnswer
from samara.measurement.evaluation.page import evaluation_page, require_evaluation_page
from samara.measurement.evaluation.settings import DOMAIN
from samara.measurement.records.records import Record
from samara.measurement.reporting.chart_files import Drawing, plain_name, write_charts
from samara.measurement.reporting.table_files import write_tables
from samara.system.files import require_folder, write_atomically

PAGE, OBJECTS, NUMBERS = "evaluation.html", "objects.csv", "evaluation.json"
"""Names of the page, of the scores of every object, and of the records with the job that they are of."""

CHARTS, WORST, BEST = "charts", "worst", "best"
"""Names of the folders of images."""


@dataclass(frozen=True)
class Written:
    """Files of an evaluation.

    Attributes:
        folder: folder of all of them.
        worst, best: images of answers.
        others: page, tables, charts, scores of objects.
    """

    folder: Path
    worst: tuple[Path, ...]
    best: tuple[Path, ...]
    others: tuple[Path, ...]


def write_report(out: Path, report: EvaluationReport, notice: Notice | None = None) -> Written:
    """Write the files of an evaluation into a folder of its own; a rerun of the same evaluation replaces them.

    Args:
        out: folder for the folder, which is named for the checkpoint and the kind of images.
        report: what to write.
        notice: called if the page and charts are left out because their dependencies are not installed.

    Raises:
        OutputError: a file cannot be written.
        ImageError: an image can no longer be read.
    """
    folder = folder_of(out, report.records[0])
    require_folder(folder)
    texts = {
        NUMBERS: json.dumps(
            {"job": report.records[0].job, "records": [json.loads(one.to_json()) for one in report.records]}, indent=1
        ),
        OBJECTS: objects_csv(report.scores),
    }
    for name, text in texts.items():
        write_atomically(folder / name, text.encode("utf-8", errors="replace"))
    written = [*(folder / name for name in texts), *write_tables(folder, [summary(report.records)])]
    worst, best = (
        _write_images(answers, folder / kind) for kind, answers in ((WORST, report.worst), (BEST, report.best))
    )
    return Written(folder, worst, best, (*written, *_with_extra(folder, report, notice)))


def folder_of(out: Path, record: Record) -> Path:
    """Return the folder of the evaluation of a record; another evaluation of that checkpoint gets a number.

    Args:
        out: folder that contains it.
        record: any record of the evaluation.
    """
    parts = [record.subject.checkpoint, *([] if record.domain in (None, DOMAIN) else [str(record.domain)])]
    name = "-".join(map(plain_name, parts))
    return next(place for place in _places(out / name) if not place.exists() or _job_of(place) == record.job)


def _places(first: Path) -> Iterator[Path]:
    yield first
    yield from (first.with_name(f"{first.name}-{number}") for number in count(2))


def _job_of(folder: Path) -> str | None:
    try:
        found = json.loads((folder / NUMBERS).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return found.get("job") if isinstance(found, dict) else None


def _write_images(answers: Sequence[JudgedAnswer], folder: Path) -> tuple[Path, ...]:
    """Write a drawing of each answer, numbered within its kind of prompt."""
    if answers:
        require_folder(folder)
    numbers: Counter[str] = Counter()
    paths = []
    for one in answers:
        numbers[one.measure] += 1
        image = plain_name(Path(one.image.name).stem)
        path = folder / f"{plain_name(one.measure)}-{numbers[one.measure]}-iou-{one.iou:.2f}-{image}.png"
        write_atomically(path, png_bytes(draw_answer(one)))
        paths.append(path)
    return tuple(paths)


def _with_extra(folder: Path, report: EvaluationReport, notice: Notice | None) -> list[Path]:
    """Write page and charts; leave them out, and say so, if their dependencies are not installed."""
    try:
        require_evaluation_page()
    except MissingExtra as error:
        if notice is not None:
            notice(f"{PAGE} and the charts were left out: {error}")
        return []
    from samara.measurement.reporting.curve_chart import curve_chart_axes, description_of

    write_atomically(folder / PAGE, evaluation_page(report).encode("utf-8", errors="replace"))
    charts = [
        Drawing(chart.name, description_of(chart), partial(curve_chart_axes, chart, with_legend=True))
        for chart in curve_charts(report.scores, report.settings.seed)
    ]
    return [folder / PAGE, *write_charts(folder / CHARTS, charts)]
