"""Twins share parameters and nothing else, and are as plain as what they were made from."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from samara.checkpoints.load import load
from samara.networks.plain import is_plain
from samara.segment_anything.modeling import hq, image_encoder
from samara.segment_anything.modeling.twins import official_twin, samaras_twin
from tests.segment_anything.compute import network
from tests.segment_anything.conftest import HQ_PACKAGE, PACKAGE


@pytest.fixture(scope="module")
def loaded():
    return load("sam_hq_vit_tiny", weights="random", device="cpu", precision="float32", input_size=64)


def parts(sam):
    return sam.image_encoder, sam.prompt_encoder, sam.mask_decoder


def test_there_and_back_is_the_same_network(loaded):
    for part in parts(loaded.sam):
        twin = official_twin(part, early_features=True)
        back = samaras_twin(twin)
        assert type(back) is type(part) is not type(twin)
        assert [type(module) for module in back.modules()] == [type(module) for module in part.modules()]
        assert is_plain(back)
        for one, other in zip(part.parameters(), back.parameters(), strict=True):
            assert one is other


def test_early_features_come_in_both_forms(loaded):
    encoder = loaded.sam.image_encoder
    twin = official_twin(encoder, early_features=True)
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        embedding, (early,) = twin(images)
        joined = encoder(images)
    torch.testing.assert_close(torch.cat([embedding, early.permute(0, 3, 1, 2)], dim=1), joined)


@pytest.mark.parametrize("package", [PACKAGE, HQ_PACKAGE])
def test_decoders_from_official_constructors_are_plain_networks_of_samara(package):
    sam = network(package)
    assert is_plain(samaras_twin(sam.prompt_encoder))
    assert is_plain(samaras_twin(sam.mask_decoder))
    sam.mask_decoder.transformer.layers[0].mlp.lin1.register_forward_hook(lambda *arguments: None)
    assert not is_plain(samaras_twin(sam.mask_decoder))


def test_what_is_added_to_one_is_not_seen_by_the_other(loaded):
    decoder = loaded.sam.mask_decoder
    twin = official_twin(decoder)
    twin.register_forward_hook(lambda *arguments: None)
    twin.transformer.layers[0].mlp.lin1 = nn.Identity()
    twin.register_parameter("more", nn.Parameter(torch.zeros(1)))
    assert is_plain(decoder)
    assert "more" not in dict(decoder.named_parameters())


def test_classes_of_others_stay(loaded):
    class Mine(type(loaded.sam.mask_decoder)):
        """Somebody's subclass."""

    mine = Mine.__new__(Mine)
    assert samaras_twin(mine) is mine
    wrapped = nn.Sequential(image_encoder.PatchEmbed(), hq.nn.Identity())
    assert type(samaras_twin(wrapped)[0]).__module__ == "samara.networks.vit"
