"""The learning curve as a TensorBoard log, written while the run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from samara.errors import OutputError
from samara.finetuning.training_state import EpochRecord
from samara.system.extras import require

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

EXTRA = "tensorboard"


def require_tensorboard() -> None:
    """Raise MissingExtra unless TensorBoard is installed."""
    require("tensorboard", EXTRA, "a TensorBoard log")


class TensorBoardLog:
    """One run's log: loss, click IoU, box IoU and learning rate, with the epoch as step.

    Give it every record of a run in order. Records that the folder has already, from before the run was cut off, are
    not written again; from the first one that differs on, the folder belongs to the new run and TensorBoard hides
    what another run left there.

    Args:
        folder: of this run alone; made if need be.

    Raises:
        MissingExtra: TensorBoard is not installed.
        OutputError: the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        require_tensorboard()
        self.folder = folder
        self._written = read_scalars(folder)
        self._writer = self._open(None)

    def add(self, record: EpochRecord) -> None:
        """Write a record, unless it is there already."""
        values = scalars_of(record)
        there = self._written.get(record.epoch)
        if there == values:
            return
        if there is not None:
            self._writer.close()
            self._writer = self._open(record.epoch)
            self._written = {}
        for tag, value in values.items():
            self._writer.add_scalar(tag, value, record.epoch)
        self._writer.flush()  # somebody watches, and the next epoch may take an hour

    def close(self) -> None:
        """Close the file."""
        self._writer.close()

    def _open(self, purge_step: int | None) -> SummaryWriter:
        from torch.utils.tensorboard import SummaryWriter

        try:
            return SummaryWriter(self.folder, purge_step=purge_step)
        except OSError as error:
            raise OutputError(f"{self.folder} cannot take a TensorBoard log: {error.strerror or error}") from error


@contextmanager
def open_log(folder: Path) -> Iterator[TensorBoardLog]:
    """A log that is closed whatever happens."""
    log = TensorBoardLog(folder)
    try:
        yield log
    finally:
        log.close()


def scalars_of(record: EpochRecord) -> dict[str, float]:
    """What is written of a record, by tag, as the float32 values that TensorBoard keeps."""
    values = {
        "loss/training": record.loss,
        "iou/click": record.click_iou,
        "iou/box": record.box_iou,
        "learning_rate": record.learning_rate,
    }
    return {tag: float(np.float32(value)) for tag, value in values.items() if value is not None}


def read_scalars(folder: Path) -> dict[int, dict[str, float]]:
    """Read a log back: epoch → values by tag; empty if there is none.

    Raises:
        MissingExtra: TensorBoard is not installed.
    """
    require_tensorboard()
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    if not folder.is_dir():
        return {}
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})  # 0: all of them
    events.Reload()
    values: dict[int, dict[str, float]] = {}
    for tag in events.Tags()["scalars"]:
        for event in events.Scalars(tag):
            values.setdefault(event.step, {})[tag] = event.value
    return values
