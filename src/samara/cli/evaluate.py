"""`samara evaluate`: quality of a checkpoint on ground truth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samara.checkpoints.choice import Choice
from samara.cli.options import DataReading, loading, reads_data, warn
from samara.cli.progress import work_bar
from samara.cli.sentences import as_options
from samara.cli.settings_options import Setting, in_panel, takes, takes_arguments
from samara.cli.tables import Column, terminal_width, text_table
from samara.errors import SettingsError
from samara.measurement.evaluation.settings import DOMAIN, EvaluationSettings
from samara.measurement.records.metrics import MEASURES, Measure

if TYPE_CHECKING:
    from samara.measurement.evaluation.evaluate import Evaluation
    from samara.measurement.evaluation.ground_truth import Chosen
    from samara.measurement.evaluation.judged_answers import JudgedAnswer
    from samara.measurement.records.records import Record

DATA, ASKED, RUNNING, RESULT = "Ground truth", "What to measure", "Checkpoint and machine", "Result"


def measures(**changes: Any) -> Setting:  # Any: attributes of a Setting
    """Build the option that selects the quality measures."""
    return Setting(
        field="measures",
        option="measure",
        metavar="NAME",
        help=f"Measure one of {', '.join(MEASURES)}. Repeatable. Default: all.",
        kind=list[str] | None,
        default=None,
        read=read_measures,
        **changes,
    )


def read_measures(names: list[str] | None) -> tuple[Measure, ...]:
    """Parse the texts of --measure.

    Raises:
        SettingsError: a name is unknown.
    """
    known = {measure: measure for measure in MEASURES}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise SettingsError(f"--measure {unknown[0]!r} is not known; use {', '.join(MEASURES)}")
    return tuple(measure for measure in MEASURES if names is None or measure in names)


COLUMNS = (
    Column("measured"),
    Column("source"),
    Column("mean", right=True),
    Column("95 % interval", right=True),
    Column("objects", right=True),
    Column("images", right=True, rank=1),
)

OBJECTS = Setting(field="objects", metavar="N", least=0)
LIMIT = Setting(field="images", option="limit", metavar="N", least=1)


@reads_data(DATA)
@takes(
    "settings",
    EvaluationSettings(),
    in_panel(DATA, LIMIT),
    in_panel(
        ASKED,
        measures(),
        OBJECTS,
        Setting(field="everything_images", option="everything", metavar="N", least=0),
        Setting(field="points_per_side", metavar="N", least=1),
        Setting(field="seed", metavar="N"),
    ),
    [Setting(field="failures", metavar="N", least=0, panel=RESULT)],
)
@takes_arguments(
    "choice",
    Choice(),
    loading("checkpoint", panel=RUNNING, help="Measure this catalogue name, name of an added file, or file."),
    loading("base", "preset", "lora", "device", "precision", "input_size", panel=RUNNING),
)
def evaluate(
    ground_truth: Annotated[
        Path,
        typer.Option(
            metavar="PATH",
            help="Compare with this COCO file, or folder or data.yaml of a YOLO-seg data set.",
            rich_help_panel=DATA,
        ),
    ],
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Look for the images in this folder. Default: that of the data set, or of the COCO file.",
            rich_help_panel=DATA,
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Use this part of a divided data set: train, val, test or all. Default: val.",
            rich_help_panel=DATA,
        ),
    ] = None,
    *,
    reading: DataReading,
    domain: Annotated[
        str, typer.Option(metavar="NAME", help="Note this domain of the images in the records.", rich_help_panel=DATA)
    ] = DOMAIN,
    settings: EvaluationSettings,
    choice: dict[str, Any],  # Any: values of fields
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write page, tables, charts, records and scores into this folder; rerun to resume.",
            rich_help_panel=RESULT,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print records as JSON.", rich_help_panel=RESULT)] = False,
) -> None:
    """Measure the quality of a checkpoint: clicks, boxes, clicks until good, everything; with 95 % intervals.

    Averages are taken over the objects of each source (the image key "source" of the COCO file), then over sources.

    Example: samara evaluate --ground-truth cells.json --images cells --checkpoint vit_b --out cells-vit-b
    """
    from samara.measurement.evaluation import evaluate as room

    with work_bar() as tell:
        evaluation = room.evaluate(
            ground_truth,
            images,
            settings=replace(settings, reading=reading.images),
            domain=domain,
            rules=reading.rules,
            part=read_part(part),
            notice=warn,
            out=out,
            progress=tell,
            **choice,
        )
    if as_json:
        typer.echo(json.dumps(report(evaluation)))
    else:
        show(evaluation, out)


def read_part(name: str | None) -> Chosen | None:
    """Parse the text of --part.

    Raises:
        SettingsError: the part is unknown.
    """
    from samara.measurement.evaluation.ground_truth import CHOICES

    found = [choice for choice in CHOICES if choice == name]
    if name is not None and not found:
        raise SettingsError(f"--part {name!r} is not known; use {', '.join(CHOICES)}")
    return found[0] if found else None


def report(evaluation: Evaluation) -> dict[str, object]:
    """Return the result as plain values."""
    drawn: list[str | None] = [str(path) for path in evaluation.failure_images]
    drawn = drawn or [None] * len(evaluation.failures)
    return {
        "records": [json.loads(record.to_json()) for record in evaluation.records],
        "failures": [
            _plain(failure) | {"image": image} for failure, image in zip(evaluation.failures, drawn, strict=True)
        ],
    }


def _plain(failure: JudgedAnswer) -> dict[str, object]:
    return {
        "file": str(failure.image.path),
        "source": failure.source,
        "measure": failure.measure,
        "iou": failure.iou,
        "predicted_iou": failure.predicted_iou,
        "object_box": list(failure.truth.box_xyxy),
    }


def show(evaluation: Evaluation, out: Path | None) -> None:
    """Print a table of means and the path of the rest."""
    typer.echo(table_of(evaluation.records, terminal_width()))
    for why in dict.fromkeys(record.note for record in evaluation.records if record.note):
        typer.echo(f"- {as_options(why)}")
    subject = asdict(evaluation.records[0].subject)
    typer.echo("{checkpoint}, {precision} on {device}, input {input_size} px".format(**subject))
    if (written := evaluation.written) is not None:
        images = len(written.worst) + len(written.best)
        typer.echo(f"page, tables, charts and {images} images in {written.folder}; records and scores in {out}")


def table_of(records: Sequence[Record], width: int) -> str:
    """One line for each metric, and for each source where there are several."""
    several = len({record.source for record in records}) > 2
    rows = [_row(record) for record in records if several or not record.source]  # one source repeats the mean
    columns = COLUMNS if several else tuple(column for column in COLUMNS if column.title != "source")
    kept = [index for index, column in enumerate(COLUMNS) if column in columns]
    return text_table(columns, [[row[index] for index in kept] for row in rows], width=width, rest="--json")


def _row(record: Record) -> list[str]:
    source = record.source or "all"
    if record.value is None:
        return [record.definition.title, source, "-", "", "", ""]
    interval = "" if record.interval is None else f"{record.interval.low:.3f} to {record.interval.high:.3f}"
    return [record.definition.title, source, f"{record.value:.3f}", interval, str(record.n), str(record.images)]
