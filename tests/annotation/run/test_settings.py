"""Settings: cleaning, what the manifest records, the named configurations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from samara.annotation.run.settings import PROFILES, AnnotationSettings, Cleaning, profile_named
from samara.checkpoints.catalogue import find
from samara.errors import SettingsError
from samara.masks.rle import encode_mask
from samara.segmentation.automatic.settings import AutomaticSettings
from tests.annotation.conftest import random_masks


def squares(*sides):
    """Squares from the top left corner of 12 × 16 pixels, the later the surer."""
    masks = random_masks(0, len(sides))
    rles = []
    for side in sides:
        mask = np.zeros((12, 16), bool)
        mask[:side, :side] = True
        rles.append(encode_mask(mask))
    return replace(masks, rles=tuple(rles), predicted_iou=np.arange(len(sides)) / 10)


@pytest.mark.parametrize(
    ("cleaning", "areas"),
    [
        (Cleaning(), [4, 100, 16, 121]),
        (Cleaning(min_area=10), [100, 16, 121]),
        (Cleaning(top=2), [16, 121]),
        (Cleaning(exclusive=True), [4, 84, 12, 21]),
        (Cleaning(exclusive=True, min_area=14), [84, 16, 21]),
        (Cleaning(unique=True), [121, 16, 100, 4]),
    ],
)
def test_masks_are_cleaned(cleaning, areas):
    assert cleaning.clean(squares(2, 10, 4, 11)).areas.tolist() == areas


def test_duplicates_go_before_the_best_are_counted():
    masks = squares(4, 10, 10)
    assert Cleaning(unique=True, top=2).clean(masks).areas.tolist() == [100, 16]
    assert Cleaning(hierarchy=True).clean(masks).parent.tolist() == [1, -1, -1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Cleaning(top=0), "at least 1"),
        (lambda: Cleaning(min_area=-1), "at least 0"),
        (lambda: AnnotationSettings(tile=100, tile_overlap=51), "at most half"),
        (lambda: AnnotationSettings(tile=100, tile_overlap=0), "at least 1"),
        (lambda: profile_named("fast"), "development, production, high-quality"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(SettingsError, match=message):
        make()


def test_what_cannot_change_a_row_is_not_recorded():
    facts = AnnotationSettings(automatic=AutomaticSettings(points_per_side=32, points_per_batch=7)).facts()
    assert facts == AnnotationSettings(automatic=AutomaticSettings(points_per_side=32)).facts()
    assert facts["automatic"]["points_per_side"] == 32
    assert "tile_overlap" not in facts
    assert AnnotationSettings(tile=512).facts()["tile_overlap"] == 128
    assert "automatic" not in AnnotationSettings(asking="prompts").facts()


def test_profiles_are_those_of_the_brief():
    assert [find(one.checkpoint).variant for one in PROFILES.values()] == ["vit_b", "vit_l", "vit_h"]
    for one in PROFILES.values():
        assert one.automatic.points_per_side == 32
        assert one.automatic.pred_iou_thresh == 0.86
        assert one.automatic.stability_score_thresh == 0.92
    assert profile_named("production").checkpoint == "sam_vit_l"
    said = AnnotationSettings(automatic=AutomaticSettings(points_per_side=16), tile=512)
    filled = profile_named("production").fill(said)
    assert (filled.automatic.points_per_side, filled.automatic.pred_iou_thresh, filled.tile) == (16, 0.86, 512)
