"""`samara finetune`: fine-tune a checkpoint on your own ground truth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from samara.checkpoints.choice import Choice
from samara.cli.options import DataReading, loading, reads_data, warn
from samara.cli.progress import work_bar
from samara.cli.settings_options import Setting, in_panel, takes, takes_arguments
from samara.cli.tables import Column, terminal_width, text_table
from samara.errors import SettingsError
from samara.finetuning.settings import Augmentation, FineTuneSettings, LossWeights, PromptSimulation

if TYPE_CHECKING:
    from samara.finetuning.finetune import NewCheckpoint
    from samara.finetuning.training_state import EpochRecord

CURVE_COLUMNS = (
    Column("epoch", right=True),
    Column("loss", right=True),
    Column("click IoU", right=True),
    Column("box IoU", right=True),
    Column("seconds", right=True),
    Column(""),
)
DATA, TRAINING, LOSSES, COST, RUNNING, RESULT = (
    "Images",
    "Training",
    "Losses and prompts",
    "Memory and time",
    "Checkpoint and machine",
    "Result",
)


def read_augmentations(names: list[str] | None) -> tuple[Augmentation, ...]:
    """Parse the texts of --augment.

    Raises:
        SettingsError: a name is unknown.
    """
    if names is None:
        return FineTuneSettings.augmentations
    known = {name: name for name in get_args(Augmentation)}
    unknown = [name for name in names if name not in (*known, "none")]
    if unknown:
        raise SettingsError(f"--augment {unknown[0]!r} is not known; use {', '.join(known)} or none")
    return tuple(known[name] for name in names if name != "none")


LEARNING = [
    Setting(field="trained", metavar="decoder|lora|everything"),
    Setting(field="epochs", metavar="N", least=1),
    Setting(field="learning_rate", metavar="X"),
    Setting(field="weight_decay", metavar="X"),
    Setting(field="warmup_steps", metavar="N", least=0),
    Setting(field="ema_decay", metavar="X", least=0.0),
    Setting(field="lora_rank", metavar="N", least=1, help="With --trained lora."),
    Setting(field="lora_apart", help="Write only the low-rank updates and the decoder, to be loaded with --lora."),
    Setting(
        field="augmentations",
        option="augment",
        metavar="NAME",
        help=f"{', '.join(get_args(Augmentation))}, none. Repeatable. Default: "
        f"{', '.join(FineTuneSettings.augmentations)}.",
        kind=list[str] | None,
        default=None,
        read=read_augmentations,
    ),
    Setting(field="patience", metavar="N", least=0),
    Setting(field="seed", metavar="N"),
]
SPENDING = [
    Setting(field="images_per_step", metavar="N", least=1),
    Setting(field="objects_per_image", metavar="N", least=1),
    Setting(field="precision", metavar="float32|bfloat16"),
    Setting(
        field="checkpoint_blocks",
        help="Recompute the encoder's blocks in the backward pass to save memory; not for --trained decoder.",
    ),
]
WEIGHTS = [Setting(field=name, metavar="X") for name in ("focal", "dice", "cross_entropy")]


@reads_data(DATA)
@takes(
    "settings",
    FineTuneSettings(),
    in_panel(DATA, Setting(field="validation_fraction", metavar="X")),
    in_panel(TRAINING, *LEARNING),
    in_panel(COST, *SPENDING),
)
@takes("losses", FineTuneSettings.losses, in_panel(LOSSES, *WEIGHTS))
@takes("simulation", FineTuneSettings.simulation, in_panel(LOSSES, Setting(field="rounds", metavar="N")))
@takes_arguments(
    "choice",
    Choice(),
    loading("checkpoint", panel=RUNNING, help="What to start from."),
    loading("base", "preset", "lora", "device", panel=RUNNING),
)
def finetune(
    train: Annotated[
        Path,
        typer.Option(
            metavar="PATH", help="COCO file, or folder or data.yaml of a YOLO-seg data set.", rich_help_panel=DATA
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="The new checkpoint: .safetensors, .pth or .pt.", rich_help_panel=RESULT),
    ],
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the images. Default: that of the data set, or of the COCO file.",
            rich_help_panel=DATA,
        ),
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="As --train. Default: a part of --train, by its own folders or by --validation-fraction.",
            rich_help_panel=DATA,
        ),
    ] = None,
    validation_images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Default: as --images.", rich_help_panel=DATA)
    ] = None,
    *,
    reading: DataReading,
    settings: FineTuneSettings,
    losses: LossWeights,
    simulation: PromptSimulation,
    choice: dict[str, Any],  # Any: values of fields
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
            metavar="DIR",
            help="Log every epoch for TensorBoard, in a subfolder named after --out.",
            rich_help_panel=RESULT,
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
    """Fine-tune a checkpoint on your own ground truth; rerun the command to resume after an interruption.

    Example: samara finetune --train cells.json --images cells --checkpoint vit_b --out cells.safetensors

    On several GPUs of one machine: torchrun --nproc-per-node 4 -m samara finetune ...
    """
    from samara.finetuning import finetune as room

    data: dict[str, Any] = dict(
        images=images, validation_images=validation_images, rules=reading.rules, reading=reading.images
    )
    shown: dict[str, Any] = dict(curve=curve, tensorboard=tensorboard, report=report, overwrite=overwrite)
    with work_bar() as tell:
        result = room.finetune(
            train,
            validation,
            out=out,
            settings=replace(settings, losses=losses, simulation=simulation),
            progress=tell,
            notice=warn,
            **data,
            **shown,
            **choice,
        )
    if result.is_first:
        show(result, as_json=as_json)


def show(result: NewCheckpoint, *, as_json: bool) -> None:
    """Print the learning curve and the paths of the results."""
    shown = {name: str(path) for name, path in asdict(result.views).items() if path is not None}
    if as_json:
        curve = [asdict(record) for record in result.history]
        facts = {"checkpoint": str(result.path), "best_epoch": result.best.epoch, "history": curve, "views": shown}
        facts["sets"] = asdict(result.sizes)
        typer.echo(json.dumps(facts))
        return
    typer.echo(result.sizes.title)
    typer.echo(curve_of(result.history, result.best, terminal_width()))
    if result.best.epoch == 0:
        warn("no epoch improved on the validation set; the written weights are unchanged")
    typer.echo(f"{result.path}, validated on the low-res grid; embeddings and state in {result.path.name}.work")
    for name, path in shown.items():
        typer.echo(f"{name}: {path}")


def curve_of(history: Sequence[EpochRecord], best: EpochRecord, width: int) -> str:
    """One line for each epoch."""
    rows = [
        [
            str(one.epoch),
            "-" if one.loss is None else f"{one.loss:.3f}",
            "-" if one.click_iou is None else f"{one.click_iou:.3f}",
            f"{one.box_iou:.3f}",
            f"{one.duration_s:.1f}",
            "kept" if one is best else "",
        ]
        for one in history
    ]
    return text_table(CURVE_COLUMNS, rows, width=width, rest="--json")
