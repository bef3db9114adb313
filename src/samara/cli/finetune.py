"""`samara finetune`: fine-tune a checkpoint on your own ground truth."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from samara.checkpoints.choice import Choice
from samara.cli.options import DataReading, loading, reads_data, warn
from samara.cli.progress import work_bar
from samara.cli.settings_options import Setting, in_panel, takes, takes_arguments
from samara.cli.tables import Column, filled, terminal_width, text_table
from samara.errors import SettingsError
from samara.finetuning.settings import Augmentation, FineTuneSettings, LossWeights, PromptSimulation

if TYPE_CHECKING:
    from samara.finetuning.before_after import ClickOrBox, Score
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
SCORE_COLUMNS = (
    Column("set"),
    Column("prompt"),
    Column("before", right=True),
    Column("after", right=True),
    Column("change", right=True),
    Column("95 % interval", right=True),
    Column("objects", right=True, rank=1),
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


FRACTION = Setting(
    field="validation_fraction",
    metavar="X",
    help="Use this fraction of the images for validation, if the data set has no split.",
)
LEARNING = [
    Setting(field="trained", metavar="decoder|lora|everything", help="Train these weights."),
    Setting(field="epochs", metavar="N", least=1, help="Pass over the training set this many times."),
    Setting(field="learning_rate", metavar="X", help="Use this learning rate of AdamW, after warm-up."),
    Setting(field="weight_decay", metavar="X", help="Use this weight decay of AdamW."),
    Setting(
        field="warmup_steps",
        metavar="N",
        least=0,
        help="Let the learning rate rise for this many steps, at most a quarter of all.",
    ),
    Setting(
        field="ema_decay",
        metavar="X",
        least=0.0,
        help="Keep a moving average of the weights with this decay; 0: none.",
    ),
    Setting(field="lora_rank", metavar="N", least=1, help="Use this rank with --trained lora."),
    Setting(field="lora_apart", help="Write only the low-rank updates and the decoder, to be loaded with --lora."),
    Setting(
        field="augmentations",
        option="augment",
        metavar="NAME",
        help=f"Add a copy of every image: {', '.join(get_args(Augmentation))}, none. Repeatable. Default: "
        f"{', '.join(FineTuneSettings.augmentations)}.",
        kind=list[str] | None,
        default=None,
        read=read_augmentations,
    ),
    Setting(
        field="criterion",
        metavar="mean|click|box",
        help="Keep the epoch with the best validation IoU: of clicks, of boxes, or the mean of both.",
    ),
    Setting(
        field="patience",
        metavar="N",
        least=0,
        help="Stop after this many epochs without a better validation IoU, by the criterion; 0: never.",
    ),
    Setting(field="seed", metavar="N", help="Use this seed for everything random."),
]
SPENDING = [
    Setting(
        field="images_per_step", metavar="N", least=1, help="Add up the gradients of this many images in one step."
    ),
    Setting(
        field="objects_per_image",
        metavar="N",
        least=1,
        help="Use at most this many objects of an image in one step; others wait for the next epoch.",
    ),
    Setting(field="precision", metavar="float32|bfloat16"),
    Setting(
        field="checkpoint_blocks",
        help="Recompute the encoder's blocks in the backward pass to save memory; not for --trained decoder.",
    ),
]
WEIGHTS = [
    Setting(field=name, metavar="X", help=f"Use this weight of the {loss}.")
    for name, loss in (
        ("focal", "focal loss"),
        ("dice", "dice loss"),
        ("cross_entropy", "balanced cross-entropy"),
    )
]
ROUNDS = Setting(
    field="rounds",
    metavar="N",
    help="Add this many corrective clicks to the first prompt, with a prediction after each.",
)


@reads_data(DATA)
@takes(
    "settings",
    FineTuneSettings(),
    in_panel(DATA, FRACTION),
    in_panel(TRAINING, *LEARNING),
    in_panel(COST, *SPENDING),
)
@takes("losses", FineTuneSettings.losses, in_panel(LOSSES, *WEIGHTS))
@takes("simulation", FineTuneSettings.simulation, in_panel(LOSSES, ROUNDS))
@takes_arguments(
    "choice",
    Choice(),
    loading("checkpoint", panel=RUNNING, help="Start from this catalogue name or file."),
    loading("base", "preset", "lora", "device", "input_size", panel=RUNNING),
)
def finetune(
    train: Annotated[
        Path,
        typer.Option(
            metavar="PATH",
            help="Train on this COCO file, or on the folder or data.yaml of a YOLO-seg data set.",
            rich_help_panel=DATA,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="Write the new checkpoint: .safetensors, .pth or .pt.", rich_help_panel=RESULT
        ),
    ],
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Read images from this folder. Default: that of the data set, or of the COCO file.",
            rich_help_panel=DATA,
        ),
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Validate on this, in the forms of --train. Default: a part of --train, by its own folders or by "
            "--validation-fraction.",
            rich_help_panel=DATA,
        ),
    ] = None,
    validation_images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Read validation images from this folder. Default: as --images.", rich_help_panel=DATA
        ),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Measure the result on this, before and after, in the forms of --train; nothing else sees it.",
            rich_help_panel=DATA,
        ),
    ] = None,
    test_images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Read test images from this folder. Default: as --images.", rich_help_panel=DATA
        ),
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
            help="Write a log of every epoch for TensorBoard, in a subfolder named after --out.",
            rich_help_panel=RESULT,
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write an HTML page: images before and after, largest gains and losses; its figures (SVG, PDF) and "
            "tables (CSV) beside it.",
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

    data: dict[str, Any] = dict(images=images, validation_images=validation_images, test=test, test_images=test_images)
    data |= dict(rules=reading.rules, reading=reading.images)
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
    """Print the learning curve, what it says, the scores and the paths of the results."""
    if as_json:
        typer.echo(json.dumps(facts(result)))
        return
    width = terminal_width()
    typer.echo(curve_of(result.history, result.best, width))
    for sentence in sentences_of(result):
        typer.echo(filled(sentence, width))
    if result.scores:
        typer.echo(f"\n{scores_of(result.scores, width)}\n")
    typer.echo(f"{result.path}, validated on the low-res grid; embeddings and state in {result.path.name}.work")
    for name, path in paths_of(result).items():
        typer.echo(f"{name}: {path}")


def curve_of(history: Sequence[EpochRecord], best: EpochRecord, width: int) -> str:
    """One line for each epoch, with a mark on the one that was kept and on the best of each kind of prompt."""
    from samara.finetuning.advice import best_epochs

    marks = {"kept": best} | {f"best {kind}": record for kind, record in best_epochs(history).items()}
    rows = [
        [
            str(one.epoch),
            "-" if one.loss is None else f"{one.loss:.3f}",
            "-" if one.click_iou is None else f"{one.click_iou:.3f}",
            f"{one.box_iou:.3f}",
            f"{one.duration_s:.1f}",
            ", ".join(mark for mark, record in marks.items() if record is one),
        ]
        for one in history
    ]
    return text_table(CURVE_COLUMNS, rows, width=width, rest="--json")


def sentences_of(result: NewCheckpoint) -> list[str]:
    """Say which epoch was kept and why, which was best for each kind of prompt, and what to try."""
    from samara.finetuning.advice import best_of_each, choice

    return [choice(result.history, result.settings), best_of_each(result.history), *result.advice]


def scores_of(scores: Mapping[str, Mapping[ClickOrBox, Score]], width: int) -> str:
    """One line for each set and kind of prompt: IoU before and after at full resolution, and the paired change."""
    rows = [
        [
            name,
            kind,
            f"{one.before:.3f}",
            f"{one.after:.3f}",
            f"{one.change:+.3f}",
            "-" if one.change_interval is None else "{:+.3f} to {:+.3f}".format(*one.change_interval),
            f"{one.objects:,}",
            one.verdict,
        ]
        for name, kinds in scores.items()
        for kind, one in kinds.items()
    ]
    return text_table(SCORE_COLUMNS, rows, width=width, rest="--json")


def paths_of(result: NewCheckpoint) -> dict[str, str]:
    """Return the paths of the views by name."""
    return {name: str(path) for name, path in asdict(result.views).items() if path is not None}


def facts(result: NewCheckpoint) -> dict[str, Any]:  # Any: JSON
    """Return the result as plain values for JSON."""
    from samara.finetuning.advice import best_epochs

    return {
        "checkpoint": str(result.path),
        "sets": {name: asdict(size) for name, size in result.sets.sizes.items()},
        "criterion": result.settings.criterion,
        "best_epoch": result.best.epoch,
        "best_epoch_by": {kind: one.epoch for kind, one in best_epochs(result.history).items()},
        "history": [asdict(record) for record in result.history],
        "scores": {name: {kind: asdict(one) for kind, one in kinds.items()} for name, kinds in result.scores.items()},
        "advice": list(result.advice),
        "views": paths_of(result),
    }
