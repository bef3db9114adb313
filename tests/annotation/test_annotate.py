"""`samara.annotate`: what somebody says in Python is what is done."""

from __future__ import annotations

import pytest

import samara
from samara.annotation import annotate as room
from samara.annotation.run.settings import TRAINING_MASKS
from samara.errors import SettingsError
from tests.annotation.conftest import write_images
from tests.annotation.inputs.test_prompt_entries import coco

pytestmark = pytest.mark.usefixtures("small_inputs")

FEW = samara.AnnotationSettings(
    automatic=samara.AutomaticSettings(points_per_side=2, pred_iou_thresh=0, stability_score_thresh=0)
)


@pytest.fixture
def images(tmp_path):
    write_images(tmp_path / "images", 2)
    return tmp_path / "images"


@pytest.fixture
def asked(monkeypatch):
    """What would be carried out; none is."""
    calls = []

    def carry_out(job, running, entries, *, progress):
        calls.append((job, running, entries))
        raise SettingsError("this is far enough")

    monkeypatch.setattr(room, "carry_out", carry_out)
    return calls


def test_a_folder_becomes_a_store_and_the_store_a_file(images, tmp_path):
    told = []
    outcome = samara.annotate(
        images, out=tmp_path / "out", settings=FEW, device="cpu", progress=lambda *step: told.append(step)
    )
    assert (outcome.total.images, outcome.left_out) == (2, ())
    assert told[-1][1:] == (2, 2)
    losses = samara.export_annotations(tmp_path / "out", out=tmp_path / "exported", formats="coco", categories=["cell"])
    assert losses["coco"].masks == outcome.total.masks
    assert (tmp_path / "exported" / "coco.json").is_file()
    assert samara.open_store(str(tmp_path / "out")).counts()[0] == 2


def test_prompts_and_what_they_leave_out(images, tmp_path):
    boxes = coco(tmp_path / "boxes.json", {"0001.png": [[1, 2, 10, 5]]})
    outcome = samara.annotate(images, out=tmp_path / "out", prompts=boxes, device="cpu")
    assert outcome.total.masks == 1
    assert outcome.left_out == (f"1 images without an entry in {boxes} were left out",)


def test_a_profile_fills_what_nobody_says(images, tmp_path, asked):
    said = samara.AnnotationSettings(automatic=samara.AutomaticSettings(points_per_side=16))
    for settings, checkpoint in ((None, None), (said, "vit_b")):
        with pytest.raises(SettingsError):
            samara.annotate(images, out=tmp_path, profile="production", settings=settings, checkpoint=checkpoint)
    (first, *_), (second, *_) = asked
    assert (first.choice.checkpoint, first.settings.automatic) == ("sam_vit_l", TRAINING_MASKS)
    assert second.choice.checkpoint == "vit_b"
    assert (second.settings.automatic.points_per_side, second.settings.automatic.pred_iou_thresh) == (16, 0.86)


def test_arguments_reach_the_run(images, tmp_path, asked):
    how = dict(workers=3, cluster="ray", gpus_per_worker=0.5, embedding_cache="kept", embedding_cache_gb=2, resume=True)
    with pytest.raises(SettingsError):
        samara.annotate(images, out=tmp_path, engine="openvino", retry=True, formats=["coco"], **how)
    ((job, running, entries),) = asked
    assert (job.choice.engine, job.choice.checkpoint, job.max_embedding_bytes) == ("openvino", "samara_mini", 2e9)
    assert (running.workers, running.cluster.gpus, running.if_there, running.retry) == (3, 0.5, "resume", True)
    assert entries is None


@pytest.mark.parametrize(
    ("contradiction", "told"),
    [({"retry": True}, "give `resume` with it"), ({"resume": True, "overwrite": True}, "choose one")],
)
def test_contradictions_are_refused(images, tmp_path, contradiction, told):
    with pytest.raises(SettingsError, match=told):
        samara.annotate(images, out=tmp_path / "out", **contradiction)
