"""Page of an evaluation: means, curves, sources, and the worst and best answers, in one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samara.images.encode import jpeg_data_uri
from samara.measurement.evaluation.curves import curve_charts
from samara.measurement.evaluation.drawing_answers import draw_answer
from samara.measurement.evaluation.evaluation_report import EvaluationReport
from samara.measurement.evaluation.evaluation_tables import grid_text, summary
from samara.measurement.evaluation.judged_answers import JudgedAnswer
from samara.measurement.evaluation.scores import ImageScores
from samara.measurement.records.records import Record
from samara.measurement.reporting.table import Table
from samara.segmentation.drawing.difference import MISSED, RIGHT, TOO_MUCH
from samara.system.extras import require
from samara.system.templates import EXTRA, template

SIDE_PX, JPEG_QUALITY = 360, 78
LEADING = ("box_iou", "centre_click_iou", "clicks_to_90", "average_recall")
"""Metrics shown large, those that were measured."""


@dataclass(frozen=True)
class Mean:
    """One mean with its interval, as text."""

    title: str
    value: str
    spread: str


@dataclass(frozen=True)
class Drawn:
    """One drawn answer."""

    measure: str
    name: str
    source: str
    iou: str
    uri: str


def require_evaluation_page() -> None:
    """Raise MissingExtra unless the page's dependencies are installed."""
    require("jinja2", EXTRA, "an evaluation's page")
    require("matplotlib", EXTRA, "an evaluation's page")


def evaluation_page(report: EvaluationReport) -> str:
    """Render the page as HTML.

    Raises:
        MissingExtra: Jinja2 or matplotlib is not installed.
        ImageError: an image can no longer be read.
    """
    require_evaluation_page()
    from samara.measurement.reporting.curve_chart import curve_chart_svg

    table = summary(report.records)
    return template("measurement/evaluation/evaluation.html.j2").render(
        title=report.title,
        lead=_lead(report.records, report.scores),
        means=_means(table),
        charts=curve_charts(report.scores, report.settings.seed),
        curve_chart_svg=curve_chart_svg,
        table=table,
        notes=list(dict.fromkeys(record.note for record in report.records if record.note)),
        worst=_drawn(report.worst),
        best=_drawn(report.best),
        several_sources=len({one.source for one in report.scores}) > 1,
        legend={name: "#{:02x}{:02x}{:02x}".format(*colour) for name, colour in _COLOURS.items()},
        facts=_facts(report),
    )


_COLOURS = {"right": RIGHT, "missed": MISSED, "too much": TOO_MUCH}


def _lead(records: Sequence[Record], scores: Sequence[ImageScores]) -> str:
    subject = records[0].subject
    objects = sum(len(image.objects) for image in scores)
    sources = sorted({image.source for image in scores})
    of = f" of {len(sources)} sources ({', '.join(sources)})" if len(sources) > 1 else ""
    return (
        f"{subject.precision} on {subject.device}, input {subject.input_size} px. {objects:,} prompted object"
        f"{'' if objects == 1 else 's'} in {len(scores):,} image{'' if len(scores) == 1 else 's'}{of}."
    )


def _means(table: Table) -> list[Mean]:
    found = {row.cells[0].metric: Mean(row.heads[0], row.cells[0].text, row.cells[0].spread) for row in table.rows}
    return [found[metric] for metric in LEADING if metric in found]


def _drawn(answers: Sequence[JudgedAnswer]) -> list[Drawn]:
    return [
        Drawn(
            one.measure.replace("_", " "),
            one.image.name,
            one.source,
            f"{one.iou:.3f}",
            jpeg_data_uri(draw_answer(one, SIDE_PX), JPEG_QUALITY),
        )
        for one in answers
    ]


def _facts(report: EvaluationReport) -> dict[str, str]:
    record, settings = report.records[0], report.settings
    subject = record.subject
    facts = {
        "checkpoint": f"{subject.checkpoint}, sha256 {subject.sha256}",
        "engine": subject.engine,
        "kind of images": record.domain or "",
        "ground truth": f"{report.ground_truth}, digest {record.settings.get('ground_truth', '')}",
        "objects prompted": "all" if settings.objects is None else f"at most {settings.objects} of an image",
        "grid of everything": grid_text(settings.points_per_side) if "everything" in settings.measures else "",
        "seed": str(settings.seed),
        "machine": str(record.machine.get("processor", "")),
        "versions": ", ".join(f"{name} {version}" for name, version in record.versions.items()),
        "commit of samara": record.commit or "outside a repository",
        "measured": record.when,
    }
    return {name: fact for name, fact in facts.items() if fact}
