"""Settings say what they accept."""

from __future__ import annotations

import pytest

from samara.errors import SettingsError
from samara.segmentation.instances.settings import InstanceSettings


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"confidence_thresh": 1.5}, "confidence_thresh is 1.5; it must be between 0 and 1"),
        ({"box_nms_thresh": -0.1}, "box_nms_thresh is -0.1; it must be between 0 and 1"),
        ({"max_instances": 0}, "max_instances is 0; it must be at least 1"),
        ({"min_mask_region_area": -1}, "min_mask_region_area is -1; it must be at least 0"),
        ({"mask_nms_thresh": 2}, "mask_nms_thresh is 2"),
        ({"containment_thresh": float("nan")}, "containment_thresh is nan"),
    ],
)
def test_values_out_of_range(wrong, message):
    with pytest.raises(SettingsError, match=message):
        InstanceSettings(**wrong)


def test_limits_are_accepted():
    InstanceSettings(confidence_thresh=0, box_nms_thresh=1, max_instances=1, mask_nms_thresh=0)
