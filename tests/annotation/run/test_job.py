"""Jobs: what the manifest records about a checkpoint, and that they can be sent to another process."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import replace
from pathlib import Path

from samara.annotation.inputs.sources import open_source
from samara.annotation.run.annotator import Annotator
from samara.annotation.run.job import AnnotationJob, checkpoint_facts
from samara.annotation.run.settings import AnnotationSettings
from samara.checkpoints.choice import Choice
from samara.checkpoints.load_chosen import load_chosen


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
    assert again.images_at_a_time(mini) == 1
    assert again.images_at_a_time(replace(mini, device="cuda:0")) == 2
    assert replace(again, in_flight=3).images_at_a_time(mini) == 3
