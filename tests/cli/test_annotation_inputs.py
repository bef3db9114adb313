"""What options mean."""

from __future__ import annotations

import pytest

from samara.cli.annotation_inputs import choose_if_there, read_settings
from samara.errors import SettingsError


def test_settings_of_a_profile_can_be_changed():
    none = {"cleaning": {}, "reading": {}, "asking": "everything"}
    settings, checkpoint = read_settings("production", {"points_per_side": 16, "pred_iou_thresh": None}, **none)
    assert checkpoint == "sam_vit_l"
    assert (settings.automatic.points_per_side, settings.automatic.pred_iou_thresh) == (16, 0.86)
    settings, checkpoint = read_settings(None, {}, **none)
    assert checkpoint == "samara_mini"
    assert settings.automatic.pred_iou_thresh is None


def test_small_choices():
    assert choose_if_there(resume=False, overwrite=False) == "refuse"
    assert choose_if_there(resume=True, overwrite=False) == "resume"
    assert choose_if_there(resume=False, overwrite=True) == "overwrite"
    with pytest.raises(SettingsError):
        choose_if_there(resume=True, overwrite=True)
