"""A whole job: one process or several, what is recorded, what is found out before a night begins."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest
import torch

from samara.annotation.carry_out import AnnotationRun, carry_out, require_commercial
from samara.annotation.inputs.sources import open_source
from samara.annotation.run.job import AnnotationJob
from samara.annotation.run.runner import Tally
from samara.annotation.run.settings import AnnotationSettings
from samara.annotation.store.plan import Asked
from samara.checkpoints.choice import Choice
from samara.errors import SettingsError
from samara.segmentation.automatic.settings import AutomaticSettings
from tests.annotation.conftest import write_images
from tests.annotation.fake import final_rows

FEW = AutomaticSettings(points_per_side=2, pred_iou_thresh=0.0, stability_score_thresh=0.0)


def job_of(images):
    return AnnotationJob(
        choice=Choice(device="cpu", precision="float32", input_size=128),
        settings=AnnotationSettings(automatic=FEW),
        source=open_source([str(images)]),
    )


@pytest.fixture
def images(tmp_path):
    write_images(tmp_path / "images", 6)
    return tmp_path / "images"


def test_progress_counts_what_others_did(images, tmp_path):
    told = []
    (images / "0004.png").write_text("<html>")
    outcome = carry_out(
        job_of(images),
        AnnotationRun(out=tmp_path / "out", images_per_shard=2),
        progress=lambda *step: told.append(step),
    )
    assert told[0] == ("annotating: 0 masks, 0 quarantined", 0, 6)
    assert told[-1] == (f"annotating: {outcome.total.masks} masks, 1 quarantined", 6, 6)
    assert outcome.total.images == 6
    assert outcome.total.quarantined == 1
    assert [row.path for row in outcome.quarantined] == ["0004.png"]
    (record,) = (tmp_path / "out" / "runs").glob("*.json")
    assert json.loads(record.read_text())["images"] == 6
    with (tmp_path / "out" / "quarantined.csv").open(newline="") as file:
        (bad,) = csv.DictReader(file)
    assert (bad["path"], bad["reason"]) == ("0004.png", outcome.quarantined[0].reason)
    again = carry_out(job_of(images), AnnotationRun(out=tmp_path / "out", if_there="resume"))
    assert again.done_by_this_run == Tally()
    assert again.total == outcome.total


def test_a_limited_run_exports_what_is_there(images, tmp_path):
    told = []
    limited = AnnotationRun(out=tmp_path / "out", images_per_shard=2, limit=3, formats=("coco",))
    outcome = carry_out(job_of(images), limited, progress=lambda *step: told.append(step[1:]))
    assert (outcome.total.images, outcome.missing, outcome.done_by_this_run.images) == (3, 3, 3)
    assert told[-1] == (3, 3)
    assert len(json.loads((tmp_path / "out/exports/coco.json").read_text())["images"]) == 3
    again = carry_out(job_of(images), replace(limited, if_there="resume", limit=2, formats=(), workers=2))
    assert (again.total.images, again.missing, again.done_by_this_run.images) == (5, 1, 2)
    rest = carry_out(job_of(images), replace(limited, if_there="resume", limit=9))
    assert (rest.total.images, rest.missing) == (6, 0)
    assert rest.store.is_complete
    with pytest.raises(SettingsError, match="`limit` is 0"):
        carry_out(job_of(images), replace(limited, out=tmp_path / "none", limit=0))


@pytest.fixture
def one_thread():
    """The last bits of sums depend on the number of threads, and two processes have half of them each."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("batch", [1, 4])
def test_processes_give_the_rows_of_one(tmp_path, batch):
    write_images(tmp_path / "images", 24, size=(200, 150))
    one, two = tmp_path / "one", tmp_path / "two"
    job = replace(job_of(tmp_path / "images"), batch=batch)
    carry_out(job, AnnotationRun(out=one, images_per_shard=3))
    outcome = carry_out(job, AnnotationRun(out=two, images_per_shard=3, workers=2))
    assert outcome.total.images == outcome.done_by_this_run.images == 24
    assert final_rows(one) == final_rows(two)


def on_gpu(images, precision, **settings):
    return AnnotationJob(
        choice=Choice(device="cuda", precision=precision),
        settings=AnnotationSettings(**settings),
        source=open_source([str(images)]),
        timings=True,
    )


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("asking", ["everything", "prompts"])
def test_a_gpu_annotates_in_batches_and_two_processes_give_the_rows_of_one(tmp_path, precision, asking):
    write_images(tmp_path / "images", 40, size=(200, 150))
    job = on_gpu(tmp_path / "images", precision, asking=asking)
    box = (Asked(box=(5.0, 5.0, 90.0, 80.0)), Asked(((50.0, 60.0),), (1,)))

    def entries():
        return [replace(one, asked=box if asking == "prompts" else ()) for one in job.source.entries()]

    one = carry_out(job, AnnotationRun(out=tmp_path / "one", images_per_shard=16), entries())
    two = carry_out(job, AnnotationRun(out=tmp_path / "two", images_per_shard=16, workers=2), entries())
    assert one.total == two.total
    assert one.total.quarantined == 0
    assert final_rows(tmp_path / "one") == final_rows(tmp_path / "two")
    if asking == "prompts":
        assert one.total.masks == 80
    assert one.spent.encoding > 0
    assert one.spent.masks > 0
    alone = carry_out(replace(job, batch=1), AnnotationRun(out=tmp_path / "alone", images_per_shard=16), entries())
    assert abs(alone.total.masks - one.total.masks) <= 0.02 * one.total.masks  # the last digits differ


@pytest.mark.gpu
def test_a_gpu_annotates_tiles_in_batches(tmp_path):
    write_images(tmp_path / "images", 2, size=(900, 700))
    job = on_gpu(tmp_path / "images", "bfloat16", tile=300, tile_overlap=60)
    outcome = carry_out(job, AnnotationRun(out=tmp_path / "out"))
    assert (outcome.total.images, outcome.total.quarantined) == (2, 0)


def test_detectors_annotate_with_their_classes_and_licences_are_heeded(images, tmp_path):
    random = Choice(checkpoint="yolo11n-seg", device="cpu", weights="random", input_size=64)
    settings = AnnotationSettings(automatic=AutomaticSettings(pred_iou_thresh=0.0))
    job = replace(job_of(images), choice=random, settings=settings)
    with pytest.raises(SettingsError, match=r"yolo11n-seg is under unknown: no licence is known"):
        carry_out(job, AnnotationRun(out=tmp_path / "out", commercial=True))
    with pytest.raises(SettingsError, match="use a SAM checkpoint"):
        carry_out(replace(job, settings=AnnotationSettings(asking="prompts")), AnnotationRun(out=tmp_path / "prompted"))
    outcome = carry_out(job, AnnotationRun(out=tmp_path / "out", formats=("coco",)))
    assert outcome.total.masks > 0
    for row in outcome.store.masks():
        assert all(category for category in row.categories)
    free = carry_out(job_of(images), AnnotationRun(out=tmp_path / "free", commercial=True))
    assert free.total.images == 6


def test_weights_whose_licence_binds_the_product_are_refused(mini):
    require_commercial(mini)
    bound = replace(mini, provenance=replace(mini.provenance, licence="AGPL-3.0-only"))
    with pytest.raises(SettingsError, match="samara_mini is under AGPL-3.0-only: .* must be published"):
        require_commercial(bound)


def test_what_would_fail_later_fails_at_once(images, tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match="at least 1"):
        carry_out(job_of(images), AnnotationRun(out=tmp_path / "out", workers=0))
    with pytest.raises(SettingsError, match="cocoa"):
        carry_out(job_of(images), AnnotationRun(out=tmp_path / "out", formats=("cocoa",)))
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"samara\[report\]"):
        carry_out(job_of(images), AnnotationRun(out=tmp_path / "out", report=True))
    assert not (tmp_path / "out").exists()
