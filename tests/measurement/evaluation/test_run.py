"""A whole run: records, refusals, and going on where it was cut off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from samara.errors import RecordError
from samara.measurement.evaluation.ground_truth import GroundTruth, read_ground_truth
from samara.measurement.evaluation.protocols import refusals
from samara.measurement.evaluation.run import Quality, score_images
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.measurement.records.environment import Environment
from samara.measurement.records.metrics import MEASURES, METRICS_OF
from samara.networks.variants import VARIANTS
from tests.measurement.evaluation.conftest import BoxItself
from tests.measurement.records.samples import SUBJECT

SETTINGS = EvaluationSettings(objects=2)


@pytest.fixture
def where(coco):
    return GroundTruth(coco, coco.parent / "images", "drawn")


@pytest.fixture
def images(where):
    return read_ground_truth(where, SETTINGS)


def quality(where, **changes):
    facts = {
        "subject": SUBJECT,
        "where": where,
        "settings": SETTINGS,
        "here": Environment({"cores": 2}, {"torch": "2"}, "c0ffee"),
        "details": {},
    }
    return Quality(**facts | changes)


def test_every_metric_has_a_record_per_source_and_a_mean(where, images):
    scores = score_images(BoxItself(), images, SETTINGS)
    records = quality(where).records(scores, {})
    metrics = [metric for measure in MEASURES for metric in METRICS_OF[measure]]
    assert [(one.metric, one.source) for one in records] == [
        (metric, source) for metric in metrics for source in ("a", "b", None)
    ]
    by_place = {(one.metric, one.source): one for one in records}
    box = by_place["box_iou", None]
    assert (box.value, box.n, box.images, box.domain) == (1.0, 6, 3, "drawn")
    assert (box.commit, box.machine, box.versions) == ("c0ffee", {"cores": 2}, {"torch": "2"})
    assert box.settings["objects"] == 2
    assert box.settings["ground_truth"] == where.digest
    assert by_place["average_recall", "a"].n == 6
    assert by_place["box_iou", "a"].interval.low == 1.0
    assert by_place["box_iou", "b"].interval is None
    assert len({one.job for one in records}) == 1


def test_what_does_not_apply_has_no_value_and_says_why(where, images):
    yolo = VARIANTS["yolo11n_seg"]
    model = BoxItself(yolo.capabilities)
    refused = refusals(SETTINGS.measures, model.capabilities, yolo.title)
    records = quality(where).records(score_images(model, images, SETTINGS, refused=refused), refused)
    assert model.asked == []
    recall = [one for one in records if one.metric == "average_recall"]
    assert [one.source for one in recall] == ["a", "b", None]
    rest = [one for one in records if one.metric != "average_recall"]
    assert {one.status for one in rest} == {"not applicable"}
    assert {one.note for one in rest if one.metric == "box_iou"} == {"YOLO11n-seg cannot take boxes"}


def test_the_job_is_known_by_all_that_makes_its_numbers(where, tmp_path):
    job = quality(where).job
    other = tmp_path / "other.json"
    other.write_text(where.annotations.read_text() + " ")
    assert quality(where).job == job
    assert quality(where, settings=replace(SETTINGS, failures=9)).job == job
    others = [
        quality(where, settings=replace(SETTINGS, seed=1)),
        quality(where, subject=replace(SUBJECT, sha256="cd" * 32)),
        quality(where, here=Environment({"cores": 3}, {"torch": "2"}, None)),
        quality(where, details={"hq_token_only": True}),
        quality(replace(where, annotations=other)),
        quality(replace(where, domain="else")),
    ]
    assert len({job, *(one.job for one in others)}) == 7


class Stopped(BaseException):
    """Like Ctrl-C."""


class Tired(BoxItself):
    """Gives up at its second image."""

    def embed(self, image):
        if self.embedded == 1:
            raise Stopped
        return super().embed(image)


def test_a_run_goes_on_where_it_was_cut_off(images, tmp_path):
    journal = tmp_path / "scores" / "job.jsonl"
    whole = score_images(BoxItself(), images, SETTINGS)
    with pytest.raises(Stopped):
        score_images(Tired(), images, SETTINGS, journal=journal)
    with journal.open("a") as file:
        file.write('{"name": "half')  # what a power cut leaves
    model, told = BoxItself(), []
    assert score_images(model, images, SETTINGS, journal=journal, progress=lambda *n: told.append(n)) == whole
    assert model.embedded == 2
    assert told == [("evaluating", done, 3) for done in range(4)]
    assert score_images(model, images, SETTINGS, journal=journal) == whole
    assert model.embedded == 2


def test_scores_of_something_else_are_not_mixed_in(images, where, tmp_path):
    journal = tmp_path / "job.jsonl"
    score_images(BoxItself(), images, SETTINGS, journal=journal)
    other = replace(SETTINGS, objects=1)
    with pytest.raises(RecordError, match="holds scores of other images or objects"):
        score_images(BoxItself(), read_ground_truth(where, other), other, journal=journal)
