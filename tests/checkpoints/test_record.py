import dataclasses

import pytest

from samara.checkpoints.catalogue import find


def test_a_record_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        find("vit_b").sha256 = "0" * 64


def test_defaults_are_those_of_the_official_generator():
    row = find("vit_h")
    assert (row.input_size, row.pred_iou_thresh, row.stability_score_thresh) == (1024, 0.88, 0.95)
