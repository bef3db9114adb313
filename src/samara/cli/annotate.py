"""`samara annotate`: a data set from images."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from samara.cli.annotation_inputs import (
    DEFAULT_CHECKPOINT,
    choose_if_there,
    is_coco,
    read_images,
    read_settings,
)
from samara.cli.export_annotations import (
    losses_shown,
    names_in,
    read_categories_chosen,
    read_writing,
    tell_losses,
    tell_quarantined,
    tell_unsaid,
)
from samara.cli.interrupts import INTERRUPTED, terminated_as_interrupted
from samara.cli.options import (
    DataReading,
    as_options,
    base_option,
    categories_option,
    device_option,
    export_images_option,
    label_studio_prefix_option,
    lora_option,
    only_categories_option,
    points_per_side_option,
    precision_option,
    reads_data,
    split_option,
    warn,
)
from samara.cli.progress import annotation_bar
from samara.errors import SettingsError

if TYPE_CHECKING:
    from samara.annotation.annotate import Outcome, Running
    from samara.annotation.inputs.prompt_entries import Prompts
    from samara.annotation.run.job import Job
    from samara.annotation.store.plan import Entry

ASKED, MASKS, HUGE, RUNNING, RESULT = (
    "What is asked",
    "Which masks are kept",
    "Huge images, and deep ones",
    "Checkpoint and machine",
    "Result",
)


@reads_data(ASKED, HUGE)
def annotate(
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGES...",
            help="A folder (with all below it), files, a pattern in quotes, a list (.txt), a .tar, or a COCO file "
            "(.json) or YOLO data set (.yaml), whose boxes are then the prompts.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the store.", rich_help_panel=RESULT)],
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="development (ViT-B), production (ViT-L) or high-quality (ViT-H), with their settings; options "
            "that are given as well win.",
            rich_help_panel=ASKED,
        ),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Boxes from a COCO file (.json) or YOLO labels (folder, data.yaml), or points from a table (.csv: "
            "file, x, y, label, class, object). Without it: everything.",
            rich_help_panel=ASKED,
        ),
    ] = None,
    image_folder: Annotated[
        Path | None,
        typer.Option(
            "--images",
            "--pictures",
            metavar="DIR",
            help="Folder of the images that a COCO file lists.",
            rich_help_panel=ASKED,
        ),
    ] = None,
    points_per_side: Annotated[int | None, points_per_side_option(ASKED)] = None,
    crop_layers: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Also search crops.  [0]", rich_help_panel=ASKED)
    ] = None,
    pred_iou_thresh: Annotated[
        float | None,
        typer.Option(metavar="X", help="Least predicted IoU. Default: the checkpoint's own.", rich_help_panel=MASKS),
    ] = None,
    stability_score_thresh: Annotated[
        float | None, typer.Option(metavar="X", help="Least stability. Default: likewise.", rich_help_panel=MASKS)
    ] = None,
    min_region_area: Annotated[
        int | None,
        typer.Option(min=0, metavar="PX", help="Remove smaller holes and specks.  [0]", rich_help_panel=MASKS),
    ] = None,
    min_area: Annotated[int, typer.Option(min=0, metavar="PX", help="Drop smaller masks.", rich_help_panel=MASKS)] = 0,
    unique: Annotated[
        bool, typer.Option("--unique", help="Drop masks that repeat a better one.", rich_help_panel=MASKS)
    ] = False,
    top: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Keep the N masks of highest predicted IoU.", rich_help_panel=MASKS),
    ] = None,
    exclusive: Annotated[
        bool, typer.Option("--exclusive", help="Give each pixel to one mask at most.", rich_help_panel=MASKS)
    ] = False,
    hierarchy: Annotated[
        bool, typer.Option("--hierarchy", help="Note which mask is part of which.", rich_help_panel=MASKS)
    ] = False,
    tile: Annotated[
        int | None,
        typer.Option(min=64, metavar="PX", help="Cut larger images into tiles of this side.", rich_help_panel=HUGE),
    ] = None,
    tile_overlap: Annotated[
        int,
        typer.Option(min=1, metavar="PX", help="That tiles share, to join their masks.", rich_help_panel=HUGE),
    ] = 128,
    max_pixels: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Refuse to decode larger images.  [400000000]", rich_help_panel=HUGE),
    ] = None,
    *,
    reading: DataReading,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Catalogue name or file; `samara recommend --task batch-annotation` says which suits this machine.  "
            f"[{DEFAULT_CHECKPOINT}]",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    base: Annotated[str | None, base_option(RUNNING)] = None,
    lora: Annotated[Path | None, lora_option(RUNNING)] = None,
    commercial: Annotated[
        bool,
        typer.Option("--commercial", help="Refuse weights whose licence binds the product.", rich_help_panel=RUNNING),
    ] = False,
    device: Annotated[str, device_option(RUNNING)] = "auto",
    precision: Annotated[str, precision_option(RUNNING)] = "auto",
    runtime: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="What runs the network, see `samara segment --help`.", rich_help_panel=RUNNING
        ),
    ] = "torch",
    workers: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Processes, each with a network of its own.", rich_help_panel=RUNNING),
    ] = 1,
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(metavar="local|ray", help="This machine, or a Ray cluster.", rich_help_panel=RUNNING),
    ] = "local",
    gpus_per_worker: Annotated[
        float,
        typer.Option(min=0, metavar="X", help="With ray: 0.25 lets four share a GPU.", rich_help_panel=RUNNING),
    ] = 0.0,
    threads: Annotated[
        int, typer.Option(min=0, metavar="N", help="That read and decode, per process.", rich_help_panel=RUNNING)
    ] = 2,
    embedding_cache: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Keep image embeddings here, for runs with other settings.", rich_help_panel=RUNNING
        ),
    ] = None,
    embedding_cache_gb: Annotated[
        float, typer.Option(min=0.01, metavar="GB", help="Its size; the least used go.", rich_help_panel=RUNNING)
    ] = 20.0,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the store, also beside a run that is at work; begin one if there is none.",
            rich_help_panel=RESULT,
        ),
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="With --resume: try quarantined images again.", rich_help_panel=RESULT)
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete the store that is there.", rich_help_panel=RESULT)
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
    export_images: Annotated[
        Literal["none", "link", "copy"], export_images_option(RESULT, "--export-pictures")
    ] = "none",
    split: Annotated[str | None, split_option(RESULT)] = None,
    categories: Annotated[str | None, categories_option(RESULT)] = None,
    only_categories: Annotated[bool, only_categories_option(RESULT)] = False,
    label_studio_prefix: Annotated[str | None, label_studio_prefix_option(RESULT)] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Also write DIR/report.html.", rich_help_panel=RESULT)
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel=RESULT)] = False,
) -> None:
    """Annotate images: everything in them, or what prompts name, into a store that survives interruptions.

    Started again with --resume it goes on where it stopped, whatever stopped it. Images that cannot be annotated are
    listed with their reasons, and the exit status is then 1.

    Example: samara annotate photos --out masks --format coco,yolo --report
    """
    from samara.annotation.annotate import Running
    from samara.annotation.run.job import Choice, Job
    from samara.annotation.run.ray_engine import Cluster
    from samara.images.read import DEFAULT_MAX_PIXELS

    if retry and not resume:
        raise SettingsError("--retry tries the quarantined images of a store again; give --resume with it")
    settings, default = read_settings(
        profile,
        {
            "points_per_side": points_per_side,
            "crop_n_layers": crop_layers,
            "pred_iou_thresh": pred_iou_thresh,
            "stability_score_thresh": stability_score_thresh,
            "min_mask_region_area": min_region_area,
        },
        cleaning=dict(min_area=min_area, unique=unique, top=top, exclusive=exclusive, hierarchy=hierarchy),
        reading={
            "tile": tile,
            "tile_overlap": tile_overlap,
            "max_pixels": max_pixels or DEFAULT_MAX_PIXELS,
            **asdict(reading.images),
        },
        asking="everything" if prompts is None and not is_coco(images) else "prompts",
    )
    source, asked = read_images(images, prompts, image_folder, reading, warn)
    job = Job(
        choice=Choice(
            checkpoint=checkpoint or default, base=base, lora=lora, device=device, precision=precision, engine=runtime
        ),
        settings=settings,
        source=source,
        prompts={} if asked is None else asked.facts(),
        threads=threads,
        embeddings=embedding_cache,
        max_embedding_bytes=int(embedding_cache_gb * 1e9),
    )
    running = Running(
        out=out,
        if_there=choose_if_there(resume=resume, overwrite=overwrite),
        workers=workers,
        cluster=Cluster(gpus=gpus_per_worker) if engine == "ray" else None,
        retry=retry,
        formats=names_in(formats),
        writing=read_writing(export_images, split, label_studio_prefix, overwrite=True),
        categories=read_categories_chosen(categories, only=only_categories),
        report=report,
        commercial=commercial,
    )
    run(job, running, asked, as_json=as_json)


def run(job: Job, running: Running, asked: Prompts | None, *, as_json: bool) -> None:
    """Run a job, show its progress and what came of it."""
    from samara.annotation.annotate import annotate as annotate_images

    entries: Iterable[Entry] | None = None if asked is None else asked.entries(job.source.entries(running.out))
    try:
        with terminated_as_interrupted(), annotation_bar() as tell:
            outcome = annotate_images(job, running, entries, progress=tell)
    except KeyboardInterrupt:
        sys.stderr.write(f"samara: stopped; what was annotated is safe in {running.out}, go on with --resume\n")
        raise typer.Exit(INTERRUPTED) from None
    show(outcome, asked, as_json=as_json)
    tell_quarantined(outcome.total.quarantined if outcome.losses else 0, outcome.store.folder)
    tell_unsaid(outcome.losses, running.writing, running.categories)
    if outcome.refused is not None:
        sys.stderr.write(f"samara: {outcome.refused}\n")
    if outcome.total.quarantined or outcome.refused is not None:
        raise typer.Exit(1)


def show(outcome: Outcome, asked: Prompts | None, *, as_json: bool) -> None:
    """Print the result on stdout, and what was left out or quarantined on stderr."""
    total, store = outcome.total, outcome.store
    for row in outcome.quarantined:
        sys.stderr.write(f"samara: {row.path} is quarantined: {as_options(row.reason or '')}\n")
    if total.quarantined > len(outcome.quarantined):
        sys.stderr.write(f"samara: and {total.quarantined - len(outcome.quarantined)} more\n")
    for sentence in outcome.left_out:
        sys.stderr.write(f"samara: {sentence}\n")
    if asked is not None and asked.left_out:
        sys.stderr.write(f"samara: {asked.left_out} images of which {asked.path} says nothing were left out\n")
    if as_json:
        typer.echo(json.dumps(facts(outcome)))
        return
    done = total.images - total.quarantined
    rate = outcome.done_by_this_run.images / outcome.seconds if outcome.seconds else 0
    typer.echo(
        f"{store.folder}: {done:,} images annotated, {total.masks:,} masks by {outcome.checkpoint}, "
        f"{total.quarantined:,} images quarantined; {outcome.done_by_this_run.images:,} images in this run, "
        f"{rate:.2f} per second"
    )
    tell_losses(outcome.losses, store.folder / "exports")
    if outcome.report is not None:
        typer.echo(f"report in {outcome.report}")


def facts(outcome: Outcome) -> dict[str, Any]:
    """The result for programs."""
    total = outcome.total
    return {
        "store": str(outcome.store.folder),
        "checkpoint": outcome.checkpoint,
        "images": total.images,
        "masks": total.masks,
        "quarantined": total.quarantined,
        "ignored": outcome.ignored,
        "images_in_this_run": outcome.done_by_this_run.images,
        "seconds": outcome.seconds,
        "failed": [{"file": row.path, "reason": as_options(row.reason or "")} for row in outcome.quarantined],
        "losses": losses_shown(outcome.losses),
        "refused": outcome.refused,
        "report": None if outcome.report is None else str(outcome.report),
    }
