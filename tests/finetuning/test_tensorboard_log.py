"""The TensorBoard log, read back with TensorBoard's own reader: the history, each epoch once."""

from __future__ import annotations

import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from samara.errors import MissingExtra, OutputError
from samara.finetuning import tensorboard_log
from samara.finetuning.loop import fine_tune
from samara.finetuning.tensorboard_log import TensorBoardLog, open_log
from samara.finetuning.training_state import EpochRecord
from tests.finetuning.test_loop import QUICK

HISTORY = [
    EpochRecord(epoch, None if epoch == 0 else 1.0 / epoch, 0.3 + epoch / 10, 0.5 + epoch / 10, epoch * 1e-4, 1.0)
    for epoch in range(4)
]


def write(folder, *records):
    with open_log(folder) as log:
        for record in records:
            log.add(record)


def read(folder):
    """Every event in the folder by tag: (epoch, value), repetitions too."""
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    # In order of epochs: two files begun in one second are read in the order of their names.
    return {tag: sorted((event.step, event.value) for event in events.Scalars(tag)) for tag in events.Tags()["scalars"]}


def expected(history):
    columns = {
        "loss/training": "loss",
        "iou/click": "click_iou",
        "iou/box": "box_iou",
        "learning_rate": "learning_rate",
    }
    return {
        tag: [
            (record.epoch, pytest.approx(getattr(record, column)))
            for record in history
            if getattr(record, column) is not None
        ]
        for tag, column in columns.items()
    }


def test_it_is_the_history(tmp_path):
    write(tmp_path / "log", *HISTORY)
    assert read(tmp_path / "log") == expected(HISTORY)


def test_it_is_there_while_the_run_goes_on(tmp_path):
    with open_log(tmp_path) as log:
        log.add(HISTORY[0])
        log.add(HISTORY[1])
        assert read(tmp_path) == expected(HISTORY[:2])


@pytest.fixture
def clock(monkeypatch):
    """TensorBoard orders files by the second in their name; these are written within one."""
    moments = iter(range(1_700_000_000, 1_800_000_000, 10))
    monkeypatch.setattr("tensorboard.summary.writer.event_file_writer.time.time", lambda: next(moments))


@pytest.mark.parametrize("written", [0, 1, 3, 4])
@pytest.mark.usefixtures("clock")
def test_a_run_that_goes_on_shows_nothing_twice(tmp_path, written):
    write(tmp_path, *HISTORY[:written])
    write(tmp_path, *HISTORY)
    assert read(tmp_path) == expected(HISTORY)


@pytest.mark.usefixtures("clock")
def test_another_run_in_the_same_folder_takes_over(tmp_path):
    other = [HISTORY[0], *(EpochRecord(epoch, 0.9, 0.1, 0.2, 1e-5, 1.0) for epoch in (1, 2))]
    write(tmp_path, *HISTORY)
    write(tmp_path, *other)
    assert read(tmp_path) == expected(other)


@pytest.mark.usefixtures("clock")
def test_a_run_killed_and_gone_on_with_has_each_epoch_once(tiny, images, tmp_path):
    def run(on_epoch):
        return fine_tune(tiny, images[:3], images[3:], tmp_path / "o.safetensors", QUICK, on_epoch=on_epoch)

    with open_log(tmp_path / "log") as log:

        def dies(record):
            log.add(record)
            if record.epoch == 1:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(dies)
    with open_log(tmp_path / "log") as log:
        history = run(log.add).history
    assert [record.epoch for record in history] == [0, 1, 2]
    assert read(tmp_path / "log") == expected(history)


def test_without_tensorboard_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingExtra, match=r"pip install 'samara\[tensorboard\]'"):
        TensorBoardLog(tmp_path)
    with pytest.raises(MissingExtra):
        tensorboard_log.require_tensorboard()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be used for a TensorBoard log"):
        TensorBoardLog(tmp_path / "file")
