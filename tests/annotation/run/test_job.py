"""Jobs: what the manifest records about a checkpoint, and that they can be sent to another process."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from samara.annotation.inputs.sources import open_source
from samara.annotation.run import job as jobs
from samara.annotation.run.annotator import Annotator
from samara.annotation.run.job import AnnotationJob, batch_for, checkpoint_facts, threads_for
from samara.annotation.run.settings import AnnotationSettings
from samara.checkpoints.choice import Choice
from samara.checkpoints.load_chosen import load_chosen
from samara.errors import SettingsError


def test_a_checkpoint_is_recorded_exactly(mini):
    facts = checkpoint_facts(mini)
    assert facts["sha256"] == hashlib.sha256(Path(mini.provenance.path).read_bytes()).hexdigest()
    assert facts["name"] == "samara_mini"
    assert facts["licence"] == "Apache-2.0"
    random = load_chosen(Choice(checkpoint="samara_mini", device="cpu", weights="random"))
    others = checkpoint_facts(random)
    assert others["sha256"] is None
    assert others["weights"] == "random"
    assert others["fingerprint"] != facts["fingerprint"]


def test_a_job_can_be_sent(mini, images):
    job = AnnotationJob(choice=Choice(device="cpu"), settings=AnnotationSettings(), source=open_source([str(images)]))
    again = pickle.loads(pickle.dumps(job))
    assert again == job
    assert again.facts(mini) == job.facts(mini)
    assert again.facts(mini)["settings"]["automatic"]["pred_iou_thresh"] == mini.pred_iou_thresh
    assert isinstance(again.annotator(mini), Annotator)
    assert again.reading.max_pixels == 400_000_000
    assert again.batches_at_a_time(mini) == 1
    assert again.batches_at_a_time(replace(mini, device="cuda:0")) == 2
    assert replace(again, in_flight=3).batches_at_a_time(mini) == 3


@pytest.mark.parametrize(
    ("free_gb", "sharing", "batch"), [(70, 1, 8), (70, 4, 8), (70, 16, 4), (4, 1, 3), (4, 2, 1), (0.1, 1, 1)]
)
def test_a_gpu_takes_as_many_images_as_its_memory_allows(monkeypatch, free_gb, sharing, batch):
    monkeypatch.setattr(jobs.torch.cuda, "mem_get_info", lambda device: (int(free_gb * 1e9), int(80e9)))
    assert batch_for("cuda:0", sharing) == batch
    assert batch_for("cpu", sharing) == 1


def test_a_gpu_is_fed_by_more_threads(monkeypatch):
    for cores, threads in ((1, 2), (6, 6), (64, 8)):
        monkeypatch.setattr(jobs.torch, "get_num_threads", lambda cores=cores: cores)
        assert (threads_for("cuda"), threads_for("cpu")) == (threads, 2)


def test_careful_work_is_one_image_at_a_time(mini, images):
    job = AnnotationJob(
        choice=Choice(device="cpu"),
        settings=AnnotationSettings(),
        source=open_source([str(images)]),
        threads=3,
        batch=4,
    )
    work = job.work(mini, poison={2: "bad"})
    assert (work.reading.threads, work.in_flight, work.batch, work.poison) == (3, 1, 4, {2: "bad"})
    assert (job.annotator(mini).batch, work.clock.device) == (4, None)
    careful = job.work(mini, is_careful=True)
    assert (careful.reading.threads, careful.in_flight, careful.batch) == (0, 0, 1)
    timed = replace(job, timings=True)
    assert timed.work(replace(mini, device="cuda:1")).clock.device == "cuda:1"
    assert timed.work(mini).clock.device is None  # a CPU is done when it says so


@pytest.mark.parametrize(("wrong", "message"), [({"batch": 0}, "`batch` is 0"), ({"threads": -1}, "`threads` is -1")])
def test_numbers_that_are_too_small_are_refused(images, wrong, message):
    with pytest.raises(SettingsError, match=message):
        AnnotationJob(choice=Choice(), settings=AnnotationSettings(), source=open_source([str(images)]), **wrong)
