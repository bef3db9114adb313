"""`samara export-annotations`: the annotations of a store in other formats."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from samara.datasets.writing import Losses


def export_annotations(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="Folder that `samara annotate` made.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results.")],
    formats: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME,...",
            help="coco, coco-polygons, yolo, voc, label-studio, label-studio-polygons, png, geojson, sa-1b.",
        ),
    ] = "coco",
    partial: Annotated[
        bool, typer.Option("--partial", help="Also of a store that is not complete: what is there.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what samara wrote there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write the annotations of a store in other formats, streaming, in one pass.

    Example: samara export-annotations masks --format coco,yolo --out exported
    """
    from samara.annotate import export
    from samara.annotation.store import open_store

    losses = export(open_store(store), names_in(formats), out, overwrite=overwrite, is_partial=partial)
    if as_json:
        typer.echo(json.dumps({"out": str(out), "losses": losses_shown(losses)}))
    else:
        tell_losses(losses, out)


def names_in(text: str | None) -> tuple[str, ...]:
    """The names in a text with commas."""
    return () if text is None else tuple(name.strip() for name in text.split(","))


def losses_shown(losses: dict[str, Losses]) -> dict[str, dict[str, Any]]:
    """For JSON."""
    return {name: asdict(one) for name, one in losses.items()}


def tell_losses(losses: dict[str, Losses], out: Path) -> None:
    """Say what was written, and what formats could not keep."""
    for name, one in losses.items():
        kept = "lossless" if not one.changed else f"{one.changed:,} masks differ, mean IoU {one.mean_iou:.4f}"
        typer.echo(f"{name} in {out}: {one.masks:,} masks, {kept}")
        if one.unplaced:
            sys.stderr.write(
                f"samara: {name}: {one.unplaced:,} pictures lie nowhere on Earth and have coordinates in pixels; "
                "programs for maps take them for longitude and latitude\n"
            )
