"""`samara compare`: measure checkpoints against each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samara.checkpoints.choice import Choice
from samara.cli.evaluate import LIMIT, OBJECTS, measures
from samara.cli.options import DataReading, loading, reads_data, warn
from samara.cli.progress import work_bar
from samara.cli.settings_options import Setting, in_panel, takes, takes_arguments
from samara.cli.tables import Column, terminal_width, text_table
from samara.datasets.reading.findings import USUAL, ReadingRules
from samara.errors import SettingsError
from samara.measurement.benchmarking.settings import COMPARED_IN, GROUPS, BenchmarkSettings
from samara.measurement.evaluation.settings import DOMAIN, EvaluationSettings

if TYPE_CHECKING:
    from samara.measurement.comparison.compare import Compared
    from samara.measurement.evaluation.ground_truth import GroundTruth
    from samara.measurement.records.metrics import Group
    from samara.measurement.reporting.table import Row, Table

COMPARED, DATA, THOROUGHNESS, RUNNING, RESULT = (
    "What to compare",
    "Images",
    "Thoroughness",
    "Machine",
    "Result",
)
TERMINAL_TABLES = ("overview", "quality")
TELLING = ("image and click", "everything", "box IoU", "centre click IoU", "parameters", "file", "licence")
"""Columns that a narrow terminal shows first; the files contain all of them."""


@reads_data(DATA)
@takes(
    "settings",
    BenchmarkSettings(),
    in_panel(
        THOROUGHNESS,
        Setting(
            field="groups",
            metavar="A,B,...",
            help=f"Measure these numbers: {', '.join(GROUPS)}.",
            kind=str,
            default=",".join(BenchmarkSettings.groups),
            read=lambda text: read_groups(text),
        ),
        Setting(
            field="batch_sizes",
            metavar="N,N,...",
            kind=str,
            default=",".join(map(str, BenchmarkSettings.batch_sizes)),
            read=lambda text: read_batch_sizes(text),
        ),
        Setting(field="repeats", metavar="N", least=1),
        Setting(field="seconds", metavar="S"),
        Setting(field="points_per_side", metavar="N", least=1),
    ),
    [Setting(field="threads", metavar="N", least=1, panel=RUNNING)],
)
@takes("evaluation", EvaluationSettings(), in_panel(THOROUGHNESS, measures(), LIMIT, OBJECTS))
@takes_arguments(
    "choice", Choice(), loading("base", "preset", panel=COMPARED), loading("device", "precision", panel=RUNNING)
)
def compare(
    checkpoints: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help=f"Measure these names or files. Default: {Choice.checkpoint}, or none with --records.",
            rich_help_panel=COMPARED,
        ),
    ] = None,
    records: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Also show these records, such as those of another machine. Repeatable.",
            rich_help_panel=COMPARED,
        ),
    ] = None,
    images: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Look for the images of --ground-truth here, in one folder for all or one for each, if they are not "
            "beside it; without --ground-truth, measure speed on these.",
            rich_help_panel=DATA,
        ),
    ] = None,
    ground_truth: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[DOMAIN=]PATH",
            help="Measure quality against this ground truth: a COCO file, or folder or data.yaml of a YOLO-seg data "
            "set (its val part). Repeatable, each with a name.",
            rich_help_panel=DATA,
        ),
    ] = None,
    *,
    reading: DataReading,
    settings: BenchmarkSettings,
    evaluation: EvaluationSettings,
    choice: dict[str, Any],  # Any: values of fields
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Write all results into this folder; rerun to resume.", rich_help_panel=RESULT
        ),
    ] = Path(COMPARED_IN),
    remark: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="Add this note to the page, such as that the machine was busy.", rich_help_panel=RESULT
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the tables as JSON.", rich_help_panel=RESULT)] = False,
) -> None:
    """Measure checkpoints against each other (size, speed, memory, quality); write a page, JSON, CSV and Markdown.

    A checkpoint whose file is not on this machine is measured with random weights: its speed is valid, its quality is
    not measured.

    Example: samara compare --checkpoints samara_mini,mobile_sam --ground-truth cells.json --images cells
    """
    from samara.measurement.comparison import compare as room

    with work_bar() as tell:
        compared = room.compare(
            None if checkpoints is None else names_in(checkpoints),
            out=out,
            images=images[0] if images else None,
            ground_truth=read_ground_truths(ground_truth or [], images or [], reading.rules),
            records=records or [],
            settings=replace(settings, reading=reading.images),
            evaluation=replace(evaluation, points_per_side=settings.points_per_side, reading=reading.images),
            remark=remark,
            progress=tell,
            notice=warn,
            **choice,
        )
    show(compared, as_json=as_json)


def names_in(text: str) -> list[str]:
    """Split a comma-separated text into names."""
    return [name for part in text.split(",") if (name := part.strip())]


def read_groups(text: str) -> tuple[Group, ...]:
    """Parse the text of --groups.

    Raises:
        SettingsError: a name is unknown.
    """
    names = [part.strip() for part in text.split(",")]
    unknown = [name for name in names if name not in GROUPS]
    if unknown:
        raise SettingsError(f"--groups {unknown[0]!r} is not known; use {', '.join(GROUPS)}")
    return tuple(group for group in GROUPS if group in names)


def read_batch_sizes(text: str) -> tuple[int, ...]:
    """Parse the text of --batch-sizes.

    Raises:
        SettingsError: an item is not a whole number.
    """
    try:
        return tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise SettingsError(f"--batch-sizes {text!r} is not understood; give whole numbers such as 1,8") from None


def read_ground_truths(files: list[str], folders: list[Path], rules: ReadingRules = USUAL) -> list[GroundTruth]:
    """Pair ground truths, [DOMAIN=]PATH, with their image folders; YOLO data sets bring their own.

    Raises:
        SettingsError: there is neither one folder for all nor one for each.
    """
    from samara.datasets.reading.opening import is_yolo
    from samara.measurement.evaluation.ground_truth import GroundTruth

    # An existing file whose name contains an equals sign is a path, not DOMAIN=PATH.
    named = [("", "", text) if Path(text).exists() else text.rpartition("=") for text in files]
    places = [Path(name) for _, _, name in named]
    needing = [place for place in places if not is_yolo(place)] or places
    if files and len(folders) not in (0, 1, len(needing)):
        raise SettingsError(
            f"{len(needing)} ground truths have {len(folders)} image folders; give --images once, or once for each "
            "that is not a YOLO data set"
        )
    if not files and len(folders) > 1:
        raise SettingsError("without --ground-truth, speed is measured on the images of one folder; give --images once")
    given = iter(folders * len(needing) if len(folders) == 1 else folders)
    return [
        GroundTruth(place, next(given, None) if place in needing else None, domain or DOMAIN, rules)
        for place, (domain, _, _) in zip(places, named, strict=True)
    ]


def show(compared: Compared, *, as_json: bool) -> None:
    """Print the most important tables and the path of the rest."""
    from samara.measurement.comparison.documents import comparison_json

    if as_json:
        typer.echo(comparison_json(compared.comparison, compared.tables), nl=False)
        return
    for table in compared.tables:
        if table.name in TERMINAL_TABLES:
            typer.echo(f"{terminal_table(table, terminal_width())}\n")
    if any(one.is_random for one in compared.comparison.contenders):
        typer.echo(
            "* random weights: size and encoding speed are valid; the masks are noise, so quality was not measured"
        )
    for answer in compared.answers:
        typer.echo(f"{answer.place}: {answer.advice}")
    names = [*(path.name for path in compared.files), *dict.fromkeys(path.parent.name for path in compared.exports)]
    typer.echo(f"{', '.join(names)} in {compared.files[0].parent}")


def terminal_table(table: Table, width: int) -> str:
    """Format a table with as many columns as fit, the most informative first; its title stands above it."""
    from samara.measurement.reporting.quantities import NOTHING

    order = {name: rank for rank, name in enumerate(TELLING, start=1)}
    columns = [Column(head) for head in table.heads]
    columns += [
        Column(name, right=True, rank=order.get(name, len(order) + 1 + number))
        for number, name in enumerate(table.columns)
    ]
    rows = [
        [*_names(row), *(cell.text for cell in row.cells)]
        for row in table.rows
        if any(cell.text != NOTHING for cell in row.cells)  # published values are shown on the page
    ]
    return f"{table.title}\n{text_table(columns, rows, width=width, rest='the page, or --json')}"


def _names(row: Row) -> list[str]:
    first, *others = row.heads
    return [f"{first} *" if row.is_random else first, *others]
