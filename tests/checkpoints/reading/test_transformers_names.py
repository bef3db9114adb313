"""Names of transformers' SAM; the whole table is compared in test_rename."""

from __future__ import annotations

import pytest

from samara.checkpoints.reading.transformers_names import from_transformers, is_transformers_layout


@pytest.mark.parametrize(
    ("theirs", "published"),
    [
        ("vision_encoder.layers.3.layer_norm1.weight", "image_encoder.blocks.3.norm1.weight"),
        ("vision_encoder.neck.conv2.weight", "image_encoder.neck.2.weight"),
        ("prompt_encoder.point_embed.2.weight", "prompt_encoder.point_embeddings.2.weight"),
        ("mask_decoder.iou_prediction_head.proj_out.bias", "mask_decoder.iou_prediction_head.layers.2.bias"),
        ("mask_decoder.upscale_layer_norm.weight", "mask_decoder.output_upscaling.1.weight"),
    ],
)
def test_single_names(theirs, published):
    assert from_transformers({theirs: 1}) == {published: 1}


def test_other_networks_of_transformers_are_told_apart():
    assert is_transformers_layout(["vision_encoder.layers.0.attn.qkv.weight"])
    assert not is_transformers_layout(["vision_encoder.layers.0.attn.qkv.weight", "mask_decoder.hq_token.weight"])
    assert not is_transformers_layout(["image_encoder.blocks.0.attn.qkv.weight"])
