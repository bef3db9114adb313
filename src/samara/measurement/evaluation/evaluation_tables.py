"""Tables of an evaluation: means by source with intervals, and the scores of every object."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from samara.measurement.evaluation.clicks import TARGETS, clicks_until
from samara.measurement.evaluation.protocols import PROMPTS
from samara.measurement.evaluation.scores import ImageScores, ObjectScores
from samara.measurement.records.records import Record
from samara.measurement.reporting.quantities import NOTHING
from samara.measurement.reporting.table import Cell, Row, Table
from samara.measurement.reporting.table_files import harmless

ALL_SOURCES = "all"
SUMMARY = "summary"
"""Name of the table of means."""


def grid_text(points_per_side: int | None) -> str:
    """Return a grid as text, e.g. "16 × 16 points"."""
    return "one pass, no grid" if points_per_side is None else f"{points_per_side} × {points_per_side} points"


def summary(records: Sequence[Record]) -> Table:
    """Return a table with one row per metric and one column per source, the mean of the sources first.

    Args:
        records: records of one evaluation.
    """
    sources = list(dict.fromkeys(record.source for record in records if record.source is not None))
    columns: list[str | None] = [None, *(sources if len(sources) > 1 else [])]
    found = {(record.metric, record.source): record for record in records}
    metrics = dict.fromkeys(record.metric for record in records)
    rows = tuple(_row(metric, columns, found) for metric in metrics)
    return Table(
        SUMMARY,
        "Quality by source",
        "Means over the objects of a source, then over sources of equal weight; intervals are 95 % bootstrap intervals "
        "over images. Objects and images are those of all sources.",
        ("measured", "better"),
        (*(column or ALL_SOURCES for column in columns), "objects", "images"),
        tuple(row for row in rows if row.says_something),
    )


def _row(metric: str, columns: Sequence[str | None], found: Mapping[tuple[str, str | None], Record]) -> Row:
    whole = found[metric, None]
    title = whole.definition.title
    if metric == "average_recall":
        title = f"{title}, {grid_text(whole.settings.get('points_per_side'))}"
    counts = (str(whole.n) if whole.n else NOTHING, NOTHING if whole.images is None else str(whole.images))
    cells = [_cell(found.get((metric, column))) for column in columns]
    return Row((title, whole.definition.better), (*cells, *(Cell(label=count) for count in counts)))


def _cell(record: Record | None) -> Cell:
    if record is None or record.value is None:
        return Cell(note="" if record is None else record.note)
    low, high = (None, None) if record.interval is None else (record.interval.low, record.interval.high)
    return Cell(value=record.value, unit=record.unit, low=low, high=high, n=record.n, metric=record.metric)


def objects_csv(scores: Sequence[ImageScores]) -> str:
    """Return the scores of every prompted object as CSV: a row for each, with IoU by prompt and clicks needed.

    An object that never reached a target has no number of clicks there.

    Args:
        scores: scores of any number of images.
    """
    measures = [name for name in PROMPTS if any(name in one.answers for image in scores for one in image.objects)]
    fields = ("iou", "boundary_iou", "predicted_iou")
    clicked = any(one.clicks is not None for image in scores for one in image.objects)
    targets = TARGETS if clicked else ()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    numbers = [f"{measure}_{field}" for measure in measures for field in fields]
    writer.writerow(["image", "source", "object", *numbers, *(f"clicks_to_{target:.2f}" for target in targets)])
    for image in scores:
        for one in image.objects:
            facts = [image.name, image.source, one.place, *_scores_of(one, measures, fields)]
            facts += [clicks_until(one.clicks or (), target) for target in targets]
            writer.writerow([harmless(fact) for fact in facts])
    return out.getvalue()


def _scores_of(one: ObjectScores, measures: Sequence[str], fields: Sequence[str]) -> list[float | None]:
    return [
        getattr(one.answers[measure], field) if measure in one.answers else None
        for measure in measures
        for field in fields
    ]
