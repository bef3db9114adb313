"""The registries, HQ-SAM's too, and networks of other sizes."""

from __future__ import annotations

import pickle

import pytest
import torch

from samara.errors import SettingsError, WrongCheckpoint
from samara.segment_anything import build_sam, build_sam_hq, build_sam_vit_b, sam_hq_model_registry, sam_model_registry
from samara.segment_anything.build_sam import _build_sam
from samara.segment_anything.modeling.hq import MaskDecoderHQ
from samara.segment_anything_hq.build_sam import _build_sam as _build_sam_hq

NUMBERS = (24, 2, 3, [1])


def test_defaults_are_the_largest():
    assert sam_model_registry["default"] is sam_model_registry["vit_h"] is build_sam
    assert sam_hq_model_registry["default"] is sam_hq_model_registry["vit_h"] is build_sam_hq
    assert sam_hq_model_registry["vit_tiny"] is sam_model_registry["hq_vit_t"]
    assert set(sam_hq_model_registry) == {"default", "vit_h", "vit_l", "vit_b", "vit_tiny"}
    assert pickle.loads(pickle.dumps(build_sam_vit_b)).args == ("vit_b",)


def test_hq_sam_comes_as_its_package_builds_it():
    sam = sam_hq_model_registry["vit_tiny"]()
    assert isinstance(sam.mask_decoder, MaskDecoderHQ)
    assert not sam.hq_token_only
    assert not sam.training
    assert sam.mask_decoder.hf_token.weight.requires_grad
    assert not sam.mask_decoder.iou_token.weight.requires_grad
    with torch.no_grad():
        embedding, early = sam.image_encoder(torch.zeros(1, 3, 256, 256))
    assert embedding.shape == (1, 256, 16, 16)
    assert [one.shape[-1] for one in early] == [160]


@pytest.mark.parametrize("build", [_build_sam, _build_sam_hq])
def test_a_network_of_other_numbers_takes_its_file(build, tmp_path):
    sam = build(*NUMBERS)
    assert not sam.training
    assert sam.image_encoder.pos_embed.shape == (1, 64, 64, 24)
    assert [block.window_size for block in sam.image_encoder.blocks] == [14, 0]
    path = tmp_path / "small.pth"
    torch.save(sam.state_dict(), path)
    again = build(*NUMBERS, checkpoint=path)
    for name, value in again.state_dict().items():
        torch.testing.assert_close(value, sam.state_dict()[name])
    with pytest.raises(WrongCheckpoint, match="does not fit"):
        build(36, 2, 3, [1], path)


def test_the_file_can_be_written_over_what_was_built_from_it(tmp_path):
    path = tmp_path / "small.pth"
    torch.save(_build_sam(*NUMBERS).state_dict(), path)
    sam = _build_sam(*NUMBERS, path)
    wanted = sam.mask_decoder.iou_token.weight.clone()
    path.write_bytes(b"")
    torch.testing.assert_close(sam.mask_decoder.iou_token.weight, wanted)


def test_the_flag_is_for_hq_sam():
    with pytest.raises(SettingsError, match="no HQ token"):
        sam_model_registry["vit_t"](hq_token_only=True)
