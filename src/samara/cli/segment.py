"""`samara segment`: masks from prompts, or of everything."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samara.checkpoints.choice import Choice
from samara.cli.interrupts import terminated_as_interrupted
from samara.cli.options import POINTS_PER_SIDE, loading, reads_images, warn
from samara.cli.progress import work_bar
from samara.cli.sentences import as_options
from samara.cli.settings_options import Setting, in_panel, takes, takes_arguments
from samara.errors import PromptError
from samara.images.settings import ImageReading
from samara.masks.drawing.style import OverlayStyle
from samara.segmentation.automatic.settings import DUPLICATE_IOU, AutomaticSettings
from samara.segmentation.file_settings import FileSettings
from samara.system.counted import counted

if TYPE_CHECKING:
    from samara.checkpoints.licences import Licence
    from samara.engines.loaded import Loaded
    from samara.segmentation.results import Segmented
    from samara.segmentation.segment import SegmentedFiles

IMAGES, PROMPTS, EVERYTHING, RUNNING, RESULT = (
    "Images",
    "Prompts",
    "Everything (without prompts)",
    "Checkpoint and machine",
    "Result",
)
FINDING = [
    POINTS_PER_SIDE,
    Setting(
        field="pred_iou_thresh",
        metavar="X",
        help="Keep masks whose predicted IoU (FastSAM, YOLO: confidence) is above this. Default: the checkpoint's own.",
    ),
    Setting(field="stability_score_thresh", metavar="X"),
    Setting(field="crop_n_layers", option="crop_layers", metavar="N", least=0),
    Setting(field="min_mask_region_area", option="min_region_area", metavar="PX", least=0),
    Setting(
        field="mask_nms_thresh",
        option="unique",
        help="Drop masks that duplicate a better one.",
        kind=bool,
        default=False,
        read=lambda is_wanted: DUPLICATE_IOU if is_wanted else None,
    ),
    Setting(field="exclusive"),
]
SAVE = Setting(
    field="save",
    metavar="KIND,...",
    kind=str,
    default=",".join(FileSettings.save),
    read=lambda text: tuple(kind.strip() for kind in text.split(",")),
    panel=RESULT,
)
DRAWING = [
    Setting(field="opacity", metavar="X"),
    Setting(field="outline", metavar="PX", least=0),
    Setting(field="labels", metavar="KIND"),
    Setting(field="label_size", metavar="PX", least=1),
]
PRECISION = "Compute in auto, float32, tf32, bfloat16, float16 or int8."


@takes_arguments(
    "results",
    FileSettings(),
    [Setting(field="answer", metavar="best|three|one", panel=PROMPTS)],
    [Setting(field="out", metavar="DIR", kind=Path, panel=RESULT), SAVE],
)
@takes_arguments("style", OverlayStyle(), in_panel(RESULT, *DRAWING))
@takes("settings", AutomaticSettings(), in_panel(EVERYTHING, *FINDING))
@takes_arguments(
    "choice",
    Choice(),
    loading("checkpoint", "base", "preset", "lora", panel=RUNNING),
    loading("download", panel=RUNNING, help="Download the checkpoint, and images given as URLs, if they are missing."),
    loading("device", panel=RUNNING),
    loading("precision", panel=RUNNING, help=PRECISION),
    loading("hq_token_only", "engine", "input_size", "calibration", panel=RUNNING),
)
@reads_images(IMAGES)
def segment(
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE",
            help="Segment image files, folders, quoted patterns, lists of them (.txt), or URLs with --download. "
            "Each image is segmented once.",
            show_default=False,
        ),
    ],
    point: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y[,0/1]",
            help="Click here, in pixels of the image: 1 for foreground (default), 0 for background. Repeatable.",
            rich_help_panel=PROMPTS,
        ),
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X0,Y0,X1,Y1",
            help="Segment the object in this box, in pixels of the image. Repeatable.",
            rich_help_panel=PROMPTS,
        ),
    ] = None,
    separate: Annotated[
        bool,
        typer.Option("--separate", help="Segment one object per click.", rich_help_panel=PROMPTS),
    ] = False,
    *,
    settings: AutomaticSettings,
    choice: dict[str, Any],  # Any: values of fields, here and below
    reading: ImageReading,
    threads: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Use this many CPU threads. Default: all.", rich_help_panel=RUNNING),
    ] = None,
    results: dict[str, Any],
    style: dict[str, Any],
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace annotations.json, whatever it holds, and other files.",
            rich_help_panel=RESULT,
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel=RESULT)] = False,
) -> None:
    """Segment images: masks from prompts, or everything when there is no prompt.

    Writes an overlay for each image, such as overlays/truck.png, and adds the image to annotations.json (COCO, RLE),
    whose annotation ids the overlay shows. Existing entries stay, except that an image segmented again is replaced. If
    no image succeeds, nothing is written.

    FastSAM answers prompts by choosing among the masks it finds: a click in several takes the most confident,
    --answer three all of them, --answer one their union.

    Example: samara segment truck.jpg --point 500,375 --out masks
    """
    points, boxes = read_points(point or []), read_boxes(box or [])
    from samara.segmentation.segment import segment as segment_images

    with terminated_as_interrupted(), work_bar() as tell:
        outcome = segment_images(
            images,
            points=points,
            boxes=boxes,
            separate=separate,
            settings=settings,
            threads=threads,
            reading=reading,
            overwrite=overwrite,
            progress=tell,
            **choice | results | style,
        )
    show(outcome, as_json=as_json, engine_was_chosen=choice["engine"] == "auto")
    if outcome.failed:
        raise typer.Exit(1)


def read_points(texts: Sequence[str]) -> list[list[float]]:
    """Parse the texts of --point.

    Raises:
        PromptError: a text is not a point.
    """
    return [_floats(text, (2, 3), "--point", "X,Y or X,Y,LABEL") for text in texts]


def read_boxes(texts: Sequence[str]) -> list[list[float]]:
    """Parse the texts of --box.

    Raises:
        PromptError: a text is not a box.
    """
    return [_floats(text, (4,), "--box", "X0,Y0,X1,Y1") for text in texts]


def _floats(text: str, counts: tuple[int, ...], option: str, form: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in counts:
        raise PromptError(f"{option} {text!r} is not understood; write {form}, in pixels, without spaces")
    return numbers


def show(outcome: SegmentedFiles, *, as_json: bool, engine_was_chosen: bool = False) -> None:
    """Print results on stdout and failures on stderr.

    Args:
        outcome: the results.
        as_json: print JSON.
        engine_was_chosen: say which engine ran, since nobody named one.
    """
    from samara.checkpoints.licences import licence_of

    loaded = outcome.loaded
    licence = licence_of(loaded.provenance.licence)
    for sentence in outcome.left_out:
        warn(sentence)
    for failure in outcome.failed:
        warn(failure.reason)
    if outcome.outdated:
        more = f" and {len(outcome.outdated) - 1} more" if len(outcome.outdated) > 1 else ""
        warn(f"{outcome.outdated[0]}{more} show masks that were replaced; delete them, or write them anew with --save")
    if as_json:
        typer.echo(json.dumps(_report(outcome, licence)))
        return
    by = f"{loaded.name} ({_terms(loaded, licence)})"
    _show_files(outcome, by)
    if not outcome.done:
        return
    if engine_was_chosen:
        typer.echo(f"engine {loaded.engine} on {loaded.device}, {loaded.precision}")
    if licence.commercial != "free" and loaded.provenance.weights == "file":
        typer.echo(f"licence of {loaded.name}: {licence.identifier}: {licence.consequence}")


def _show_files(outcome: SegmentedFiles, by: str) -> None:
    """Say what was found in each image, and where it is; `by` names the checkpoint."""
    for done in outcome.done:
        masks = len(done.masks)
        typer.echo(f"{done.path}: {counted(masks, 'mask')} by {by}{_whereabouts(done)}")
    for sheet in outcome.sheets:
        typer.echo(f"contact sheet in {sheet}")
    if outcome.done and outcome.annotations is not None:
        typer.echo(f"annotations (COCO) in {outcome.annotations}")
    if any("labels" in done.files for done in outcome.done):
        covered = sum(done.covered for done in outcome.done)
        hidden = f"; {covered} of the masks are covered completely and have none" if covered else ""
        typer.echo(f"labels: where masks overlap, a pixel has the number of the smaller one{hidden}")


def _whereabouts(done: Segmented) -> str:
    """Say where the files of an image are."""
    said = {"overlay": "drawn in", "masks": "masks in", "cutouts": "cut-outs in", "labels": "label map in"}
    return "".join(f", {said[kind]} {place}" for kind, place in done.files.items())


def _terms(loaded: Loaded, licence: Licence) -> str:
    if loaded.provenance.weights == "random":
        return "random weights"
    return "licence unknown" if licence.commercial == "unknown" else licence.identifier


def _report(outcome: SegmentedFiles, licence: Licence) -> dict[str, object]:
    loaded = outcome.loaded
    return {
        "checkpoint": loaded.name,
        "engine": loaded.engine,
        "licence": loaded.provenance.licence,
        "commercial": licence.commercial,
        "annotations": str(outcome.annotations) if outcome.done and outcome.annotations else None,
        "images": [_image_report(done) for done in outcome.done],
        "outdated": [str(place) for place in outcome.outdated],
        "sheets": [str(sheet) for sheet in outcome.sheets],
        "failed": [{"file": str(failure.path), "reason": as_options(failure.reason)} for failure in outcome.failed],
    }


def _image_report(done: Segmented) -> dict[str, object]:
    """Return an image's part of the JSON: `files` by kind, with `overlay` in a place of its own."""
    return {
        "file": str(done.path),
        "overlay": None if done.overlay is None else str(done.overlay),
        "masks": len(done.masks),
        "ids": list(done.ids),
        "files": {kind: str(place) for kind, place in done.files.items()},
    }
