import dataclasses

import pytest

from samara.checkpoints.catalogue import find
from samara.networks.variants import VARIANTS


def test_a_record_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        find("vit_b").sha256 = "0" * 64


def test_defaults_are_those_of_the_official_networks():
    row = find("vit_h")
    assert row.input_size == 1024
    assert (row.pred_iou_thresh, row.stability_score_thresh) == (None, None)  # the variant's own
    assert (VARIANTS["vit_h"].pred_iou_thresh, VARIANTS["vit_h"].stability_score_thresh) == (0.88, 0.95)


def test_licences_say_what_may_be_sold():
    assert find("vit_b").is_free_for_commerce
    assert not find("fastsam_s").is_free_for_commerce
    assert not find("edge_sam").is_free_for_commerce
    assert not dataclasses.replace(find("vit_b"), licence="LicenseRef-of-nobody").is_free_for_commerce
