"""Trunk and neck, joined as the official class joins them."""

from __future__ import annotations

import pytest
import torch

from samara.sam2.modeling.backbones.image_encoder import ImageEncoder
from samara.sam2.modeling.position_encoding import PositionEmbeddingSine


@pytest.mark.parametrize("scalp", [0, 1, 2])
def test_levels(model, scalp):
    encoder = ImageEncoder(model.image_encoder.trunk, model.image_encoder.neck, scalp)
    with torch.no_grad():
        found = encoder(torch.randn(1, 3, 64, 64))
    sides = [16, 8, 4, 2][: 4 - scalp]
    for maps in (found["backbone_fpn"], found["vision_pos_enc"]):
        assert [tuple(one.shape) for one in maps] == [(1, 256, side, side) for side in sides]
    assert found["vision_features"] is found["backbone_fpn"][-1]
    torch.testing.assert_close(found["vision_pos_enc"][0], PositionEmbeddingSine(256)(found["backbone_fpn"][0]))


def test_what_the_neck_says_of_itself(model):
    neck = model.image_encoder.neck
    assert (neck.d_model, neck.backbone_channel_list) == (256, [128, 64, 32, 16])
    assert model.image_encoder.scalp == 1
