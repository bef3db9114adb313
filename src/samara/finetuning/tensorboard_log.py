"""The learning curve as a TensorBoard log, written during the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from samara.errors import OutputError
from samara.finetuning.training_state import EpochRecord
from samara.system.extras import require

EXTRA = "tensorboard"


def require_tensorboard() -> None:
    """Raise MissingExtra unless TensorBoard is installed."""
    require("tensorboard", EXTRA, "a TensorBoard log")


class TensorBoardLog:
    """One run's log: loss, click IoU, box IoU and learning rate, with the epoch as step.

    Add every record of a run in order from epoch 0, even for a resumed run: TensorBoard then hides the earlier entries
    in the folder, so that nothing is shown twice.

    Args:
        folder: folder of this run only; created if missing.

    Raises:
        MissingExtra: TensorBoard is not installed.
        OutputError: the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        require_tensorboard()
        from torch.utils.tensorboard import SummaryWriter

        try:
            self._writer = SummaryWriter(folder, purge_step=0)
        except OSError as error:
            raise OutputError(f"{folder} cannot be used for a TensorBoard log: {error.strerror or error}") from error

    def add(self, record: EpochRecord) -> None:
        """Write a record."""
        values = {
            "loss/training": record.loss,
            "iou/click": record.click_iou,
            "iou/box": record.box_iou,
            "learning_rate": record.learning_rate,
        }
        for tag, value in values.items():
            if value is not None:
                self._writer.add_scalar(tag, value, record.epoch)
        self._writer.flush()  # a user may be watching, and the next epoch may take an hour

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


@contextmanager
def open_log(folder: Path) -> Iterator[TensorBoardLog]:
    """Open a log that is closed in any case."""
    log = TensorBoardLog(folder)
    try:
        yield log
    finally:
        log.close()
