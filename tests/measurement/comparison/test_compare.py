"""`samara.measurement.comparison.compare`: from records, scores and ground truth to what is shown."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

import samara
from samara import EvaluationSettings
from samara.errors import OutputError, RecordError, SettingsError
from samara.measurement.comparison.compare import CSV, JSON, MARKDOWN, PAGE, asked_images, compare
from samara.measurement.comparison.comparison import Comparison
from samara.measurement.comparison.score_files import score_files
from samara.measurement.evaluation.ground_truth import GroundTruth
from samara.measurement.records.record_file import append_records, read_records
from tests.finetuning.conftest import make_tiny
from tests.measurement.comparison.samples import records
from tests.measurement.evaluation.conftest import write_coco

SETTINGS = EvaluationSettings(measures=("centre_click", "box"), objects=2)


@pytest.fixture
def files(tmp_path):
    """Records of two machines, with one record in both."""
    made = records()
    cpu, gpu = tmp_path / "cpu.jsonl", tmp_path / "gpu.jsonl"
    append_records(cpu, [one for one in made if one.subject.device == "cpu"])
    append_records(gpu, [one for one in made if one.subject.device != "cpu"] + made[:1])
    return cpu, gpu


def test_records_of_several_machines_are_shown_together(files, tmp_path):
    out = tmp_path / "out"
    compared = compare([], out=out, records=files)
    assert compared.files == tuple(out / name for name in (PAGE, JSON, CSV, MARKDOWN))
    assert len(compared.comparison.records) == len(records())
    assert [table.name for table in compared.tables] == [
        "overview",
        "quality",
        "zero-shot",
        "versus",
        "versus-2",
        "machines",
        "speed",
        "throughput",
        "memory",
        "fine-tuning-memory",
        "claims",
        "published",
    ]
    assert {path.relative_to(out) for path in compared.exports} >= {
        Path("tables/overview.csv"),
        Path("tables/quality.tex"),
        Path("charts/times.svg"),
        Path("charts/times-2.pdf"),
        Path("charts/quality-natural.svg"),
    }
    assert json.loads((out / JSON).read_text())["machines"][1]["title"] == "NVIDIA X9"
    assert len(list(csv.DictReader((out / CSV).read_text().splitlines()))) == len(records())
    assert "NVIDIA X9" in (out / PAGE).read_text()


def test_rendering_again_gives_the_same(files, tmp_path):
    texts = []
    for name in ("one", "two"):
        compare([], out=tmp_path / name, records=files)
        texts.append([(tmp_path / name / part).read_text() for part in (PAGE, JSON, CSV, MARKDOWN)])
    assert texts[0] == texts[1]


def evaluated(tmp_path, names):
    """Answers of tiny networks, which differ, on the same ground truth."""
    coco = write_coco(tmp_path)
    for name in names:
        tiny = make_tiny()
        trained = replace(tiny, provenance=replace(tiny.provenance, name=name, weights="file"))
        samara.evaluate(coco, coco.parent / "images", trained, settings=SETTINGS, domain="cells", out=tmp_path / "out")
    return GroundTruth(coco, coco.parent / "images", "cells")


def test_masks_of_the_same_prompts_stand_side_by_side(tmp_path):
    where = evaluated(tmp_path, ["first", "second"])
    out = tmp_path / "out"
    comparison = Comparison(tuple(read_records(out / "records.jsonl")))
    asked = list(asked_images(comparison, score_files([out / "scores"]), [where], SETTINGS))
    assert [one.asked for one in asked] == ["centre click", "centre click", "box", "box"]
    for one in asked:
        assert [answer.title for answer in one.answers] == ["first", "second"]
        assert len(one.prompts) == len(one.truths) == len(one.answers[0].masks) == 2
        assert one.answers[0].iou == pytest.approx(
            sum(
                (truth.decode() & mask.decode()).sum() / (truth.decode() | mask.decode()).sum()
                for truth, mask in zip(one.truths, one.answers[0].masks, strict=True)
            )
            / 2
        )
    compared = compare([], out=out, ground_truth=[where], evaluation=SETTINGS)
    assert compared.files[0].read_text().count("data:image/jpeg") == 4 * 3
    (differences,) = (table for table in compared.tables if table.name == "differences")
    assert differences.columns == ("centre click, IoU", "box, IoU", "objects")
    (row,) = differences.rows
    best, other = row.heads[0].split(" − ")
    means = {one.title: one.value("box_iou", domain="cells") for one in compared.comparison.contenders}
    assert row.cells[1].value == pytest.approx(means[best] - means[other])


def test_answers_about_other_ground_truth_are_not_shown(tmp_path):
    where = evaluated(tmp_path, ["first"])
    comparison = Comparison(tuple(read_records(tmp_path / "out" / "records.jsonl")))
    other = write_coco(tmp_path / "other", seed=1)
    for elsewhere in (GroundTruth(other, other.parent / "images", "cells"), replace(where, domain="stars")):
        assert not list(asked_images(comparison, score_files([tmp_path / "out" / "scores"]), [elsewhere], SETTINGS))
    assert not list(asked_images(comparison, score_files([tmp_path / "nowhere"]), [where], SETTINGS))


def test_what_is_not_there_is_told_before_anything_is_written(files, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(RecordError, match="is not a record file"):
        compare([], out=out, records=[*files, tmp_path / "missing.jsonl"])
    with pytest.raises(SettingsError, match="nothing to compare"):
        compare([], out=out)
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text('{"format": 99}\n')
    with pytest.raises(RecordError, match="line 1"):
        compare([], out=out, records=[damaged])
    assert not out.exists()


def test_a_folder_that_is_a_file_is_refused(files, tmp_path):
    with pytest.raises(OutputError):
        compare([], out=files[0], records=files)


def test_a_folder_of_charts_from_elsewhere_is_left_alone(files, tmp_path):
    (tmp_path / "out" / "charts").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"charts exists, and comparison.json next to it was not written by samara"):
        compare([], out=tmp_path / "out", records=files)
    (tmp_path / "out" / "charts").rmdir()
    compare([], out=tmp_path / "out", records=files)
    compare([], out=tmp_path / "out", records=files)  # its own are written again
