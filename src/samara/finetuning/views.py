"""Fine-tuning with its views: learning curve, log, report."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from samara._version import __version__
from samara.checkpoints.load import network_from_file
from samara.checkpoints.lora_file import merge_lora_file
from samara.datasets.ground_truth import LabelledImage
from samara.datasets.reading.findings import Notice
from samara.engines.loaded import Loaded
from samara.errors import OutputError
from samara.finetuning.advice import advice, best_of_each, choice
from samara.finetuning.before_after import ClickOrBox, ComparedSet, Score
from samara.finetuning.comparison import compare_before_and_after
from samara.finetuning.data_sets import Sets, described
from samara.finetuning.figures import figure_paths, write_figures
from samara.finetuning.learning_curve import learning_curve_png, require_matplotlib
from samara.finetuning.loop import FineTuned, fine_tune
from samara.finetuning.processes import Processes
from samara.finetuning.report import FineTuningReport, require_report, write_finetuning_report
from samara.finetuning.settings import FineTuneSettings, Trained
from samara.finetuning.tensorboard_log import open_log, require_tensorboard
from samara.system.files import made_folder, make_folder, require_file, require_folder, write_atomically
from samara.system.progress import Progress

WHAT_LEARNT: Mapping[Trained, str] = {
    "decoder": "mask decoder",
    "lora": "mask decoder and low-rank matrices in the image encoder",
    "everything": "whole network",
}


@dataclass(frozen=True, kw_only=True)
class Views:
    """The views of a run besides its checkpoint; None for those not wanted.

    Attributes:
        curve: PNG with the learning curve.
        tensorboard: folder of this run's TensorBoard log.
        report: HTML page with the validation images before and after.
    """

    curve: Path | None = None
    tensorboard: Path | None = None
    report: Path | None = None

    def prepare(self, *, overwrite: bool) -> None:
        """Check everything that would otherwise fail after hours of training.

        Args:
            overwrite: replace an existing report and image.

        Raises:
            MissingExtra: a required library is not installed.
            OutputError: a file or folder cannot be written, or the report or the image already exists.
        """
        if self.curve is not None:
            require_matplotlib()
        if self.tensorboard is not None:
            require_tensorboard()
        if self.report is not None:
            require_report()
        for what, path in self._files():
            if os.path.lexists(path) and not path.is_dir() and not overwrite:
                raise OutputError(
                    f"{path} exists; choose another name for the {what}, or replace it with `overwrite=True`"
                )
            require_file(path)
            make_folder(path.parent)
        if self.tensorboard is not None:
            require_folder(self.tensorboard)

    def _files(self) -> Iterator[tuple[str, Path]]:
        """Yield the files that are written, each with what it belongs to."""
        if self.curve is not None:
            yield "curve", self.curve
        if self.report is not None:
            yield "report", self.report
            yield from (("report", path) for path in figure_paths(self.report).values())

    @contextmanager
    def prepared(self, *, overwrite: bool) -> Iterator[None]:
        """Like `prepare`, for a block of work; if it fails, empty folders created for it are removed."""
        with ExitStack() as stack:
            for path in (self.curve, self.report):
                if path is not None:
                    stack.enter_context(made_folder(path.parent))
            self.prepare(overwrite=overwrite)
            yield


@dataclass(frozen=True)
class Viewed:
    """A run with what its views show.

    Attributes:
        result: the new checkpoint.
        scores: scores before and after, by set ("test", "validation") and kind of prompt; empty without a test set and
            report.
        advice: what to try, one sentence each.
    """

    result: FineTuned
    scores: Mapping[str, Mapping[ClickOrBox, Score]]
    advice: tuple[str, ...] = ()


def fine_tune_with_views(
    loaded: Loaded,
    sets: Sets,
    out: Path,
    settings: FineTuneSettings,
    views: Views,
    *,
    progress: Progress | None = None,
    notice: Notice | None = None,
    processes: Processes | None = None,
) -> Viewed:
    """Fine-tune a checkpoint, compare it with the original on the test set, and write the views.

    Args:
        loaded: the checkpoint to start from; it is not modified.
        sets: images to train on, to validate on, and to test on.
        out: the new checkpoint.
        settings: see `FineTuneSettings`.
        views: what to show; the caller calls `prepare`, before anything is loaded.
        progress: called with the progress.
        notice: see `fine_tune`; also called with the sizes of the sets.
        processes: see `fine_tune`; the first of them compares and writes the views.

    Raises:
        SamaraError: see `fine_tune` and `Views.prepare`; once training is over, an image that cannot be read again.
    """
    is_first = processes is None or processes.is_first
    views = views if is_first else Views()
    notices: list[str] = []

    def note(sentence: str) -> None:
        notices.append(sentence)
        if notice is not None:
            notice(sentence)

    if notice is not None and is_first:
        for sentence in sets.sentences():
            notice(sentence)
    with ExitStack() as stack:
        log = None if views.tensorboard is None else stack.enter_context(open_log(views.tensorboard))
        result = fine_tune(
            loaded,
            sets.training,
            sets.validation,
            out,
            settings,
            progress=progress,
            notice=note,
            on_epoch=None if log is None else log.add,
            processes=processes,
        )
    if not is_first:
        return Viewed(result, {})
    comparisons = _comparisons(loaded, result, sets, views, progress)
    _write(views, loaded, sets, result, comparisons, notices)
    scores = {name: one.scores() for name, one in comparisons.items()}
    return Viewed(result, scores, tuple(advice(result.history, result.settings, len(sets.training))))


def _comparisons(
    before: Loaded, result: FineTuned, sets: Sets, views: Views, progress: Progress | None
) -> dict[str, ComparedSet]:
    """Compare the checkpoints on the test set, if there is one, and on the validation set for the report."""
    wanted = {"test": sets.test} if sets.test else {}
    if views.report is not None:
        wanted["validation"] = sets.validation
    if not wanted:
        return {}
    after = reloaded(before, result.path, result.settings)
    return {name: compare_before_and_after(before, after, images, progress) for name, images in wanted.items()}


def _write(
    views: Views,
    loaded: Loaded,
    sets: Sets,
    result: FineTuned,
    comparisons: Mapping[str, ComparedSet],
    notices: Sequence[str],
) -> None:
    if views.curve is not None:
        write_atomically(views.curve, learning_curve_png(result.history, result.best.epoch))
    if views.report is not None:
        files = write_figures(views.report, result.history, result.best.epoch, comparisons)
        report = describe_run(loaded, sets, result, comparisons, notices=notices)
        write_finetuning_report(views.report, replace(report, files=[path.name for path in files]))


def reloaded(before: Loaded, path: Path, settings: FineTuneSettings) -> Loaded:
    """Load the new checkpoint on top of its origin, which a `.pth` cannot record."""
    if settings.trained == "lora" and settings.lora_apart:
        network = copy.deepcopy(before.sam)
        merge_lora_file(network, path)
        after = replace(before, network=network)
    else:
        after = replace(before, network=network_from_file(path, before.variant, before.input_size).to(before.device))
    return replace(after, provenance=replace(before.provenance, name=path.name, path=str(path)))


def describe_run(
    loaded: Loaded,
    sets: Sets,
    result: FineTuned,
    comparisons: Mapping[str, ComparedSet],
    *,
    notices: Sequence[str] = (),
) -> FineTuningReport:
    """Build a report; `notices` are the run's messages about its sets."""
    kept, last, settings = result.best.epoch, result.history[-1].epoch, result.settings
    images = f"{len(sets.training)} image{'' if len(sets.training) == 1 else 's'}"
    chosen = f"Epoch {kept} of {last} was kept." if kept else f"None of {last} epochs was kept."
    both = _files_of(sets.training) & _files_of(sets.validation)
    provenance = {
        "new checkpoint": result.path.name,
        "started from": loaded.name,
        "licence of the weights it started from": loaded.provenance.licence or "unknown",
        "network": f"{loaded.variant.title}, input {loaded.input_size} px",
        "training set": described(sets.training),
        "validation set": f"{described(sets.validation)}; {sets.chosen}",
        "test set": described(sets.test) if sets.test else "none",
        "left out of training": "; ".join(notices) or "nothing",
        "images in both sets": str(len(both)),
        "epochs": f"{last} of at most {settings.epochs}, kept: {kept}",
        "time": f"{sum(record.duration_s for record in result.history):,.0f} s for training and validation",
        "device": loaded.device,
        "made by": f"samara {__version__}, PyTorch {torch.__version__}",
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }
    return FineTuningReport(
        title=result.path.name,
        summary=f"{loaded.name}, {WHAT_LEARNT[settings.trained]} fine-tuned on {images}. {chosen}",
        comparisons=comparisons,
        curve=result.history,
        kept=kept,
        choice=[choice(result.history, settings), best_of_each(result.history)],
        advice=advice(result.history, settings, len(sets.training)),
        settings=dict(_flat(asdict(settings))),
        provenance=provenance,
    )


def _files_of(images: Sequence[LabelledImage]) -> set[str]:
    return {os.path.realpath(image.path) for image in images}


def _flat(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:  # Any: values of settings
    """Flatten nested settings into lines of text."""
    for name, value in facts.items():
        label = f"{prefix}{name.replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{label}: ")
        elif isinstance(value, (tuple, list)):
            yield label, ", ".join(map(str, value)) or "none"
        else:
            yield label, "none" if value is None else str(value)
