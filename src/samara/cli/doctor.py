"""`samara doctor`: what this machine can run, and whether every engine agrees with PyTorch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samara.checkpoints.choice import Choice
from samara.cli.options import loading
from samara.cli.progress import work_bar
from samara.cli.settings_options import takes_arguments

if TYPE_CHECKING:
    from rich.table import Table

    from samara.measurement.diagnosis.agreement import Agreement
    from samara.measurement.diagnosis.doctor import Check, Diagnosis


@takes_arguments(
    "choice",
    Choice(),
    loading("checkpoint", help="What to run; the findings apply to its network architecture."),
    loading("base", "preset", "lora", "input_size", "weights", "download"),
    loading("device", help="Device to examine. Default: the CPU, and the CUDA GPU if there is one."),
)
def doctor(
    *,
    choice: dict[str, Any],  # Any: values of fields
    threads: Annotated[int | None, typer.Option(min=1, metavar="N", help="CPU threads. Default: all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare every engine and precision with PyTorch in float32 on this machine; exit status 1 if one drifts.

    The findings decide what `--engine auto` selects on each device for this network architecture.

    Example: samara doctor --checkpoint vit_b
    """
    from samara.measurement.diagnosis import doctor as room

    with work_bar() as tell:
        diagnosis = room.doctor(threads=threads, progress=tell, **choice)
    if as_json:
        typer.echo(json.dumps(diagnosis.as_dict()))
    else:
        show(diagnosis)
    if not diagnosis.is_healthy:
        raise typer.Exit(1)


def show(diagnosis: Diagnosis) -> None:
    """Print a diagnosis as text and a table."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.print(diagnosis.machine.title)
    console.print(", ".join(f"{name} {version}" for name, version in diagnosis.machine.versions.items()))
    for engine, command in diagnosis.missing.items():
        console.print(f"{engine}: not installed; {command}", markup=False)
    console.print(f"\n{diagnosis.checkpoint} at {diagnosis.input_size} px, {diagnosis.threads} threads")
    Console(highlight=False).print(table_of(diagnosis))
    for check in diagnosis.checks:
        if check.note is not None:
            console.print(f"{_place(check)} {check.precision}: {check.note}", markup=False)
    drifting = [f"{check.engine} {check.precision}" for check in diagnosis.checks if check.agrees is False]
    if drifting:
        console.print(f"drifting from PyTorch's float32, do not use: {', '.join(drifting)}")
    if diagnosis.recorded:
        console.print("recorded: --engine auto follows these findings for this network at this size")
    else:
        console.print("weights are random: the timing is valid, the agreement says little, and nothing was recorded")


def table_of(diagnosis: Diagnosis) -> Table:
    """One row for each engine and precision that ran."""
    from rich.table import Table

    table = Table()
    table.add_column("engine")
    table.add_column("precision")
    for heading in (
        "embedding\nerror",
        "mask IoU\nmean",
        "mask IoU\nworst",
        "image\nencoder",
        "one\nclick",
        "click of\nmany",
    ):
        table.add_column(heading, justify="right")
    table.add_column("encoder\nspeed", justify="right")
    table.add_column("")
    for check in diagnosis.checks:
        if check.agreement is not None:
            table.add_row(*_cells(check, check.agreement))
    return table


def _cells(check: Check, agreement: Agreement) -> list[str]:
    return [
        _place(check),
        check.precision,
        f"{agreement.relative_error:.1e}",
        f"{agreement.mean_iou:.4f}",
        f"{agreement.worst_iou:.4f}",
        *(_milliseconds(seconds) for seconds in (check.encoder_s, check.decoder_s, check.decoder_many_s)),
        "" if check.speed is None else f"{check.speed:.2f} ×",
        "agrees" if check.agrees else "DRIFTS",
    ]


def _place(check: Check) -> str:
    return check.engine if check.device == "cpu" else f"{check.engine} ({check.device})"


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e3:,.0f} ms" if seconds >= 0.1 else f"{seconds * 1e3:.1f} ms"
