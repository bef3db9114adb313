"""`samara recommend`: which checkpoint to use, and why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samara.checkpoints.choice import Choice
from samara.cli.options import DataReading, device_option, reads_data, warn
from samara.cli.progress import work_bar
from samara.errors import SettingsError
from samara.measurement.benchmarking.settings import MEASURED_IN
from samara.recommendation.request import IMAGES, Request
from samara.recommendation.tasks import DOMAINS, PROMPTS, TASKS

if TYPE_CHECKING:
    from samara.measurement.records.records import Record
    from samara.recommendation.answer import Recommendation

MACHINE, WORK, LIMITS, EVIDENCE, RESULT = "Machine (default: this one)", "Work", "Limits", "Evidence", "Result"


def one_word_each(names: Iterable[str]) -> str:
    """Join names for the command line, without spaces that would need quotes."""
    return f"{', '.join(name.replace(' ', '-') for name in names)}."


@reads_data(EVIDENCE)
def recommend(
    vram: Annotated[
        float | None,
        typer.Option(metavar="GB", help="Answer for a machine with this much GPU memory.", rich_help_panel=MACHINE),
    ] = None,
    ram: Annotated[
        float | None,
        typer.Option(metavar="GB", help="Answer for a machine with this much main memory.", rich_help_panel=MACHINE),
    ] = None,
    device: Annotated[str, device_option(MACHINE)] = Choice.device,
    measure_speed: Annotated[
        bool,
        typer.Option(
            "--measure-speed",
            help="Benchmark this machine for a second instead of assuming its speed.",
            rich_help_panel=MACHINE,
        ),
    ] = False,
    task: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Recommend for this task: {one_word_each(TASKS)}",
            rich_help_panel=WORK,
        ),
    ] = Request.task,
    domain: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Recommend for images of this domain: {one_word_each(DOMAINS)}",
            rich_help_panel=WORK,
        ),
    ] = Request.domain,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            help=f"Require this kind of prompt: {one_word_each(PROMPTS)} Repeatable; default: those of the task.",
            rich_help_panel=WORK,
        ),
    ] = None,
    commercial: Annotated[
        bool,
        typer.Option(
            "--commercial",
            help="Leave out checkpoints with the AGPL or a licence with conditions.",
            rich_help_panel=LIMITS,
        ),
    ] = False,
    max_latency: Annotated[
        float | None,
        typer.Option(metavar="S", help="Allow at most this many seconds from image to masks.", rich_help_panel=LIMITS),
    ] = None,
    max_disk: Annotated[
        float | None, typer.Option(metavar="GB", help="Download at most this many GB.", rich_help_panel=LIMITS)
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Recommend only checkpoints on this machine.", rich_help_panel=LIMITS)
    ] = False,
    count: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Say how long this many images take.", rich_help_panel=WORK),
    ] = Request.image_count,
    max_hours: Annotated[
        float | None,
        typer.Option(metavar="H", help="Allow at most this many hours for all --count images.", rich_help_panel=LIMITS),
    ] = Request.max_hours,
    records: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Use these files of earlier measurements. Repeatable; default: those of this machine.",
            rich_help_panel=EVIDENCE,
        ),
    ] = None,
    no_records: Annotated[
        bool,
        typer.Option(
            "--no-records",
            help="Ignore earlier measurements; `samara records list` shows them.",
            rich_help_panel=EVIDENCE,
        ),
    ] = False,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Measure the checkpoints on this machine first, on these images.",
            rich_help_panel=EVIDENCE,
        ),
    ] = None,
    ground_truth: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Measure quality against this COCO instances file of those images.",
            rich_help_panel=EVIDENCE,
        ),
    ] = None,
    *,
    reading: DataReading,
    max_images: Annotated[
        int,
        typer.Option(
            "--max-images",
            "--pictures",
            min=1,
            metavar="N",
            help="Measure on at most this many images per source.",
            rich_help_panel=EVIDENCE,
        ),
    ] = IMAGES,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Write those measurements into this folder.", rich_help_panel=EVIDENCE)
    ] = Path(MEASURED_IN),
    show_all: Annotated[
        bool, typer.Option("--all", help="Show every feasible checkpoint.", rich_help_panel=RESULT)
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.", rich_help_panel=RESULT)] = False,
) -> None:
    """Recommend a checkpoint for a machine and a task, with reasons and the reliability of each number.

    Example: samara recommend --vram 6 --task interactive-annotation --domain medical --commercial
    """
    from samara.recommendation import recommend as room

    machine: dict[str, Any] = dict(vram_gb=vram, ram_gb=ram, device=device, measure_speed=measure_speed)
    work: dict[str, Any] = dict(task=task, domain=domain, prompts=prompt, image_count=count)
    limits: dict[str, Any] = dict(
        commercial=commercial, max_latency_s=max_latency, max_disk_gb=max_disk, offline=offline, max_hours=max_hours
    )
    evidence: dict[str, Any] = dict(
        records=read_all(records or [], ignored=no_records),
        ground_truth=ground_truth,
        images=images,
        out=out,
        max_images=max_images,
    )
    evidence |= dict(rules=reading.rules, reading=reading.images)
    with work_bar() as tell:
        found = room.recommend(**machine, **work, **limits, **evidence, progress=tell, notice=warn)
    show(found, show_all=show_all, as_json=as_json)


def read_all(files: Sequence[Path], *, ignored: bool = False) -> list[Record] | None:
    """Read the records of files; None, meaning those of this machine, if no file is given; none if they are ignored.

    Raises:
        RecordError: a file is damaged.
        SettingsError: files are given that should be ignored.
    """
    from samara.measurement.records.record_file import read_records

    if files and ignored:
        raise SettingsError("--records and --no-records exclude each other; leave one of them out")
    if ignored:
        return []
    return [record for path in files for record in read_records(path)] if files else None


def show(found: Recommendation, *, show_all: bool, as_json: bool) -> None:
    """Print a recommendation; exit with status 1 if there is none."""
    from samara.recommendation.text import as_text

    columns = shutil.get_terminal_size().columns
    typer.echo(json.dumps(found.as_dict(), indent=2) if as_json else as_text(found, width=columns, show_all=show_all))
    if found.best is None:
        raise typer.Exit(1)
