"""`samara.finetune`: from ground truth to a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from samara.checkpoints.choice import Choice
from samara.checkpoints.load_chosen import loaded_from
from samara.datasets.reading.findings import USUAL, Notice, ReadingRules
from samara.engines.loaded import Loaded
from samara.errors import OutputError
from samara.finetuning.before_after import ClickOrBox, Score
from samara.finetuning.data_sets import SetPaths, Sets, read_sets
from samara.finetuning.loop import FineTuned
from samara.finetuning.place import require_checkpoint_place
from samara.finetuning.processes import joined_processes, local_device
from samara.finetuning.settings import FineTuneSettings
from samara.finetuning.views import Views, fine_tune_with_views
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.system.extras import is_installed
from samara.system.progress import Progress

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True)
class NewCheckpoint(FineTuned):
    """The result of a run, and its views.

    Attributes:
        sets: the images of the run.
        views: the learning curve, the log and the report.
        scores: scores before and after, by set ("test", "validation") and kind of prompt; empty without a test set and
            report.
        advice: what to try, one sentence each.
        is_first: whether this process writes the files; False in the other processes of `torchrun`.
    """

    sets: Sets
    views: Views
    scores: Mapping[str, Mapping[ClickOrBox, Score]] = field(default_factory=dict)
    advice: tuple[str, ...] = ()
    is_first: bool = True


def finetune(
    train: AnyPath,
    validation: AnyPath | None = None,
    *,
    out: AnyPath,
    checkpoint: AnyPath | Loaded = Choice.checkpoint,
    images: AnyPath | None = None,
    validation_images: AnyPath | None = None,
    test: AnyPath | None = None,
    test_images: AnyPath | None = None,
    settings: FineTuneSettings | None = None,
    base: AnyPath | None = Choice.base,
    lora: AnyPath | None = Choice.lora,
    preset: str | None = Choice.preset,
    device: str = Choice.device,
    input_size: int | None = Choice.input_size,
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
        test: as `train`: images that only measure the result, before and after; None for none.
        test_images: folder of the test images; None for `images`.
        settings: settings of the run.
        base: see `samara.load`, as for the next four.
        lora: low-rank updates, folded in.
        preset: preparation of the images, if the file cannot tell.
        device: where the network trains.
        input_size: side of the network input in pixels; the new checkpoint is best used with the same.
        rules: treatment of crowds and of bad entries.
        reading: how the images are read.
        curve: draw the learning curve next to `out`; None to draw it if matplotlib is installed.
        tensorboard: folder for a log of every epoch, in a subfolder named after `out`; None for none.
        report: HTML page with images before and after, and its figures and tables beside it; None for none.
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
        paths = {
            "images": images,
            "validation": validation,
            "validation_images": validation_images,
            "test": test,
            "test_images": test_images,
        }
        sets = read_sets(
            SetPaths(train=Path(train), **{name: Path(path) for name, path in paths.items() if path is not None}),
            settings.validation_fraction,
            settings.seed,
            rules=rules,
            reading=reading,
            notice=notice,
        )
        own_device = local_device(device)
        how = {"base": base, "lora": lora, "preset": preset, "input_size": input_size}
        loaded = loaded_from(checkpoint, progress, device=own_device, precision="float32", **how)
        with joined_processes(own_device) as processes:
            viewed = fine_tune_with_views(
                loaded, sets, place, settings, views, progress=progress, notice=notice, processes=processes
            )
    return NewCheckpoint(
        **vars(viewed.result),
        sets=sets,
        views=views,
        scores=viewed.scores,
        advice=viewed.advice,
        is_first=processes.is_first,
    )


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
