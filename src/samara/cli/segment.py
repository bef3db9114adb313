"""`samara segment`: masks from prompts, or everything."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from samara.cli.interrupts import terminated_as_interrupted
from samara.cli.options import (
    as_options,
    base_option,
    device_option,
    frame_option,
    lora_option,
    points_per_side_option,
    read_reading,
    value_range_option,
)
from samara.cli.progress import work_bar
from samara.errors import PromptError, SettingsError

if TYPE_CHECKING:
    from samara.checkpoints.licences import Licence
    from samara.engines.loaded import Loaded
    from samara.segmentation.prompts import Prompt
    from samara.segmentation.segment_files import Outcome

IMAGES, PROMPTS, EVERYTHING, RUNNING, RESULT = (
    "Images",
    "Prompts",
    "Everything (without prompts)",
    "Checkpoint and machine",
    "Result",
)


def segment(
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE...",
            help="Image files, folders, patterns in quotes. Each is taken once.",
            show_default=False,
        ),
    ],
    point: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y[,0/1]",
            help="A click in pixels of the image: 1 foreground (default), 0 background. Repeatable.",
            rich_help_panel=PROMPTS,
        ),
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(metavar="X0,Y0,X1,Y1", help="A box, an object of its own. Repeatable.", rich_help_panel=PROMPTS),
    ] = None,
    separate: Annotated[
        bool,
        typer.Option("--separate", help="Each click asks for an object of its own.", rich_help_panel=PROMPTS),
    ] = False,
    answer: Annotated[
        Literal["best", "three", "one"],
        typer.Option(
            metavar="best|three|one",
            help="Masks per prompt: best of three, all, one.",
            rich_help_panel=PROMPTS,
        ),
    ] = "best",
    points_per_side: Annotated[int | None, points_per_side_option(EVERYTHING)] = None,
    pred_iou_thresh: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="Least predicted IoU (FastSAM, YOLO: confidence). Default: what suits the checkpoint.",
            rich_help_panel=EVERYTHING,
        ),
    ] = None,
    stability_score_thresh: Annotated[
        float | None,
        typer.Option(metavar="X", help="Least stability. Default: likewise.", rich_help_panel=EVERYTHING),
    ] = None,
    crop_layers: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Also search crops: layer i has 4^i.", rich_help_panel=EVERYTHING),
    ] = 0,
    min_region_area: Annotated[
        int,
        typer.Option(min=0, metavar="PX", help="Remove smaller holes and specks.", rich_help_panel=EVERYTHING),
    ] = 0,
    unique: Annotated[
        bool,
        typer.Option("--unique", help="Drop masks that repeat a better one.", rich_help_panel=EVERYTHING),
    ] = False,
    exclusive: Annotated[
        bool,
        typer.Option("--exclusive", help="Give each pixel to one mask at most.", rich_help_panel=EVERYTHING),
    ] = False,
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Catalogue name or file.", rich_help_panel=RUNNING)
    ] = "samara_mini",
    base: Annotated[str | None, base_option(RUNNING)] = None,
    lora: Annotated[Path | None, lora_option(RUNNING)] = None,
    download: Annotated[
        bool,
        typer.Option("--download", help="Fetch it if it is not on this machine.", rich_help_panel=RUNNING),
    ] = False,
    device: Annotated[str, device_option(RUNNING)] = "auto",
    precision: Annotated[
        str, typer.Option(metavar="NAME", help="auto, float32, bfloat16, float16 or int8.", rich_help_panel=RUNNING)
    ] = "auto",
    hq_token_only: Annotated[
        bool,
        typer.Option(
            "--hq-token-only", help="HQ-SAM: its own mask without SAM's, for one object.", rich_help_panel=RUNNING
        ),
    ] = False,
    engine: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="torch, torch-compile, openvino, onnxruntime, or auto (see doctor).",
            rich_help_panel=RUNNING,
        ),
    ] = "torch",
    value_range: Annotated[str | None, value_range_option(IMAGES)] = None,
    frame: Annotated[int | None, frame_option(IMAGES)] = None,
    calibration: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Image or folder to calibrate int8 on. Repeatable.", rich_help_panel=RUNNING),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="CPU threads. Default: all.", rich_help_panel=RUNNING),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results.", rich_help_panel=RESULT)] = Path(
        "samara-output"
    ),
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Begin annotations.json anew, whatever it holds, and replace overlays.",
            rich_help_panel=RESULT,
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel=RESULT)] = False,
) -> None:
    """Segment images: masks from prompts, or everything when there is no prompt.

    Writes an overlay for each image, `<file name>.png`, and adds it to `annotations.json` (COCO, RLE): what is there
    stays, an image that is there already is replaced. When no image succeeds, nothing is written. FastSAM
    answers prompts by choosing among what it finds; a click in several masks takes the most confident, with --answer
    three all of them, with --answer one their union.

    Example: samara segment truck.jpg --point 500,375 --out masks
    """
    from samara.checkpoints.load import load
    from samara.images.paths import Given
    from samara.segmentation.automatic.settings import AutomaticSettings
    from samara.segmentation.segment_files import Results, segment_files

    prompts = read_prompts(point or [], box or [], separate=separate)
    settings = AutomaticSettings(
        points_per_side=points_per_side,
        pred_iou_thresh=pred_iou_thresh,
        stability_score_thresh=stability_score_thresh,
        crop_n_layers=crop_layers,
        min_mask_region_area=min_region_area,
        mask_nms_thresh=0.9 if unique else None,
        exclusive=exclusive,
    )
    reading = read_reading(value_range, frame)
    use_threads(threads)
    paths, left_out = find_images(images, out)
    Results(out, Given.of(map(str, paths)), overwrite=overwrite)  # refuses, before a checkpoint is loaded
    with terminated_as_interrupted(), work_bar() as tell:
        loaded = load(
            checkpoint,
            base=base,
            lora=lora,
            device=device,
            precision=precision,
            engine=engine,
            calibration=calibration or (),
            calibration_reading=reading,
            hq_token_only=hq_token_only,
            download=download,
        )
        outcome = segment_files(
            paths,
            loaded,
            out,
            prompts=prompts,
            settings=settings,
            answer=answer,
            overwrite=overwrite,
            reading=reading,
            progress=tell,
        )
    for sentence in left_out:
        sys.stderr.write(f"samara: {sentence}\n")
    show(outcome, loaded, as_json=as_json)
    if outcome.failed:
        raise typer.Exit(1)


def find_images(images: Sequence[str], out: Path) -> tuple[list[Path], list[str]]:
    """The images meant, each once, as they were named, and sentences about what was left out.

    A file that is not there is among them: it fails when it is read, and the others go on. The folder for the results
    is not looked into, unless it is named.

    Raises:
        SettingsError: there is none, a folder or pattern has none, or a name is an address.
    """
    from samara.images.paths import Finder, Given

    given = Given.of(images)
    finder = Finder(leave_out=None if os.path.abspath(out) in given.paths else out)
    named = dict(zip(given.paths, images, strict=True))
    paths = [Path(named.get(path) or _shown(path)) for path in given.find(finder)]
    if not paths:
        raise SettingsError(f"{images[0]} has no image; name image files, folders or patterns")
    return paths, list(finder.listing.sentences())


def _shown(path: str) -> str:
    """A path seen from here, if it lies below."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path


def read_prompts(points: Sequence[str], boxes: Sequence[str], *, separate: bool) -> list[Prompt]:
    """Turn the texts of --point and --box into prompts.

    Points ask for one object together, each box for one of its own; points and one box ask for one object.

    Raises:
        PromptError: a text is no point or box, or the combination is unclear.
    """
    from samara.segmentation.prompts import Prompt

    clicks = [_floats(text, (2, 3), "--point", "X,Y or X,Y,LABEL") for text in points]
    corners = [_floats(text, (4,), "--box", "X0,Y0,X1,Y1") for text in boxes]
    coordinates = [click[:2] for click in clicks]
    labels = [click[2] if len(click) == 3 else 1 for click in clicks]
    if separate and corners:
        raise PromptError("--separate makes an object of each point and cannot be combined with --box")
    if separate:
        return [Prompt([point], [label]) for point, label in zip(coordinates, labels, strict=True)]
    if clicks and len(corners) > 1:
        raise PromptError(
            f"{len(clicks)} points and {len(corners)} boxes: it is unclear which box the points belong to; give one "
            "box with points, or run boxes and points apart"
        )
    if clicks:
        return [Prompt(coordinates, labels, corners[0] if corners else None)]
    return [Prompt(box=corner) for corner in corners]


def _floats(text: str, counts: tuple[int, ...], option: str, form: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in counts:
        raise PromptError(f"{option} {text!r} is not understood; write {form}, in pixels, without spaces")
    return numbers


def use_threads(count: int | None) -> None:
    """Limit PyTorch to so many CPU threads."""
    if count is not None:
        import torch

        torch.set_num_threads(count)


def show(outcome: Outcome, loaded: Loaded, *, as_json: bool) -> None:
    """Print what was done on stdout and what failed on stderr."""
    from samara.checkpoints.licences import licence_of

    licence = licence_of(loaded.provenance.licence)
    for failure in outcome.failed:
        sys.stderr.write(f"samara: {as_options(failure.reason)}\n")
    if as_json:
        typer.echo(json.dumps(_report(outcome, loaded, licence)))
        return
    by = f"{loaded.name} ({_terms(loaded, licence)})"
    for done in outcome.done:
        masks = len(done.masks)
        typer.echo(f"{done.path}: {masks} mask{'' if masks == 1 else 's'} by {by}, drawn in {done.overlay}")
    if not outcome.done:
        return
    typer.echo(f"annotations (COCO) in {outcome.annotations}")
    if licence.commercial != "free" and loaded.provenance.weights == "file":
        typer.echo(f"licence of {loaded.name}: {licence.identifier}: {licence.consequence}")


def _terms(loaded: Loaded, licence: Licence) -> str:
    if loaded.provenance.weights == "random":
        return "random weights"
    return "licence unknown" if licence.commercial == "unknown" else licence.identifier


def _report(outcome: Outcome, loaded: Loaded, licence: Licence) -> dict[str, object]:
    return {
        "checkpoint": loaded.name,
        "licence": loaded.provenance.licence,
        "commercial": licence.commercial,
        "annotations": str(outcome.annotations) if outcome.done else None,
        "images": [
            {"file": str(done.path), "overlay": str(done.overlay), "masks": len(done.masks)} for done in outcome.done
        ],
        "failed": [{"file": str(failure.path), "reason": as_options(failure.reason)} for failure in outcome.failed],
    }
