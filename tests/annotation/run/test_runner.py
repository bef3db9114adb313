"""One process at work: rows, quarantine, memory, full disks, kills, and company."""

from __future__ import annotations

import errno
import os
import random
import signal
import threading
import time

import pytest
import torch

from samara.annotation.run import runner
from samara.annotation.run.batch import annotate_image
from samara.annotation.run.runner import Tally, annotate_store
from samara.annotation.store import shard_files
from samara.annotation.store.plan import Asked
from samara.annotation.store.store import open_store
from samara.errors import AnnotationStopped, OutputError, PromptError, SettingsError
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.segmentation.prompted import PromptedSegmenter
from tests.annotation.conftest import write_images
from tests.annotation.fake import Bright, Together, annotate_for_killing, annotator, final_rows, store_of, work_on


@pytest.fixture
def undisturbed(images, tmp_path):
    annotate_store(store_of(images, tmp_path / "reference"), annotator(), work_on(images))
    return final_rows(tmp_path / "reference")


def test_every_image_gets_its_rows(images, tmp_path):
    told = []
    store = store_of(images, tmp_path / "out")
    annotate_store(store, annotator(), work_on(images, tell=told.append))
    assert store.is_complete
    assert sum(told, Tally()) == Tally(6, 24, 0)
    rows = list(store.masks())
    assert [row.image.path for row in rows] == [f"{number:04d}.png" for number in range(6)]
    assert rows[0].image.sha256 != rows[1].image.sha256
    assert all(row.masks.parent is not None for row in rows)
    assert not any((tmp_path / "out" / "journal").iterdir())
    assert not any((tmp_path / "out" / "claims").iterdir())
    segmenter = Bright()
    annotate_store(store, annotator(segmenter), work_on(images))
    assert segmenter.seen == 0


@pytest.mark.parametrize(("threads", "in_flight"), [(0, 0), (2, 1), (3, 3)])
def test_threads_change_nothing(images, tmp_path, undisturbed, threads, in_flight):
    store = store_of(images, tmp_path / "out")
    annotate_store(store, annotator(Bright(0.002)), work_on(images, threads=threads, in_flight=in_flight))
    assert final_rows(tmp_path / "out") == undisturbed


@pytest.mark.parametrize("batch", [2, 4])
def test_batches_change_nothing(images, tmp_path, undisturbed, batch):
    segmenter = Together()
    store = store_of(images, tmp_path / "out")
    annotate_store(store, annotator(segmenter, batch), work_on(images, batch=batch))
    assert final_rows(tmp_path / "out") == undisturbed
    assert segmenter.passes == {2: [2, 2, 2], 4: [4, 2]}[batch]


def test_images_are_read_and_made_ready_while_another_is_annotated(images, tmp_path):
    class Meeting(Together):
        readied = 0
        second = threading.Event()

        def ready(self, image):
            self.readied += 1
            if self.readied == 2:
                self.second.set()
            return super().ready(image)

        def everything(self, seen):
            assert self.second.wait(30)  # passes only if nobody waits for the first image before reading the second
            return super().everything(seen)

    annotate_store(store_of(images, tmp_path / "out"), annotator(Meeting()), work_on(images))
    assert open_store(tmp_path / "out").counts()[2] == 0


def test_a_piece_is_written_while_the_next_images_are_annotated(images, tmp_path, monkeypatch):
    real, seen, writers = shard_files.durable_file, threading.Event(), set()

    class Telling(Together):
        def everything(self, image):
            if len(self.passes) == 4:  # of a shard of six: long after the first piece was due
                seen.set()
            return super().everything(image)

    def slow(path):
        writers.add(threading.current_thread().name)
        assert "journal" not in path.parts or seen.wait(30)
        return real(path)

    monkeypatch.setattr(shard_files, "durable_file", slow)
    monkeypatch.setattr(runner, "PIECE_IMAGES", 1)
    store = store_of(images, tmp_path / "out", images_per_shard=6)
    annotate_store(store, annotator(Telling()), work_on(images, in_flight=3))
    assert store.is_complete
    assert "samara-write_0" in writers


def test_a_piece_that_is_slow_to_write_holds_the_others_up(images, tmp_path, monkeypatch):
    """Memory is bounded: one piece is being written, one gathered, and no third begun."""
    going, most, real = [0], [0], shard_files.ShardFiles.add_piece

    def counting(self, rows, masks):
        going[0] += 1
        most[0] = max(most[0], going[0])
        time.sleep(0.01)
        real(self, rows, masks)
        going[0] -= 1

    monkeypatch.setattr(shard_files.ShardFiles, "add_piece", counting)
    monkeypatch.setattr(runner, "PIECE_IMAGES", 1)
    annotate_store(store_of(images, tmp_path / "out"), annotator(), work_on(images))
    assert most == [1]


def test_what_cannot_be_made_ready_is_tried_alone(images, tmp_path, undisturbed):
    class Unready(Together):
        def ready(self, image):
            raise MemoryError

    annotate_store(store_of(images, tmp_path / "out"), annotator(Unready()), work_on(images))
    assert final_rows(tmp_path / "out") == undisturbed


@pytest.mark.parametrize("limit", [1, 4, 5])
def test_a_limit_leaves_the_rest_to_a_later_run(images, tmp_path, undisturbed, limit):
    store = store_of(images, tmp_path / "out")
    segmenter = Bright()
    annotate_store(store, annotator(segmenter), work_on(images, up_to=store.id_of_missing(limit)))
    assert segmenter.seen == limit
    assert [row.image_id for row in store.images()] == [*range(1, limit + 1)]
    assert not store.is_complete
    assert store.id_of_missing(1) == limit + 1
    assert store.id_of_missing(7 - limit) is None
    annotate_store(store, annotator(segmenter), work_on(images))
    assert segmenter.seen == 6
    assert final_rows(tmp_path / "out") == undisturbed


def test_time_is_told_with_the_progress(images, tmp_path):
    told = []
    annotate_store(store_of(images, tmp_path / "out"), annotator(Together(0.01)), work_on(images, tell=told.append))
    spent = sum(told, Tally()).spent
    assert spent.masks >= 0.06
    assert spent.writing > 0
    assert spent.waiting > 0  # for the first image, if for no other


def test_bad_images_are_quarantined_and_the_rest_goes_on(images, tmp_path):
    (images / "0001.png").write_text("<html>")
    (images / "0002.png").write_bytes((images / "0002.png").read_bytes()[:200])
    store = store_of(images, tmp_path / "out")
    annotate_store(store, annotator(), work_on(images, poison={4: "it killed a process twice"}))
    reasons = {row.path: row.reason for row in store.quarantined()}
    assert list(reasons) == ["0001.png", "0002.png", "0003.png"]
    assert "HTML page" in reasons["0001.png"]
    assert "cannot be decoded" in reasons["0002.png"]
    assert reasons["0003.png"] == "it killed a process twice"
    assert [row.image.image_id for row in store.masks()] == [1, 5, 6]


class Hungry(Bright):
    """Has too little memory for some images."""

    def __init__(self, error, times):
        super().__init__()
        self.error, self.times = error, times

    def generate(self, image):
        self.times -= 1
        if self.times >= 0:
            raise self.error
        return super().generate(image)


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: no")]
)
@pytest.mark.parametrize(("times", "quarantined"), [(1, 0), (2, 1), (5, 2)])
def test_memory_that_runs_out_is_tried_once_more(images, tmp_path, error, times, quarantined):
    store = store_of(images, tmp_path / "out")
    annotate_store(store, annotator(Hungry(error, times)), work_on(images))
    found = list(store.quarantined())
    assert len(found) == quarantined
    assert all("not enough memory" in row.reason for row in found)


def test_faults_quarantine_an_image_but_not_a_whole_data_set(tmp_path):
    write_images(tmp_path / "images", 12)
    store = store_of(tmp_path / "images", tmp_path / "out")
    annotate_store(store, annotator(Hungry(KeyError("odd"), 4)), work_on(tmp_path / "images"))
    assert [row.reason for row in store.quarantined()] == ["unexpected KeyError: 'odd'"] * 4
    store = store_of(tmp_path / "images", tmp_path / "other", images_per_shard=12)
    with pytest.raises(AnnotationStopped, match="5 images in a row failed"):
        annotate_store(store, annotator(Hungry(KeyError("odd"), 99)), work_on(tmp_path / "images"))


def test_settings_that_do_not_work_stop_at_once(images, tmp_path):
    with pytest.raises(SettingsError, match="no such thing"):
        annotate_store(
            store_of(images, tmp_path / "out"),
            annotator(Hungry(SettingsError("no such thing"), 1)),
            work_on(images),
        )


def test_a_prompt_outside_quarantines_its_image(images, tmp_path):
    store = store_of(images, tmp_path / "out")
    annotate_store(store, annotator(Hungry(PromptError("lies outside"), 1)), work_on(images))
    assert [row.reason for row in store.quarantined()] == ["lies outside"]


def test_a_broken_gpu_stops_at_once(images, tmp_path):
    broken = Hungry(RuntimeError("CUDA error: an illegal memory access was encountered"), 1)
    store = store_of(images, tmp_path / "out")
    with pytest.raises(AnnotationStopped, match="the GPU failed .*illegal memory access"):
        annotate_store(store, annotator(broken), work_on(images))
    assert list(store.images()) == []


def test_smaller_batches_reach_the_generator(mini):
    whole = annotator(PromptedSegmenter(mini, AutomaticSettings(points_per_batch=64)))
    assert whole.with_smaller_batches().segmenter.settings.points_per_batch == 16


@pytest.mark.parametrize("writes", [0, 1, 2, 3, 5])
def test_a_full_disk_stops_cleanly_and_is_resumed(images, tmp_path, monkeypatch, undisturbed, writes):
    store, real = store_of(images, tmp_path / "out"), shard_files.durable_file
    left = [writes]

    def full(path):
        left[0] -= 1
        if left[0] < 0:
            raise OutputError(f"{path} cannot be written: No space left on device") from OSError(
                errno.ENOSPC, os.strerror(errno.ENOSPC)
            )
        return real(path)

    monkeypatch.setattr(shard_files, "durable_file", full)
    monkeypatch.setattr(runner, "PIECE_IMAGES", 2)
    with pytest.raises(OutputError, match="No space left on device; finished images are saved: free disk space"):
        annotate_store(store, annotator(), work_on(images))
    monkeypatch.setattr(shard_files, "durable_file", real)
    annotate_store(store, annotator(), work_on(images))
    assert final_rows(tmp_path / "out") == undisturbed


def test_what_is_done_is_kept_when_somebody_interrupts(images, tmp_path):
    store = store_of(images, tmp_path / "out", images_per_shard=8)
    with pytest.raises(KeyboardInterrupt):
        annotate_store(store, annotator(Hungry(KeyboardInterrupt(), 0)), work_on(images, tell=interrupt_after(3)))
    assert [row.image_id for row in store.images()] == [1, 2, 3]


def test_an_interrupted_batch_is_kept_whole_or_not_at_all(images, tmp_path):
    store = store_of(images, tmp_path / "out", images_per_shard=8)
    with pytest.raises(KeyboardInterrupt):
        annotate_store(store, annotator(Together(), 2), work_on(images, batch=2, tell=interrupt_after(3)))
    assert [row.image_id for row in store.images()] == [1, 2, 3, 4]
    segmenter = Together()
    annotate_store(store, annotator(segmenter, 2), work_on(images, batch=2))
    assert segmenter.passes == [2]


def interrupt_after(count):
    def tell(_):
        nonlocal count
        count -= 1
        if not count:
            raise KeyboardInterrupt

    return tell


class Run:
    """A process that annotates; it begins when told."""

    def __init__(self, processes, images, out, seconds):
        self.begin, self.seen = processes.Event(), processes.Value("i", -1)
        arguments = (images, out, seconds, self.begin, self.seen)
        self.process = processes.Process(target=annotate_for_killing, args=arguments)
        self.process.start()

    def end(self):
        self.process.join()
        return self.process.exitcode


@pytest.mark.parametrize(("images", "kills"), [(30, 10), pytest.param(600, 400, marks=pytest.mark.slow)])
def test_kills_at_any_moment_leave_no_trace(processes, tmp_path, images, kills):
    folder, out = tmp_path / "images", tmp_path / "out"
    write_images(folder, images)
    annotate_store(store_of(folder, tmp_path / "reference"), annotator(), work_on(folder))
    chance, interrupted = random.Random(images), 0
    for _ in range(kills):
        run = Run(processes, folder, out, 0.005)
        run.begin.set()
        time.sleep(chance.uniform(0, 0.15))
        run.process.kill()
        interrupted += run.end() == -signal.SIGKILL
    run = Run(processes, folder, out, 0)
    run.begin.set()
    assert run.end() == 0
    assert interrupted > kills / 3  # else nothing was tested
    assert final_rows(out) == final_rows(tmp_path / "reference")
    assert [path for path in out.rglob("*") if path.name.endswith(".part")] == []


def test_two_runs_share_the_images(processes, tmp_path):
    images, out = tmp_path / "images", tmp_path / "out"
    write_images(images, 24)
    annotate_store(store_of(images, tmp_path / "reference"), annotator(), work_on(images))
    store_of(images, out)
    runs = [Run(processes, images, out, 0.03) for _ in range(2)]
    for run in runs:
        run.begin.set()
    assert [run.end() for run in runs] == [0, 0]
    seen = [run.seen.value for run in runs]
    assert sum(seen) == 24
    assert min(seen) > 0
    assert final_rows(out) == final_rows(tmp_path / "reference")


def test_one_run_goes_on_where_the_other_was_killed(processes, tmp_path):
    images, out = tmp_path / "images", tmp_path / "out"
    write_images(images, 24)
    store_of(images, out)
    first, second = (Run(processes, images, out, 0.03) for _ in range(2))
    first.begin.set()
    while not any((out / "claims").iterdir()):
        time.sleep(0.01)
    second.begin.set()
    time.sleep(0.1)
    first.process.kill()
    assert second.end() == 0
    assert first.end() == -signal.SIGKILL
    assert open_store(out).is_complete


def test_prompts_are_kept_with_their_masks(images, tmp_path):
    from samara.annotation.inputs.decoded import DecodedImage
    from samara.annotation.inputs.prefetch import Fetched
    from samara.annotation.store.plan import PlannedImage
    from samara.images.read import read_image

    entry = PlannedImage(3, "x\udcff.png", None, tuple(Asked(box=(0, 0, 5, 5), category="rod") for _ in range(4)))
    image = DecodedImage(read_image(images / "0000.png"))
    row, masks, is_fault = annotate_image(annotator(), Fetched(entry, None, image))
    assert not is_fault
    assert row.path == "x\\xff.png"
    assert masks.column("category").to_pylist() == ["rod"] * 4
