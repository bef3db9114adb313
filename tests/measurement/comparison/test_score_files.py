"""Scores behind records: found by job, of the right ground truth."""

from __future__ import annotations

from samara.measurement.comparison.comparison import Comparison
from samara.measurement.comparison.score_files import score_files
from samara.measurement.evaluation.scores import ImageScores
from tests.measurement.comparison.samples import number, subject

SCORES = ImageScores(name="a.png", source="all", objects=(), everything=(0.5,))


def test_they_are_found_in_any_folder_by_job_and_ground_truth(tmp_path):
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "j1.jsonl").write_text(SCORES.to_json() + "\n")
    facts = {"domain": "cells", "job": "j1", "settings": {"ground_truth": "aa"}}
    (one,) = Comparison((number(subject("a"), "average_recall", 0.5, **facts),)).contenders
    files = score_files([tmp_path / "first", tmp_path / "second", tmp_path / "first"])
    assert files.folders == (tmp_path / "first", tmp_path / "second")
    assert files.of_domain(one, "cells") == [SCORES]
    assert files.of_domain(one, "cells", "aa") == [SCORES]
    assert files.of_domain(one, "cells", "bb") == files.of_domain(one, "stars") == files.of_job("j2") == []
