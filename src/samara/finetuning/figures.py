"""Figures and tables of a fine-tuning report as files, for papers and slides: SVG, PDF and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from samara.finetuning.before_after import ClickOrBox, ComparedSet, Score
from samara.finetuning.learning_curve import (
    LIGHT,
    Colours,
    FigureFormat,
    draw_learning_curve,
    drawn,
    require_matplotlib,
)
from samara.finetuning.training_state import EpochRecord
from samara.system.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS: tuple[FigureFormat, ...] = ("svg", "pdf")
CHANGE_SIZE_INCHES = (6.0, 2.4)


def figure_paths(report: Path) -> dict[str, Path]:
    """Return the files beside a report by name: figures `curve` and `change`, tables `curve`, `scores`, `objects`."""
    figures = [f"{name}.{form}" for name in ("curve", "change") for form in FORMATS]
    return {name: report.with_name(f"{report.stem}.{name}") for name in (*figures, *_TABLES)}


_TABLES = ("curve.csv", "scores.csv", "objects.csv")


def write_figures(
    report: Path, history: Sequence[EpochRecord], kept: int, comparisons: Mapping[str, ComparedSet]
) -> list[Path]:
    """Write the figures and tables of a report beside it.

    Args:
        report: path of the page.
        history: the learning curve.
        kept: the epoch whose weights were kept.
        comparisons: images before and after, by name of their set.

    Raises:
        MissingExtra: matplotlib is not installed.
        OutputError: a file cannot be written.
    """
    paths = figure_paths(report)
    scores = {name: compared.scores() for name, compared in comparisons.items()}
    for form in FORMATS:
        write_atomically(paths[f"curve.{form}"], drawn(draw_learning_curve(history, kept), form))
        write_atomically(paths[f"change.{form}"], drawn(draw_changes(scores), form))
    tables = {
        "curve.csv": [asdict(record) for record in history],
        "scores.csv": list(_score_rows(scores)),
        "objects.csv": list(_object_rows(comparisons)),
    }
    for name, rows in tables.items():
        write_atomically(paths[name], _csv(rows))
    return list(paths.values())


def draw_changes(scores: Mapping[str, Mapping[ClickOrBox, Score]], colours: Colours = LIGHT) -> Figure:
    """Draw the paired changes of IoU with their 95 % intervals, a row for each set and kind of prompt.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=CHANGE_SIZE_INCHES, facecolor=colours.paper)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    rows = [(f"{name}: {kind}", kind, one) for name, kinds in scores.items() for kind, one in kinds.items()]
    for place, (_, kind, one) in enumerate(rows):
        low, high = one.change_interval or (one.change, one.change)
        colour = colours.click if kind == "click" else colours.box
        axes.plot([low, high], [place, place], color=colour, linewidth=2)
        axes.plot([one.change], [place], color=colour, marker="o", linestyle="none")
    axes.axvline(0, color=colours.ink, linewidth=1, linestyle=":")
    axes.set_yticks(range(len(rows)), [label for label, _, _ in rows], color=colours.ink)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("change of IoU, 95 % interval", color=colours.ink)
    axes.set_facecolor(colours.paper)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(colors=colours.ink, length=0)
    return figure


def _score_rows(scores: Mapping[str, Mapping[ClickOrBox, Score]]) -> Iterable[dict[str, object]]:
    for name, kinds in scores.items():
        for kind, one in kinds.items():
            yield {
                "set": name,
                "prompt": kind,
                "objects": one.objects,
                "better": one.better,
                "worse": one.worse,
                **_bounds("before", one.before, one.before_interval),
                **_bounds("after", one.after, one.after_interval),
                **_bounds("change", one.change, one.change_interval),
            }


def _bounds(name: str, value: float, interval: tuple[float, float] | None) -> dict[str, float | None]:
    low, high = (None, None) if interval is None else interval
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _object_rows(comparisons: Mapping[str, ComparedSet]) -> Iterable[dict[str, object]]:
    for name, compared in comparisons.items():
        for image in compared.images:
            for number, one in enumerate(image.objects, start=1):
                for kind, answers in one.answers.items():
                    yield {
                        "set": name,
                        "image": image.name,
                        "object": number,
                        "area": one.truth.area,
                        "prompt": kind,
                        "before": answers.iou_before,
                        "after": answers.iou_after,
                    }


def _csv(rows: Sequence[Mapping[str, object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else ())
    writer.writeheader()
    writer.writerows(rows)
    # A file name may be invalid UTF-8.
    return text.getvalue().encode("utf-8", errors="replace")
