"""Several processes: the same rows, and a process that dies is replaced, without the image that it died of."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace

import pytest

from samara.annotation.inputs.sources import open_source
from samara.annotation.run import workers
from samara.annotation.run.annotator import Annotator
from samara.annotation.run.job import AnnotationJob
from samara.annotation.run.runner import Tally, annotate_store
from samara.annotation.run.settings import AnnotationSettings, Cleaning
from samara.annotation.run.workers import run_workers
from samara.checkpoints.choice import Choice
from samara.errors import AnnotationStopped, ImageError
from tests.annotation.fake import Bright, annotator, final_rows, store_of, work_on


class Deadly(Bright):
    """Kills its process on some images."""

    def generate(self, image):
        if image.shape[:2] == (33, 33):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().generate(image)


class NoNetwork(Choice):
    """Loads nothing."""

    def load(self, device=None):
        return SimpleNamespace(device="cpu")


class FakeJob(AnnotationJob):
    """A job without a network."""

    def annotator(self, loaded):
        return Annotator(Deadly(0.01), AnnotationSettings(cleaning=Cleaning(hierarchy=True)))


class RefusedJob(AnnotationJob):
    """A job that cannot begin."""

    def annotator(self, loaded):
        raise ImageError("this is the reason")


class StillbornJob(AnnotationJob):
    """A job whose processes die before they begin."""

    def annotator(self, loaded):
        os.kill(os.getpid(), signal.SIGKILL)


def job_of(kind, images):
    return kind(choice=NoNetwork(), settings=AnnotationSettings(), source=open_source([str(images)]))


@pytest.fixture(autouse=True)
def quick_start(monkeypatch, processes):
    monkeypatch.setattr(workers, "START_METHOD", "forkserver")


def test_several_processes_give_the_same_rows(images, tmp_path):
    annotate_store(store_of(images, tmp_path / "reference", images_per_shard=1), annotator(), work_on(images))
    told = []
    store = store_of(images, tmp_path / "out", images_per_shard=1)
    run_workers(store, job_of(FakeJob, images), 2, "cpu", told.append)
    assert final_rows(tmp_path / "out") == final_rows(tmp_path / "reference")
    assert sum(told, Tally()) == Tally(6, 24, 0)
    assert sum(told, Tally()).spent.masks >= 0.06


def test_an_image_that_kills_is_found_and_quarantined(images, tmp_path):
    from PIL import Image

    Image.new("RGB", (33, 33)).save(images / "0003.png")
    store = store_of(images, tmp_path / "out", images_per_shard=8)
    run_workers(store, job_of(FakeJob, images), 1, "cpu")
    assert store.is_complete
    (row,) = store.quarantined()
    assert row.path == "0003.png"
    assert row.reason == "two processes were killed by SIGKILL while annotating it"
    assert [one.image.image_id for one in store.masks()] == [1, 2, 3, 5, 6]


@pytest.mark.parametrize(
    ("kind", "message"), [(RefusedJob, "this is the reason"), (StillbornJob, "killed by SIGKILL before they start")]
)
def test_what_stops_a_process_stops_the_run(images, tmp_path, kind, message):
    with pytest.raises(AnnotationStopped, match=message):
        run_workers(store_of(images, tmp_path / "out"), job_of(kind, images), 1, "cpu")
