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
from samara.segmentation.automatic.settings import DUPLICATE_IOU, AutomaticSettings
from samara.segmentation.file_settings import FileSettings

if TYPE_CHECKING:
    from samara.checkpoints.licences import Licence
    from samara.engines.loaded import Loaded
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
        help="Min. predicted IoU (FastSAM, YOLO: confidence). Default: the checkpoint's.",
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
PRECISION = "auto, float32, tf32, bfloat16, float16 or int8."


@takes_arguments(
    "results",
    FileSettings(),
    [Setting(field="answer", metavar="best|three|one", panel=PROMPTS)],
    [Setting(field="out", metavar="DIR", kind=Path, panel=RESULT)],
)
@takes("settings", AutomaticSettings(), in_panel(EVERYTHING, *FINDING))
@takes_arguments(
    "choice",
    Choice(),
    loading("checkpoint", "base", "preset", "lora", "download", "device", panel=RUNNING),
    loading("precision", panel=RUNNING, help=PRECISION),
    loading("hq_token_only", "engine", "calibration", panel=RUNNING),
)
@reads_images(IMAGES)
def segment(
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE...",
            help="Image files, folders, quoted patterns. Each image is segmented once.",
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
        typer.Option(metavar="X0,Y0,X1,Y1", help="A box, one object each. Repeatable.", rich_help_panel=PROMPTS),
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
        typer.Option(min=1, metavar="N", help="CPU threads. Default: all.", rich_help_panel=RUNNING),
    ] = None,
    results: dict[str, Any],
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace annotations.json, whatever it holds, and overlays.",
            rich_help_panel=RESULT,
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel=RESULT)] = False,
) -> None:
    """Segment images: masks from prompts, or everything when there is no prompt.

    Writes an overlay for each image, `<file name>.png`, and adds the image to `annotations.json` (COCO, RLE): existing
    entries stay, except that an image segmented again is replaced. If no image succeeds, nothing is written. FastSAM
    answers prompts by choosing among the masks it finds: a click in several takes the most confident, --answer
    three all of them, --answer one their union.

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
            **choice,
            **results,
        )
    show(outcome, as_json=as_json)
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


def show(outcome: SegmentedFiles, *, as_json: bool) -> None:
    """Print results on stdout and failures on stderr."""
    from samara.checkpoints.licences import licence_of

    loaded = outcome.loaded
    licence = licence_of(loaded.provenance.licence)
    for sentence in outcome.left_out:
        warn(sentence)
    for failure in outcome.failed:
        warn(failure.reason)
    if as_json:
        typer.echo(json.dumps(_report(outcome, licence)))
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


def _report(outcome: SegmentedFiles, licence: Licence) -> dict[str, object]:
    loaded = outcome.loaded
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
