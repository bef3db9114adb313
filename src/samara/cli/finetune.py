"""`samara finetune`: a mask decoder of one's own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from samara.cli.progress import work_bar
from samara.errors import OutputError, SettingsError

if TYPE_CHECKING:
    from samara.datasets.ground_truth import LabelledImage
    from samara.finetuning.loop import FineTuned

DATA, TRAINING, RUNNING = "Pictures", "Training", "Checkpoint and machine"


def finetune(
    train: Annotated[
        Path,
        typer.Option(metavar="PATH", help="COCO file, or folder of a YOLO-seg data set.", rich_help_panel=DATA),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The new checkpoint: .safetensors or .pth.")],
    images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Pictures of the COCO file.", rich_help_panel=DATA)
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Likewise. Default: a fifth of --train.", rich_help_panel=DATA),
    ] = None,
    validation_images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Default: as --images.", rich_help_panel=DATA)
    ] = None,
    trained: Annotated[
        Literal["decoder", "lora", "everything"],
        typer.Option(metavar="decoder|lora|everything", help="What learns.", rich_help_panel=TRAINING),
    ] = "decoder",
    epochs: Annotated[int, typer.Option(min=1, metavar="N", rich_help_panel=TRAINING)] = 20,
    learning_rate: Annotated[float, typer.Option(metavar="X", rich_help_panel=TRAINING)] = 1e-4,
    weight_decay: Annotated[float, typer.Option(metavar="X", rich_help_panel=TRAINING)] = 0.01,
    augment: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="flip, rotate90, rotate180, rotate270, half, double, none. Repeatable. Default: flip.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    patience: Annotated[
        int, typer.Option(min=0, metavar="N", help="Epochs without gain; 0: never stop.", rich_help_panel=TRAINING)
    ] = 5,
    seed: Annotated[int, typer.Option(metavar="N", rich_help_panel=TRAINING)] = 0,
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="What to start from.", rich_help_panel=RUNNING)
    ] = "samara_mini",
    device: Annotated[str, typer.Option(metavar="NAME", rich_help_panel=RUNNING)] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace --out.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the learning curve as JSON.")] = False,
) -> None:
    """Fine-tune a checkpoint on ground truth of your own; started again, it goes on where it was cut off.

    Example: samara finetune --train cells.json --images cells --checkpoint vit_b --out cells.safetensors
    """
    from samara.checkpoints.load import load
    from samara.finetuning.loop import fine_tune
    from samara.finetuning.settings import FineTuneSettings

    if out.exists() and not overwrite:
        raise OutputError(f"{out} exists; choose another name, or pass --overwrite")
    settings = FineTuneSettings(
        trained=trained,
        epochs=epochs,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        augmentations=read_augmentations(augment),
        patience=patience or None,
        seed=seed,
    )
    training, held_out = read_sets(train, images, validation, validation_images, settings.validation_fraction, seed)
    loaded = load(checkpoint, device=device, precision="float32")
    with work_bar() as tell:
        result = fine_tune(loaded, training, held_out, out, settings, progress=tell)
    show(result, as_json=as_json)


def read_augmentations(names: list[str] | None) -> tuple:  # type: ignore[type-arg]  # of the Literal below
    """Turn the texts of --augment into settings.

    Raises:
        SettingsError: an unknown name.
    """
    from typing import get_args

    from samara.finetuning.settings import Augmentation

    known = get_args(Augmentation)
    chosen = [name for name in names or ["flip"] if name != "none"]
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise SettingsError(f"--augment {unknown[0]!r} is not known; use {', '.join(known)} or none")
    return tuple(chosen)


def read_sets(
    train: Path,
    images: Path | None,
    validation: Path | None,
    validation_images: Path | None,
    fraction: float,
    seed: int,
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Training and validation pictures: two data sets, or one that is split by picture."""
    from samara.datasets.ground_truth import split_by_image

    training = read_set(train, images)
    if validation is None:
        return split_by_image(training, fraction, seed)
    return training, read_set(validation, validation_images or images)


def read_set(path: Path, images: Path | None) -> list[LabelledImage]:
    """A COCO file with its pictures' folder, or the folder of a YOLO-seg data set."""
    from samara.datasets.coco_reading import read_coco
    from samara.datasets.yolo import read_yolo

    if path.is_dir():
        return read_yolo(path)
    if images is None:
        raise SettingsError(f"{path} is a COCO file; say with --images where its pictures are")
    return read_coco(path, images)


def show(result: FineTuned, *, as_json: bool) -> None:
    """Print the learning curve."""
    from dataclasses import asdict

    if as_json:
        curve = [asdict(record) for record in result.history]
        typer.echo(json.dumps({"checkpoint": str(result.path), "best_epoch": result.best.epoch, "history": curve}))
        return
    typer.echo("epoch    loss  click IoU  box IoU  seconds")
    for record in result.history:
        loss = "      -" if record.loss is None else f"{record.loss:7.3f}"
        kept = "  kept" if record is result.best else ""
        numbers = f"{record.epoch:5d} {loss} {record.click_iou:10.3f} {record.box_iou:8.3f} {record.duration_s:8.1f}"
        typer.echo(f"{numbers}{kept}")
    if result.best.epoch == 0:
        sys.stderr.write("samara: nothing became better on the validation set; the weights kept are unchanged\n")
    typer.echo(f"{result.path}, validated on the low-res grid; embeddings and state in {result.path.name}.work")
