"""What would be done, found out without doing it."""

from __future__ import annotations

import json

import pytest

import samara
from samara.annotation.carry_out import AnnotationRun
from samara.annotation.forecast import forecast, rate_of
from samara.annotation.inputs.sources import open_source
from samara.annotation.run.job import AnnotationJob
from samara.annotation.store.store import open_store
from samara.checkpoints.choice import Choice
from samara.errors import OutputError, SettingsError
from tests.annotation.conftest import write_images
from tests.annotation.inputs.test_prompt_entries import coco

pytestmark = pytest.mark.usefixtures("small_inputs")

FEW = samara.AnnotationSettings(automatic=samara.AutomaticSettings(points_per_side=2))


def files_in(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def plan(images, out, **asked):
    """The forecast, which changes nothing."""
    before = files_in(out.parent)
    expected = samara.plan_annotation(images, out=out, device="cpu", **asked)
    assert files_in(out.parent) == before
    return expected


def test_images_are_found_and_nothing_is_written(images, tmp_path):
    (images / "again.png").symlink_to("0000.png")
    (images / "notes.txt").touch()
    expected = plan(images, tmp_path / "out", settings=FEW, formats=["coco"], report=True, limit=4)
    assert (expected.state, expected.images, expected.done, expected.to_do) == ("new", 6, 0, 4)
    assert (expected.prompts, expected.rate, expected.seconds) == (None, None, None)
    assert len(expected.left_out) == 2
    assert "1 images were given more than once" in "".join(expected.left_out)
    assert (expected.checkpoint, expected.device, expected.batch) == ("samara_mini", "cpu", 1)
    assert expected.settings.automatic.stability_score_thresh is not None


def test_prompts_are_counted(images, tmp_path):
    boxes = coco(tmp_path / "boxes.json", {"0001.png": [[1, 2, 10, 5], [0, 0, 9, 9]], "0002.png": [[1, 2, 10, 5]]})
    expected = plan(images, tmp_path / "out", prompts=boxes)
    assert (expected.images, expected.prompts) == (2, 3)
    assert expected.left_out == (f"4 images without an entry in {boxes} were left out",)


def test_a_resumed_store_says_what_is_left_and_how_long_it_takes(images, tmp_path):
    (images / "0001.png").write_text("<html>")
    out = tmp_path / "out"
    samara.annotate(images, out=out, device="cpu", settings=FEW, limit=3)
    expected = plan(images, out, settings=FEW, resume=True)
    assert (expected.state, expected.images, expected.done, expected.to_do) == ("resumed", 6, 3, 3)
    assert plan(images, out, settings=FEW, resume=True, retry=True).to_do == 4
    assert plan(images, out, settings=FEW, resume=True, limit=2).to_do == 2
    (record,) = (out / "runs").glob("*.json")
    facts = json.loads(record.read_text())
    assert expected.rate.seconds_per_image == pytest.approx(facts["seconds"] / 3)
    assert expected.seconds == pytest.approx(facts["seconds"])
    assert "3 images" in expected.rate.source
    assert plan(images, out, settings=FEW, resume=True, workers=2).rate is None  # nobody has timed two
    replaced = plan(images, out, settings=FEW, overwrite=True)
    assert (replaced.state, replaced.done, replaced.rate) == ("replaced", 0, None)


def test_the_last_run_counts_and_damaged_records_do_not(images, tmp_path):
    out = tmp_path / "out"
    outcome = samara.annotate(images, out=out, device="cpu", settings=FEW)
    (path,) = (out / "runs").glob("*.json")
    facts = json.loads(path.read_text())
    (out / "runs" / "a.json").write_text(json.dumps(facts | {"ended": "2999-01-01", "seconds": 600, "images": 60}))
    for name, text in (("b", "{"), ("c", json.dumps(facts | {"machine": "other"})), ("d", "[]"), ("e", "{}")):
        (out / "runs" / f"{name}.json").write_text(text)
    rate = rate_of(open_store(out), "cpu", 1)
    assert (rate.seconds_per_image, rate.source) == (10.0, "the run of 2999-01-01 in this store, 60 images")
    assert rate_of(open_store(out), "cuda", 1) is None
    assert outcome.total.images == 6


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"formats": ["cocoa"]}, SettingsError, "cocoa"),
        ({"limit": 0}, SettingsError, "`limit` is 0"),
        ({"batch": 0}, SettingsError, "`batch` is 0"),
        ({"checkpoint": "sam_vit_h"}, samara.SamaraError, "sam_vit_h"),
        ({"retry": True}, SettingsError, "give `resume`"),
        ({"colour": "red"}, TypeError, "colour"),
    ],
)
def test_what_would_stop_the_run_stops_the_forecast(images, tmp_path, asked, error, message):
    with pytest.raises(error, match=message):
        plan(images, tmp_path / "out", **asked)
    assert not (tmp_path / "out").exists()


def test_a_store_that_is_there_is_judged_as_by_the_run(images, tmp_path):
    out = tmp_path / "out"
    samara.annotate(images, out=out, device="cpu", settings=FEW, limit=1)
    with pytest.raises(OutputError, match="already contains a store"):
        plan(images, out, settings=FEW)
    with pytest.raises(SettingsError, match="points_per_side was 2"):
        plan(images, out, resume=True)


def test_formats_that_refuse_and_folders_without_images_are_told(tmp_path):
    write_images(tmp_path / "images", 1)
    (tmp_path / "images" / "0000.jpg").write_bytes((tmp_path / "images" / "0000.png").read_bytes())
    with pytest.raises(OutputError, match="yolo could not be written: .* would share"):
        plan(tmp_path / "images", tmp_path / "out", formats=["coco", "yolo"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingsError, match="no image to annotate"):
        plan(tmp_path / "empty", tmp_path / "out")


def test_a_detector_is_asked_what_it_can_do(images, tmp_path):
    choice = Choice(checkpoint="yolo11n-seg", device="cpu", weights="random", input_size=64)
    running = AnnotationRun(out=tmp_path / "out")

    def expected(settings):
        return forecast(AnnotationJob(choice=choice, settings=settings, source=open_source([str(images)])), running)

    assert expected(samara.AnnotationSettings()).to_do == 6
    with pytest.raises(SettingsError, match="use a SAM checkpoint"):
        expected(samara.AnnotationSettings(asking="prompts"))
    with pytest.raises(SettingsError, match="leave out points_per_side"):
        expected(FEW)
