"""`samara finetune`: a mask decoder of one's own."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from samara.cli.options import (
    DataReading,
    base_option,
    device_option,
    lora_option,
    reads_data,
    warn,
)
from samara.cli.progress import work_bar
from samara.errors import OutputError, SettingsError
from samara.finetuning.settings import Augmentation, FineTuneSettings, Precision, Trained
from samara.system.extras import is_installed

if TYPE_CHECKING:
    from samara.finetuning.finetune import Views
    from samara.finetuning.loop import FineTuned

DATA, TRAINING, LOSSES, COST, RUNNING, RESULT = (
    "Images",
    "Training",
    "Losses and prompts",
    "Memory and time",
    "Checkpoint and machine",
    "Result",
)
# Every default below is the setting's own, so that the command and `fine_tune` cannot drift apart.
DEFAULT = FineTuneSettings


@reads_data(DATA)
def finetune(
    train: Annotated[
        Path,
        typer.Option(
            metavar="PATH", help="COCO file; folder or data.yaml of a YOLO-seg data set.", rich_help_panel=DATA
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="The new checkpoint: .safetensors or .pth.", rich_help_panel=RESULT),
    ],
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Its images. Default: those of the data set, or beside the COCO file.",
            rich_help_panel=DATA,
        ),
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Likewise. Default: a part of --train, by its own folders or by --validation-fraction.",
            rich_help_panel=DATA,
        ),
    ] = None,
    validation_images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Default: as --images.", rich_help_panel=DATA)
    ] = None,
    validation_fraction: Annotated[
        float, typer.Option(metavar="X", help="Of the images, where nothing says which.", rich_help_panel=DATA)
    ] = DEFAULT.validation_fraction,
    *,
    reading: DataReading,
    trained: Annotated[
        Trained,
        typer.Option(metavar="decoder|lora|everything", help="What learns.", rich_help_panel=TRAINING),
    ] = DEFAULT.trained,
    epochs: Annotated[
        int, typer.Option(min=1, metavar="N", help="Passes over the training set.", rich_help_panel=TRAINING)
    ] = DEFAULT.epochs,
    learning_rate: Annotated[
        float, typer.Option(metavar="X", help="Of AdamW, after warm-up.", rich_help_panel=TRAINING)
    ] = DEFAULT.learning_rate,
    weight_decay: Annotated[
        float, typer.Option(metavar="X", help="Of AdamW.", rich_help_panel=TRAINING)
    ] = DEFAULT.weight_decay,
    warmup_steps: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Steps of rising learning rate.", rich_help_panel=TRAINING),
    ] = DEFAULT.warmup_steps,
    ema_decay: Annotated[
        float,
        typer.Option(
            min=0.0,
            metavar="X",
            help="Weight of the past in the moving average of the weights, which is kept; 0: no average.",
            rich_help_panel=TRAINING,
        ),
    ] = DEFAULT.ema_decay or 0.0,
    lora_rank: Annotated[
        int, typer.Option(min=1, metavar="N", help="With --trained lora.", rich_help_panel=TRAINING)
    ] = DEFAULT.lora_rank,
    lora_apart: Annotated[
        bool,
        typer.Option(
            "--lora-apart",
            help="Write the low-rank updates and the decoder alone, which --lora then takes.",
            rich_help_panel=TRAINING,
        ),
    ] = DEFAULT.lora_apart,
    augment: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help=f"{', '.join(get_args(Augmentation))}, none. Repeatable. Default: {', '.join(DEFAULT.augmentations)}.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    focal: Annotated[
        float | None, typer.Option(metavar="X", help="Weight of the focal loss; else 5.", rich_help_panel=LOSSES)
    ] = None,
    dice: Annotated[
        float | None, typer.Option(metavar="X", help="Weight of the dice loss; else 1.", rich_help_panel=LOSSES)
    ] = None,
    cross_entropy: Annotated[
        float | None,
        typer.Option(metavar="X", help="Weight of the balanced cross-entropy; else 0.2.", rich_help_panel=LOSSES),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(metavar="N", help="Corrective clicks after the first prompt; else 3.", rich_help_panel=LOSSES),
    ] = None,
    patience: Annotated[
        int, typer.Option(min=0, metavar="N", help="Epochs without gain; 0: never stop.", rich_help_panel=TRAINING)
    ] = DEFAULT.patience or 0,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Of everything random.", rich_help_panel=TRAINING)
    ] = DEFAULT.seed,
    images_per_step: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="Images whose gradients make a step; more cost no memory.",
            rich_help_panel=COST,
        ),
    ] = DEFAULT.images_per_step,
    objects_per_image: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Most objects of an image in a step.", rich_help_panel=COST),
    ] = DEFAULT.objects_per_image,
    precision: Annotated[
        Precision,
        typer.Option(metavar="float32|bfloat16", help="What training computes in.", rich_help_panel=COST),
    ] = DEFAULT.precision,
    checkpoint_blocks: Annotated[
        bool,
        typer.Option(
            "--checkpoint-blocks",
            help="Compute the encoder's blocks twice and keep less of them; not for --trained decoder.",
            rich_help_panel=COST,
        ),
    ] = DEFAULT.checkpoint_blocks,
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="What to start from.", rich_help_panel=RUNNING)
    ] = "samara_mini",
    base: Annotated[str | None, base_option(RUNNING)] = None,
    lora: Annotated[Path | None, lora_option(RUNNING)] = None,
    device: Annotated[str, device_option(RUNNING)] = "auto",
    curve: Annotated[
        bool | None,
        typer.Option(
            "--curve/--no-curve",
            help="Draw the learning curve as FILE.curve.png. Default: if matplotlib is installed.",
            rich_help_panel=RESULT,
        ),
    ] = None,
    tensorboard: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Log every epoch for TensorBoard, in a folder named as --out.", rich_help_panel=RESULT
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="HTML page: validation images before and after, largest gains and losses.",
            rich_help_panel=RESULT,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace --out and --report.", rich_help_panel=RESULT)
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the learning curve as JSON.", rich_help_panel=RESULT)
    ] = False,
) -> None:
    """Fine-tune a checkpoint on ground truth of your own; started again, it goes on where it was cut off.

    Example: samara finetune --train cells.json --images cells --checkpoint vit_b --out cells.safetensors

    On several GPUs of one machine: torchrun --nproc-per-node 4 -m samara finetune ...
    """
    from samara.checkpoints.load import load
    from samara.finetuning.data_sets import read_sets
    from samara.finetuning.finetune import fine_tune_with_views
    from samara.finetuning.place import require_place
    from samara.finetuning.processes import joined_processes, local_device

    if os.path.lexists(out) and not out.is_dir() and not overwrite:
        raise OutputError(f"{out} exists; choose another name, or pass --overwrite")
    require_place(out)
    losses = {"focal": focal, "dice": dice, "cross_entropy": cross_entropy}
    settings = FineTuneSettings(
        trained=trained,
        epochs=epochs,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        objects_per_image=objects_per_image,
        images_per_step=images_per_step,
        warmup_steps=warmup_steps,
        ema_decay=ema_decay or None,
        augmentations=read_augmentations(augment),
        lora_rank=lora_rank,
        lora_apart=lora_apart,
        losses=replace(DEFAULT().losses, **given(losses)),
        simulation=replace(DEFAULT().simulation, **given({"rounds": rounds})),
        validation_fraction=validation_fraction,
        patience=patience or None,
        precision=precision,
        checkpoint_blocks=checkpoint_blocks,
        seed=seed,
    )
    data = (train, images, validation, validation_images)
    views = choose_views(out, tensorboard, report, curve=curve)
    with views.prepared(overwrite=overwrite):
        training, held_out = read_sets(
            *data, validation_fraction, seed, rules=reading.rules, reading=reading.images, notice=warn
        )
        own_device = local_device(device)
        loaded = load(checkpoint, base=base, lora=lora, device=own_device, precision="float32")
        with joined_processes(own_device) as processes, work_bar() as tell:
            result = fine_tune_with_views(
                loaded, training, held_out, out, settings, views, progress=tell, notice=warn, processes=processes
            )
    if processes.is_first:
        show(result, views, as_json=as_json)


def given(options: dict[str, Any]) -> dict[str, Any]:  # Any: values of settings
    """Those that were given on the command line; of the others the setting has its own."""
    return {name: value for name, value in options.items() if value is not None}


def choose_views(out: Path, tensorboard: Path | None, report: Path | None, *, curve: bool | None) -> Views:
    """What the run shows; the learning curve as well unless it is not wanted, or not asked for and cannot be drawn."""
    from samara.finetuning.finetune import Views

    if curve is None:
        curve = is_installed("matplotlib")
        if not curve:
            warn("the learning curve is not drawn, for want of matplotlib; pip install 'samara[report]'")
    return Views(
        curve=out.with_name(f"{out.name}.curve.png") if curve else None,
        # A folder for each run, so that several can be looked at together.
        tensorboard=None if tensorboard is None else tensorboard / out.name,
        report=report,
    )


def read_augmentations(names: list[str] | None) -> tuple[Augmentation, ...]:
    """Turn the texts of --augment into settings.

    Raises:
        SettingsError: an unknown name.
    """
    if names is None:
        return DEFAULT.augmentations
    known = {name: name for name in get_args(Augmentation)}
    unknown = [name for name in names if name not in (*known, "none")]
    if unknown:
        raise SettingsError(f"--augment {unknown[0]!r} is not known; use {', '.join(known)} or none")
    return tuple(known[name] for name in names if name != "none")


def show(result: FineTuned, views: Views, *, as_json: bool) -> None:
    """Print the learning curve, and where everything lies."""
    shown = {name: str(path) for name, path in asdict(views).items() if path is not None}
    if as_json:
        curve = [asdict(record) for record in result.history]
        facts = {"checkpoint": str(result.path), "best_epoch": result.best.epoch, "history": curve, "views": shown}
        typer.echo(json.dumps(facts))
        return
    typer.echo("epoch    loss  click IoU  box IoU  seconds")
    for record in result.history:
        loss = "      -" if record.loss is None else f"{record.loss:7.3f}"
        kept = "  kept" if record is result.best else ""
        numbers = f"{record.epoch:5d} {loss} {record.click_iou:10.3f} {record.box_iou:8.3f} {record.duration_s:8.1f}"
        typer.echo(f"{numbers}{kept}")
    if result.best.epoch == 0:
        warn("nothing became better on the validation set; the weights kept are unchanged")
    typer.echo(f"{result.path}, validated on the low-res grid; embeddings and state in {result.path.name}.work")
    for name, path in shown.items():
        typer.echo(f"{name}: {path}")
