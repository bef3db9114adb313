"""`samara doctor`: what this machine can run, and whether every engine agrees with PyTorch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samara.checkpoints.choice import Choice
from samara.cli.options import loading
from samara.cli.progress import work_bar
from samara.cli.settings_options import takes_arguments
from samara.cli.tables import Column, filled, terminal_width, text_table
from samara.engines.limits import LIMITS

if TYPE_CHECKING:
    from samara.measurement.diagnosis.agreement import Agreement
    from samara.measurement.diagnosis.doctor import Check, Diagnosis

COLUMNS = (
    Column("engine"),
    Column("precision"),
    Column("embedding error", right=True, rank=2),
    Column("IoU", right=True),
    Column("worst", right=True),
    Column("image", right=True),
    Column("click", right=True),
    Column("click of 64", right=True, rank=1),
    Column("speed", right=True),
    Column("verdict"),
)
RULE = (
    "agrees: no mask below IoU {other.worst_iou:.2f} with PyTorch's in float32, and a mean of at least "
    "{other.mean_iou:.2f} (in float32: {exact.worst_iou:.2f} and {exact.mean_iou:.3f}). close: rounding changed a mask "
    "visibly; --engine auto does not take it. DRIFTS: more than rounding."
).format(other=LIMITS["bfloat16"], exact=LIMITS["float32"])


@takes_arguments(
    "choice",
    Choice(),
    loading("checkpoint", help="Run this checkpoint; the findings apply to its network architecture."),
    loading("base", "preset", "lora", "input_size", "weights", "download"),
    loading("device", help="Examine this device. Default: the CPU, and the CUDA GPU if there is one."),
)
def doctor(
    *,
    choice: dict[str, Any],  # Any: values of fields
    threads: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Use this many CPU threads. Default: all.")
    ] = None,
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
    """Print a diagnosis: the machine, a table, the rule, and the verdict last."""
    width = terminal_width()
    for line in report(diagnosis, width):
        typer.echo(line)


def report(diagnosis: Diagnosis, width: int) -> Iterator[str]:
    """Yield the parts of the text, the verdict last."""
    yield filled(diagnosis.machine.title, width)
    yield filled(", ".join(f"{name} {version}" for name, version in diagnosis.machine.versions.items()), width)
    for engine, command in diagnosis.missing.items():
        yield f"{engine}: not installed; {command}"
    yield f"\n{diagnosis.checkpoint} at {diagnosis.input_size} px, {diagnosis.threads} threads\n"
    yield table_of(diagnosis, width)
    for check in diagnosis.checks:
        if check.note is not None:
            yield filled(f"{_place(check)} {check.precision}: {check.note}", width)
    yield f"\n{filled(RULE, width)}"
    yield from _verdict(diagnosis)


def table_of(diagnosis: Diagnosis, width: int) -> str:
    """One row for each engine and precision that ran."""
    rows = [_cells(check, check.agreement) for check in diagnosis.checks if check.agreement is not None]
    return text_table(COLUMNS, rows, width=width, rest="--json")


def _cells(check: Check, agreement: Agreement) -> list[str]:
    return [
        _place(check),
        check.precision,
        f"{agreement.relative_error:.1e}",
        f"{agreement.mean_iou:.3f}",
        f"{agreement.worst_iou:.3f}",
        *(_milliseconds(seconds) for seconds in (check.encoder_s, check.decoder_s, check.decoder_many_s)),
        "" if check.speed is None else f"{check.speed:.1f} x",
        (check.verdict or "").replace("drifts", "DRIFTS"),
    ]


def _verdict(diagnosis: Diagnosis) -> Iterator[str]:
    drifting = [f"{check.engine} {check.precision}" for check in diagnosis.checks if check.verdict == "drifts"]
    if drifting:
        yield f"Drifting from PyTorch's float32, do not use: {', '.join(drifting)}."
    fastest = diagnosis.fastest
    if not diagnosis.recorded:
        yield "Random weights: times are valid, the agreement says little, nothing was recorded."
    elif fastest is None:
        yield "No engine agrees; --engine auto stays with torch."
    else:
        yield f"Fastest that agrees: {_named(fastest)}; use `{_options(fastest, diagnosis)}`."


def _named(check: Check) -> str:
    speed = "" if check.speed is None else f", {check.speed:.1f} x"
    return f"{_place(check)} {check.precision}{speed}"


def _options(check: Check, diagnosis: Diagnosis) -> str:
    """Return the options that choose an engine: what "auto" does not choose by itself is said."""
    from samara.engines.findings import UNASKED

    usual = next((one.device for one in diagnosis.checks if one.device.startswith("cuda")), "cpu")
    device = "" if check.device == usual else f" --device {check.device}"
    precision = "" if check.precision in UNASKED else f" --precision {check.precision}"
    return f"--engine auto{precision}{device}"


def _place(check: Check) -> str:
    return check.engine if check.device == "cpu" else f"{check.engine} {check.device}"


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e3:,.0f} ms" if seconds >= 0.1 else f"{seconds * 1e3:.1f} ms"
