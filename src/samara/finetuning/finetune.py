"""`samara.finetune`: from ground truth to a checkpoint."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from samara.checkpoints.choice import Choice
from samara.checkpoints.load_chosen import loaded_from
from samara.datasets.reading.findings import USUAL, Notice, ReadingRules
from samara.engines.loaded import Loaded
from samara.errors import OutputError
from samara.finetuning.data_sets import read_sets
from samara.finetuning.loop import FineTuned
from samara.finetuning.place import require_checkpoint_place
from samara.finetuning.processes import joined_processes, local_device
from samara.finetuning.settings import FineTuneSettings
from samara.finetuning.split import SetSizes, sizes_of
from samara.finetuning.views import Views, fine_tune_with_views
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.system.extras import is_installed
from samara.system.progress import Progress

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True)
class NewCheckpoint(FineTuned):
    """The result of a run, and its views.

    Attributes:
        views: the learning curve, the log and the report.
        sizes: images and objects for training and for validation.
        is_first: whether this process writes the files; False in the other processes of `torchrun`.
    """

    views: Views
    sizes: SetSizes
    is_first: bool = True


def finetune(
    train: AnyPath,
    validation: AnyPath | None = None,
    *,
    out: AnyPath,
    checkpoint: AnyPath | Loaded = Choice.checkpoint,
    images: AnyPath | None = None,
    validation_images: AnyPath | None = None,
    settings: FineTuneSettings | None = None,
    base: AnyPath | None = Choice.base,
    lora: AnyPath | None = Choice.lora,
    preset: str | None = Choice.preset,
    device: str = Choice.device,
    rules: ReadingRules = USUAL,
    reading: ImageReading = AS_THEY_ARE,
    curve: bool | None = None,
    tensorboard: AnyPath | None = None,
    report: AnyPath | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    notice: Notice | None = None,
) -> NewCheckpoint:
    """Fine-tune a checkpoint on ground truth; calling it again resumes an interrupted run.

    Args:
        train: COCO file; or the folder or data.yaml of a YOLO-seg data set.
        validation: as `train`; None for a part of `train`, by its own folders or by `settings.validation_fraction`.
        out: the new checkpoint: .safetensors, .pth or .pt.
        checkpoint: checkpoint to start from: a catalogue name, a file, or a result of `samara.load` (in float32).
        images: folder of the images; None for those of the data set, or the folder of the COCO file.
        validation_images: folder of the validation images; None for `images`.
        settings: settings of the run.
        base: see `samara.load`, as for the next three.
        lora: low-rank updates, folded in.
        preset: preparation of the images, if the file cannot tell.
        device: where the network trains.
        rules: treatment of crowds and of bad entries.
        reading: how the images are read.
        curve: draw the learning curve next to `out`; None to draw it if matplotlib is installed.
        tensorboard: folder for a log of every epoch, in a subfolder named after `out`; None for none.
        report: HTML page with validation images before and after; None for none.
        overwrite: replace `out` and `report`.
        progress: called with the progress.
        notice: called with one sentence per kind of entry that was left out or repaired.

    Returns:
        The learning curve, and the path of the checkpoint.

    Raises:
        OutputError: a file already exists, or cannot be written.
        SamaraError: data sets, images or the checkpoint cannot be used; see `samara.finetuning.loop.fine_tune`.
    """
    settings, place = settings or FineTuneSettings(), Path(out)
    if os.path.lexists(place) and not place.is_dir() and not overwrite:
        raise OutputError(f"{place} exists; choose another name, or pass `overwrite=True`")
    require_checkpoint_place(place)
    views = choose_views(place, tensorboard, report, curve=curve, notice=notice)
    with views.prepared(overwrite=overwrite):
        training, held_out = read_sets(
            Path(train),
            None if images is None else Path(images),
            None if validation is None else Path(validation),
            None if validation_images is None else Path(validation_images),
            settings.validation_fraction,
            settings.seed,
            rules=rules,
            reading=reading,
            notice=notice,
        )
        own_device = local_device(device)
        how = {"base": base, "lora": lora, "preset": preset}
        loaded = loaded_from(checkpoint, progress, device=own_device, precision="float32", **how)
        with joined_processes(own_device) as processes:
            result = fine_tune_with_views(
                loaded,
                training,
                held_out,
                place,
                settings,
                views,
                progress=progress,
                notice=notice,
                processes=processes,
            )
    return NewCheckpoint(**vars(result), views=views, sizes=sizes_of(training, held_out), is_first=processes.is_first)


def choose_views(
    out: Path, tensorboard: AnyPath | None, report: AnyPath | None, *, curve: bool | None, notice: Notice | None
) -> Views:
    """Choose the views; by default the learning curve is included if matplotlib is installed."""
    if curve is None:
        curve = is_installed("matplotlib")
        if not curve and notice is not None:
            notice("the learning curve is not drawn because matplotlib is not installed; pip install 'samara[report]'")
    return Views(
        curve=out.with_name(f"{out.name}.curve.png") if curve else None,
        # One folder per run, so that several can be viewed together.
        tensorboard=None if tensorboard is None else Path(tensorboard) / out.name,
        report=None if report is None else Path(report),
    )
