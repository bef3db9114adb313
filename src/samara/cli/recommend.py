"""`samara recommend`: which checkpoint, and why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer

from samara.cli.options import crowds_option, device_option, read_rules, skip_bad_option, warn
from samara.cli.progress import work_bar
from samara.recommendation.request import IMAGES, MEASURED_IN

MACHINE, WORK, LIMITS, EVIDENCE, RESULT = "Machine (default: this one)", "Work", "Limits", "Evidence", "Result"


def recommend(
    vram: Annotated[
        float | None, typer.Option(metavar="GB", help="Another machine: memory of its GPU.", rich_help_panel=MACHINE)
    ] = None,
    ram: Annotated[
        float | None, typer.Option(metavar="GB", help="Another machine: main memory.", rich_help_panel=MACHINE)
    ] = None,
    device: Annotated[str, device_option(MACHINE)] = "auto",
    measure_speed: Annotated[
        bool,
        typer.Option("--measure-speed", help="Time this machine for a second, not assume.", rich_help_panel=MACHINE),
    ] = False,
    task: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="production, maximum-quality, real-time, edge, fine-tuning, benchmark, interactive-annotation or "
            "batch-annotation.",
            rich_help_panel=WORK,
        ),
    ] = "production",
    domain: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="natural, medical, satellite, driving, content-creation or robotics.",
            rich_help_panel=WORK,
        ),
    ] = "natural",
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            help="point, background-point, box, mask, everything or classes. Repeatable; default: the task's.",
            rich_help_panel=WORK,
        ),
    ] = None,
    commercial: Annotated[
        bool,
        typer.Option("--commercial", help="No AGPL and no licence with conditions.", rich_help_panel=LIMITS),
    ] = False,
    max_latency: Annotated[
        float | None,
        typer.Option(metavar="S", help="Most seconds from image to masks.", rich_help_panel=LIMITS),
    ] = None,
    max_disk: Annotated[
        float | None, typer.Option(metavar="GB", help="Most GB to download.", rich_help_panel=LIMITS)
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Only what is on this machine.", rich_help_panel=LIMITS)
    ] = False,
    records: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Earlier measurements. Repeatable; default: those of this machine.",
            rich_help_panel=EVIDENCE,
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Measure first, on these images, what is on this machine.", rich_help_panel=EVIDENCE
        ),
    ] = None,
    ground_truth: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Their COCO instances file.", rich_help_panel=EVIDENCE),
    ] = None,
    crowds: Annotated[str, crowds_option(EVIDENCE)] = "ignore",
    skip_bad_annotations: Annotated[bool, skip_bad_option(EVIDENCE)] = False,
    max_images: Annotated[
        int,
        typer.Option(
            "--max-images",
            "--pictures",
            min=1,
            metavar="N",
            help="At most so many of them per source.",
            rich_help_panel=EVIDENCE,
        ),
    ] = IMAGES,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for what is measured.", rich_help_panel=EVIDENCE)
    ] = Path(MEASURED_IN),
    show_all: Annotated[
        bool, typer.Option("--all", help="Show every checkpoint that is feasible.", rich_help_panel=RESULT)
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.", rich_help_panel=RESULT)] = False,
) -> None:
    """Recommend a checkpoint for a machine and a task, with reasons and how sure each number is.

    Example: samara recommend --vram 6 --task interactive-annotation --domain medical --commercial
    """
    from samara.measurement.records.record_file import read_records
    from samara.recommendation import recommend as room
    from samara.recommendation.text import as_text

    with work_bar() as tell:
        found = room.recommend(
            vram_gb=vram,
            ram_gb=ram,
            device=device,
            task=task,
            domain=domain,
            prompts=prompt,
            commercial=commercial,
            max_latency_s=max_latency,
            max_disk_gb=max_disk,
            offline=offline,
            records=None if not records else [record for path in records for record in read_records(path)],
            ground_truth=ground_truth,
            images=images,
            out=out,
            max_images=max_images,
            progress=tell,
            rules=read_rules(crowds, skip_bad=skip_bad_annotations),
            notice=warn,
            measure_speed=measure_speed,
        )
    columns = shutil.get_terminal_size().columns
    typer.echo(json.dumps(found.as_dict(), indent=2) if as_json else as_text(found, width=columns, show_all=show_all))
    if found.best is None:
        raise typer.Exit(1)
