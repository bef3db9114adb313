"""`samara export`: write a checkpoint as files for other runtimes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samara.checkpoints.choice import Choice
from samara.cli.options import loading, reads_images
from samara.cli.progress import work_bar
from samara.cli.settings_options import Setting, takes_arguments
from samara.engines.exporting.settings import EXPORTED_TO, ExportSettings
from samara.images.settings import ImageReading

if TYPE_CHECKING:
    from samara.engines.exporting.export import Exported

OFFICIAL = ("return_single_mask", "use_stability_score", "return_extra_metrics", "gelu_approximate")


@takes_arguments(
    "choice",
    Choice(),
    loading("checkpoint", "base", "preset", "lora", "input_size", "calibration", "download"),
)
@takes_arguments(
    "settings",
    ExportSettings(),
    [
        Setting(
            field="format", option="form", flags=("--format",), metavar="onnx|openvino", help="Write onnx or openvino."
        ),
        Setting(field="precision", metavar="NAME"),
        Setting(field="interface", metavar="samara|official"),
        *(Setting(field=name) for name in OFFICIAL),
    ],
)
@reads_images()
def export(
    *,
    choice: dict[str, Any],  # Any: values of fields, here and below
    reading: ImageReading,
    settings: dict[str, Any],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Create this folder.")] = Path(EXPORTED_TO),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Export image encoder and mask decoder to ONNX or OpenVINO, and compare them with PyTorch on a photo.

    Example: samara export --checkpoint vit_b --format onnx --out vit_b_onnx
    """
    from samara.checkpoints import export as room

    with work_bar() as tell:
        exported = room.export(
            out=out, calibration_reading=reading, overwrite=overwrite, progress=tell, **settings, **choice
        )
    show(exported, as_json=as_json)


def show(exported: Exported, *, as_json: bool) -> None:
    """Print the written files and their difference from PyTorch."""
    if as_json:
        facts = {"folder": str(exported.folder), "files": exported.files, "relative_error": exported.relative_error}
        typer.echo(json.dumps(facts))
        return
    for name, error in exported.relative_error.items():
        typer.echo(f"{name}: differs from PyTorch by {error:.1e}")
    typer.echo(f"{exported.checkpoint} for {exported.format} in {exported.folder}: {', '.join(exported.files)}")
