"""`samara annotate`: masks for every image of a data set."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from samara.annotation.run.settings import PROFILES, AnnotationSettings, Cleaning, Machines, Resources
from samara.checkpoints.choice import Choice
from samara.cli.export_annotations import (
    Writing,
    losses_shown,
    names_in,
    tell_losses,
    tell_quarantined,
    tell_unsaid,
    writes_annotations,
)
from samara.cli.interrupts import INTERRUPTED, terminated_as_interrupted
from samara.cli.options import POINTS_PER_SIDE, DataReading, loading, reads_data, warn
from samara.cli.progress import annotation_bar
from samara.cli.sentences import as_options
from samara.cli.settings_options import Setting, in_panel, takes, takes_arguments
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.system.counted import counted

if TYPE_CHECKING:
    from samara.annotation.carry_out import AnnotationOutcome
    from samara.annotation.run.spent import Spent

CHECKPOINT = (
    "Use this catalogue name or file; `samara recommend --task batch-annotation` says which suits this machine. "
    f"Default: the profile's, or {Choice.checkpoint}."
)
ASKED, MASKS, HUGE, RUNNING, RESULT = (
    "What to segment",
    "Which masks to keep",
    "Large and high-bit-depth images",
    "Checkpoint and machine",
    "Result",
)


MASKS_OF_EVERYTHING = [
    Setting(field="pred_iou_thresh", metavar="X"),
    Setting(field="stability_score_thresh", metavar="X"),
    Setting(field="min_mask_region_area", option="min_region_area", metavar="PX", least=0),
]
CLEANING = [
    Setting(field="min_area", metavar="PX", least=0),
    Setting(field="unique", help="Drop masks that duplicate a better one."),
    Setting(field="top", metavar="N", least=1),
    Setting(field="exclusive"),
    Setting(field="hierarchy", help="Record which mask is part of which."),
]
SIZES = [
    Setting(field="tile", metavar="PX", least=64),
    Setting(field="tile_overlap", metavar="PX", least=1),
    Setting(field="max_pixels", metavar="N", least=1, help="Refuse to decode larger images."),
]
COMPARING = Setting(
    field="compares_answers",
    option="no_compare_answers",
    kind=bool,
    default=False,
    read=lambda is_off: not is_off,
    help="Leave out how much the three answers to each prompt disagree, which --report and `samara review` show.",
)
RESOURCES = [
    Setting(field="workers", metavar="N", least=1),
    Setting(field="cluster", metavar="local|ray"),
    Setting(field="gpus_per_worker", metavar="X", least=0),
    Setting(field="threads", metavar="N", least=0),
    Setting(field="batch", metavar="N", least=1),
    Setting(field="embedding_cache", metavar="DIR", kind=Path | None),
    Setting(field="embedding_cache_gb", metavar="GB", least=0.01),
]


@reads_data(ASKED, HUGE)
@takes(
    "automatic",
    AutomaticSettings(),
    in_panel(ASKED, POINTS_PER_SIDE, Setting(field="crop_n_layers", option="crop_layers", metavar="N", least=0)),
    in_panel(MASKS, *MASKS_OF_EVERYTHING),
)
@takes("cleaning", Cleaning(), in_panel(MASKS, *CLEANING))
@takes("settings", AnnotationSettings(), in_panel(HUGE, *SIZES), in_panel(RUNNING, COMPARING))
@takes_arguments(
    "choice",
    Choice(),
    loading("checkpoint", panel=RUNNING, kind=str | None, default=None, help=CHECKPOINT),
    loading("base", "preset", "lora", "device", "precision", "engine", "input_size", panel=RUNNING),
)
@takes_arguments("resources", Resources(), in_panel(RUNNING, *RESOURCES))
@writes_annotations(RESULT, "--export-pictures")
def annotate(
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGES",
            help="Annotate the images of a folder (searched recursively), files, a quoted pattern, a list (.txt), a "
            ".tar, or of a COCO file (.json) or YOLO data set (.yaml), whose boxes become the prompts.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Write the store into this folder.", rich_help_panel=RESULT)],
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Use the checkpoint and settings of "
            f"{', '.join(f'{name} ({one.checkpoint})' for name, one in PROFILES.items())}; explicit options override "
            "them.",
            rich_help_panel=ASKED,
        ),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Take boxes from a COCO file (.json) or YOLO labels (folder, data.yaml), or points from a table "
            "(.csv: file, x, y, label, class, object). Default: segment everything.",
            rich_help_panel=ASKED,
        ),
    ] = None,
    image_folder: Annotated[
        Path | None,
        typer.Option(
            "--images",
            "--pictures",
            metavar="DIR",
            help="Look for the images of a COCO file below this folder.",
            rich_help_panel=ASKED,
        ),
    ] = None,
    *,
    automatic: AutomaticSettings,
    cleaning: Cleaning,
    settings: AnnotationSettings,
    reading: DataReading,
    choice: dict[str, Any],  # Any: values of fields, here and below
    runtime: Annotated[str | None, typer.Option(hidden=True)] = None,
    commercial: Annotated[
        bool,
        typer.Option(
            "--commercial", help="Refuse weights whose licence restricts commercial use.", rich_help_panel=RUNNING
        ),
    ] = False,
    resources: dict[str, Any],
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Resume the store, even while another run is working on it; create it if it does not exist.",
            rich_help_panel=RESULT,
        ),
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Retry quarantined images too, with --resume.", rich_help_panel=RESULT)
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete the existing store first.", rich_help_panel=RESULT)
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Annotate at most N images now; --resume without it continues with the others.",
            rich_help_panel=RESULT,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Only say what would be done: which images, what is left out, how long it takes. Nothing is written.",
            rich_help_panel=RESULT,
        ),
    ] = False,
    formats: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME,...",
            help="Also write DIR/exports in these formats; see `samara export-annotations --help`.",
            rich_help_panel=RESULT,
        ),
    ] = None,
    writing: Writing,
    report: Annotated[
        bool, typer.Option("--report", help="Also write DIR/report.html.", rich_help_panel=RESULT)
    ] = False,
    timings: Annotated[
        bool,
        typer.Option(
            "--timings", help="Measure where the time goes, which slows a GPU down a little.", rich_help_panel=RESULT
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel=RESULT)] = False,
) -> None:
    """Annotate images, segmenting everything or the given prompts, into a store that survives interruptions.

    Rerun with --resume to continue after any interruption. Images that cannot be annotated are
    listed with the reason, and the exit status is then 1.

    Example: samara annotate photos --out masks --format coco,yolo --report
    """
    facts = in_new_words(choice | resources, runtime)
    asked: dict[str, Any] = dict(prompts=prompts, image_folder=image_folder, profile=profile, rules=reading.rules)
    kept: dict[str, Any] = dict(resume=resume, retry=retry, overwrite=overwrite, limit=limit, timings=timings)
    kept |= dict(commercial=commercial, formats=names_in(formats), report=report, **writing._asdict())
    everything = replace(settings, automatic=automatic, cleaning=cleaning, **asdict(reading.images))
    arguments: dict[str, Any] = dict(out=out, settings=everything, **(asked | kept | facts))
    if dry_run:
        plan(images, as_json=as_json, **arguments)
        return
    outcome = run(images, **arguments)
    show(outcome, as_json=as_json, engine_was_chosen=facts["engine"] == "auto")
    tell_end(outcome, writing)


def in_new_words(facts: dict[str, Any], runtime: str | None) -> dict[str, Any]:  # Any: values of fields
    """Translate the old options --engine local|ray and --runtime NAME to --cluster and --engine."""
    engine = facts["engine"]
    if engine in get_args(Machines):
        warn(
            f"--engine {engine} is now --cluster {engine}; --engine now selects what runs the network, as in `samara "
            "segment`"
        )
        facts |= {"cluster": engine, "engine": Choice.engine}
    if runtime is not None:
        warn(f"--runtime {runtime} is now --engine {runtime}")
        facts |= {"engine": runtime}
    return facts


def plan(images: list[str], *, as_json: bool, **asked: Any) -> None:  # Any: arguments of `samara.annotate`
    """Say what would be done."""
    from samara.annotation import annotate as room
    from samara.cli.dry_run import show_forecast

    show_forecast(room.plan_annotation(images, notice=warn, **asked), as_json=as_json)


def run(images: list[str], *, out: Path, **asked: Any) -> AnnotationOutcome:  # Any: arguments of `samara.annotate`
    """Annotate with a progress bar."""
    from samara.annotation import annotate as room

    try:
        with terminated_as_interrupted(), annotation_bar() as tell:
            return room.annotate(images, out=out, progress=tell, notice=warn, **asked)
    except KeyboardInterrupt:
        sys.stderr.write(f"samara: stopped; finished images are saved in {out}, continue with --resume\n")
        raise typer.Exit(INTERRUPTED) from None


def tell_end(outcome: AnnotationOutcome, writing: Writing) -> None:
    """Report on stderr what the exports do not show; exit with status 1 if anything is missing."""
    tell_quarantined(outcome.total.quarantined if outcome.losses else 0, outcome.store.folder)
    tell_unsaid(outcome.losses, writing.options, writing.categories)
    if outcome.refused is not None:
        warn(outcome.refused)
    if outcome.total.quarantined or outcome.refused is not None:
        raise typer.Exit(1)


def show(outcome: AnnotationOutcome, *, as_json: bool, engine_was_chosen: bool = False) -> None:
    """Print the result on stdout, and skipped or quarantined images on stderr.

    Args:
        outcome: the result.
        as_json: print JSON.
        engine_was_chosen: say which engine ran, since nobody named one.
    """
    total, store = outcome.total, outcome.store
    for row in outcome.quarantined:
        warn(f"{row.path} is quarantined: {row.reason or ''}")
    if total.quarantined > len(outcome.quarantined):
        sys.stderr.write(f"samara: and {total.quarantined - len(outcome.quarantined)} more\n")
    for sentence in outcome.left_out:
        warn(sentence)
    if as_json:
        typer.echo(json.dumps(facts(outcome)))
        return
    done = total.images - total.quarantined
    rate = outcome.done_by_this_run.images / outcome.seconds if outcome.seconds else 0
    typer.echo(
        f"{store.folder}: {counted(done, 'image')} annotated, {counted(total.masks, 'mask')} by {outcome.checkpoint}, "
        f"{counted(total.quarantined, 'image')} quarantined; "
        f"{counted(outcome.done_by_this_run.images, 'image')} in this run, {rate:.2f} per second"
    )
    if engine_was_chosen:
        ran = store.manifest.job["checkpoint"]
        typer.echo(f"engine {ran['engine']}, {ran['precision']}")
    if outcome.missing:
        warn(f"{outcome.missing:,} of {store.manifest.plan.images:,} images are left; continue with `resume=True`")
    if outcome.spent is not None:
        typer.echo(spent_shown(outcome.spent, outcome.seconds))
    tell_losses(outcome.losses, store.folder / "exports")
    if outcome.report is not None:
        typer.echo(f"report in {outcome.report}")


def spent_shown(spent: Spent, seconds: float) -> str:
    """Describe in one line where the time went."""
    return (
        f"of {seconds:.1f} s: {spent.waiting:.1f} s waiting for images, {spent.encoding:.1f} s in the image encoder, "
        f"{spent.masks:.1f} s making masks; beside these, {spent.writing:.1f} s writing"
    )


def facts(outcome: AnnotationOutcome) -> dict[str, Any]:
    """Return the result as plain values for JSON."""
    total = outcome.total
    return {
        "store": str(outcome.store.folder),
        "checkpoint": outcome.checkpoint,
        "engine": outcome.store.manifest.job["checkpoint"]["engine"],
        "images": total.images,
        "masks": total.masks,
        "quarantined": total.quarantined,
        "ignored": outcome.ignored,
        "missing": outcome.missing,
        "images_in_this_run": outcome.done_by_this_run.images,
        "seconds": outcome.seconds,
        "spent": None if outcome.spent is None else asdict(outcome.spent),
        "failed": [{"file": row.path, "reason": as_options(row.reason or "")} for row in outcome.quarantined],
        "losses": losses_shown(outcome.losses),
        "refused": None if outcome.refused is None else as_options(outcome.refused),
        "report": None if outcome.report is None else str(outcome.report),
    }
