"""`samara export`: a checkpoint as files for other runtimes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from samara.cli.options import base_option, frame_option, lora_option, read_reading, value_range_option
from samara.cli.progress import work_bar
from samara.errors import SettingsError
from samara.images.settings import AS_THEY_ARE
from samara.system.files import made_folder


def export(
    checkpoint: Annotated[str, typer.Option(metavar="NAME|FILE", help="Catalogue name or file.")] = "samara_mini",
    base: Annotated[str | None, base_option()] = None,
    lora: Annotated[Path | None, lora_option()] = None,
    form: Annotated[str, typer.Option("--format", metavar="onnx|openvino", help="What to write.")] = "onnx",
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to make.")] = Path("samara-export"),
    precision: Annotated[
        str,
        typer.Option(metavar="NAME", help="float32; openvino also float16 and int8 (image encoder)."),
    ] = "float32",
    calibration: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Image or folder to calibrate int8 on. Repeatable."),
    ] = None,
    value_range: Annotated[str | None, value_range_option()] = None,
    frame: Annotated[int | None, frame_option()] = None,
    input_size: Annotated[
        int | None, typer.Option(metavar="PX", help="Side of the input. Default: the checkpoint's own.")
    ] = None,
    interface: Annotated[
        str,
        typer.Option(
            metavar="samara|official", help="official: for programs made for segment_anything's ONNX decoder."
        ),
    ] = "samara",
    return_single_mask: Annotated[
        bool, typer.Option("--return-single-mask", help="official: one mask per call instead of all.")
    ] = False,
    use_stability_score: Annotated[
        bool, typer.Option("--use-stability-score", help="official: stability scores in place of predicted IoU.")
    ] = False,
    return_extra_metrics: Annotated[
        bool, typer.Option("--return-extra-metrics", help="official: stability scores and areas as well.")
    ] = False,
    gelu_approximate: Annotated[
        bool, typer.Option("--gelu-approximate", help="official: GELU by tanh, for runtimes without erf.")
    ] = False,
    download: Annotated[bool, typer.Option("--download", help="Fetch the checkpoint if it is not here.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write image encoder and mask decoder for ONNX or OpenVINO, and compare them with PyTorch on a photo.

    Example: samara export --checkpoint vit_b --format onnx --out vit_b_onnx
    """
    import dataclasses

    from samara.checkpoints.load import load
    from samara.engines.calibration import calibration_files
    from samara.engines.exporting.export import check_folder, export_checkpoint
    from samara.networks.official_graphs import OfficialSwitches

    check_folder(out, overwrite=overwrite)
    images = calibration_files(calibration) if calibration else ()
    reading = read_reading(value_range, frame)
    if reading != AS_THEY_ARE and not images:
        raise SettingsError("--value-range and --frame are for --calibration; give that with them, or leave them out")
    loaded = load(
        checkpoint,
        base=base,
        lora=lora,
        device="cpu",
        precision="float32",
        input_size=input_size,
        download=download,
    )
    with made_folder(out.parent), work_bar() as tell:
        exported = export_checkpoint(
            dataclasses.replace(loaded, calibration=images, calibration_reading=reading),
            form,
            out,
            precision=precision,
            interface=interface,
            switches=OfficialSwitches(return_single_mask, use_stability_score, return_extra_metrics, gelu_approximate),
            overwrite=overwrite,
            progress=tell,
        )
    if as_json:
        facts = {"folder": str(exported.folder), "files": exported.files, "relative_error": exported.relative_error}
        typer.echo(json.dumps(facts))
        return
    for name, error in exported.relative_error.items():
        typer.echo(f"{name}: {error:.1e} from PyTorch's result")
    typer.echo(f"{loaded.name} for {form} in {exported.folder}: {', '.join(exported.files)}")
