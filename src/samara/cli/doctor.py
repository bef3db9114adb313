"""`samara doctor`: what this machine can run, and whether every engine agrees with PyTorch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from samara.cli.options import base_option, lora_option
from samara.cli.progress import work_bar
from samara.cli.segment import use_threads

if TYPE_CHECKING:
    from rich.table import Table

    from samara.measurement.diagnosis.agreement import Agreement
    from samara.measurement.diagnosis.doctor import Check, Diagnosis


def doctor(
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="What to run; findings hold for its kind of network.")
    ] = "samara_mini",
    base: Annotated[str | None, base_option()] = None,
    lora: Annotated[Path | None, lora_option()] = None,
    input_size: Annotated[
        int | None, typer.Option(metavar="PX", help="Side of the input. Default: the checkpoint's own.")
    ] = None,
    weights: Annotated[
        Literal["file", "random"],
        typer.Option(metavar="file|random", help="random measures speed where the file is not at hand."),
    ] = "file",
    threads: Annotated[int | None, typer.Option(min=1, metavar="N", help="CPU threads. Default: all.")] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch the checkpoint if it is not here.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare every engine and precision with PyTorch in float32, on this machine; exit status 1 if one drifts.

    What is found decides what `--engine auto` means here for this kind of network.

    Example: samara doctor --checkpoint vit_b
    """
    from samara.checkpoints.load import load
    from samara.measurement.diagnosis.doctor import examine

    use_threads(threads)
    with work_bar() as tell:
        loaded = load(
            checkpoint,
            base=base,
            lora=lora,
            device="cpu",
            precision="float32",
            weights=weights,
            input_size=input_size,
            download=download,
        )
        diagnosis = examine(loaded, progress=tell)
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
        console.print("weights are random: speed counts, agreement says little, and nothing was recorded")


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
