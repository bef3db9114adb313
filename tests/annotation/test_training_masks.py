"""The brief's function, as a stream."""

from __future__ import annotations

import numpy as np
import pytest

import samara
from samara.errors import SettingsError, UnknownCheckpoint


@pytest.fixture(scope="module")
def mini(small_mini):
    return small_mini


def test_it_streams_the_official_records(mini, dog):
    taken = []

    def images():
        for number in range(3):
            taken.append(number)
            yield dog

    stream = samara.generate_training_masks(
        images(), mini, points_per_side=4, pred_iou_thresh=0.0, stability_score_thresh=0.0
    )
    assert taken == []
    masks = next(stream)
    assert taken == [0]
    expected = samara.AutomaticMaskGenerator(
        mini, samara.AutomaticSettings(points_per_side=4, pred_iou_thresh=0.0, stability_score_thresh=0.0)
    ).generate(dog)
    assert len(masks) == len(expected) > 0
    for record, mask in zip(masks, expected.masks(), strict=True):
        assert (record["segmentation"] == mask).all()
        assert set(record) == {
            *("segmentation", "area", "bbox", "predicted_iou", "point_coords", "stability_score", "crop_box"),
        }
        x, y, width, height = record["bbox"]
        assert record["segmentation"][y : y + height, x : x + width].sum() == record["area"]


def test_the_checkpoint_of_the_brief_is_asked_for_before_the_first_image():
    with pytest.raises(UnknownCheckpoint, match="samara checkpoints get sam_vit_l"):
        samara.generate_training_masks([np.zeros((8, 8, 3), np.uint8)])
    with pytest.raises(SettingsError, match="points_per_side"):
        samara.generate_training_masks([], "samara_mini", points_per_side=0)
