"""Limits: the usual ones, lower where a checkpoint scores low, and as given where they are given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from samara.annotation.review.doubts import doubts_of
from samara.annotation.review.limits import MOST_OF_FEW, limits_of
from samara.annotation.review.settings import ReviewSettings
from samara.annotation.store.plan import PlannedImage
from samara.annotation.store.rows import mask_table
from samara.annotation.store.store import create_store
from tests.annotation.conftest import image_row
from tests.annotation.review.stores import JOB, masks_of


def store_with(folder, scores, stability=None):
    masks = replace(
        masks_of(*["good"] * len(scores), boxes=False),
        predicted_iou=np.array(scores),
        stability_score=None if stability is None else np.array(stability),
    )
    job = JOB | {"source": {"kind": "folder", "root": str(folder)}}
    store = create_store(folder / "store", job, [PlannedImage(1, "a.png")])
    row = image_row(1, len(scores))
    store.files(0).add_piece([row], [mask_table(row, masks)])
    return store


def test_few_masks_are_all_doubted_below_the_usual_limits(tmp_path):
    limits = limits_of(store_with(tmp_path, [0.1] * MOST_OF_FEW, [0.2] * MOST_OF_FEW), ReviewSettings())
    assert (limits.predicted_iou, limits.stability) == (0.7, 0.8)


def test_at_most_a_quarter_is_doubted_where_scores_are_low(tmp_path):
    scores = np.linspace(0.2, 0.6, 200)
    store = store_with(tmp_path, scores)
    limits = limits_of(store, ReviewSettings())
    assert limits.predicted_iou == pytest.approx(0.3, abs=0.003)
    assert limits.stability == 0.8  # nothing is known
    doubts = doubts_of(next(store.tables())[1], limits)
    assert (doubts.severity[:, 0] > 0).sum() == pytest.approx(50, abs=1)
    assert (doubts.severity[:, 0] > 0).sum() <= 50


def test_what_is_given_stays(tmp_path):
    given = ReviewSettings(predicted_iou=0.9)
    limits = limits_of(store_with(tmp_path, [0.5] * 100), given)
    assert limits == replace(given, stability=0.8)
    assert limits_of(store_with(tmp_path / "other", []), replace(given, stability=0.1)).stability == 0.1
