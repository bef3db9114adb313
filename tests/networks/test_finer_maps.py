"""Finer maps lie behind the image embedding and come off it as they were."""

from __future__ import annotations

import dataclasses

import pytest
import torch

import samara
from samara.networks.architectures import FinerMap
from samara.networks.finer_maps import pack, unpack
from samara.networks.variants import VARIANTS
from samara.segmentation.predictor import Predictor

SAM_2 = VARIANTS["sam2.1_hiera_t"].finer_maps


def maps_of(embedding, kinds=SAM_2):
    batch, _, h, w = embedding.shape
    return [torch.randn(batch, kind.channels, kind.scale * h, kind.scale * w) for kind in kinds]


def test_what_is_packed_comes_off_again():
    embedding = torch.randn(2, 256, 3, 4)
    finest, finer = maps_of(embedding)
    assert (finest.shape, finer.shape) == ((2, 32, 12, 16), (2, 64, 6, 8))
    features = pack(embedding, [finest, finer])
    assert features.shape == (2, 256 + 512 + 256, 3, 4)
    again, maps = unpack(features, SAM_2)
    assert again.equal(embedding)
    assert [one.equal(other) for one, other in zip(maps, (finest, finer), strict=True)] == [True, True]
    assert again.data_ptr() == features.data_ptr()  # a view


def test_without_finer_maps_nothing_changes():
    embedding = torch.randn(1, 5, 2, 2)
    assert pack(embedding, []).equal(embedding)
    assert unpack(embedding, ())[0].equal(embedding)


def test_a_block_of_a_finer_map_lies_at_its_cell():
    finer = torch.zeros(1, 1, 4, 8)
    finer[..., 2:, 6:] = 1.0  # what the last cell covers
    features = pack(torch.zeros(1, 1, 2, 4), [finer])
    assert features[0, 1:, 1, 3].eq(1).all()
    assert features.sum() == 4


def test_gradients_pass():
    embedding = torch.randn(1, 2, 2, 2, requires_grad=True)
    finer = torch.randn(1, 3, 4, 4, requires_grad=True)
    again, (map_,) = unpack(pack(embedding, [finer]), [FinerMap(3, 2)])
    (again.sum() + 2 * map_.sum()).backward()
    assert embedding.grad.eq(1).all()
    assert finer.grad.eq(2).all()


def test_an_embedding_without_them_is_refused():
    with pytest.raises(ValueError, match="256 channels does not contain 768 channels of finer maps"):
        unpack(torch.zeros(1, 256, 4, 4), SAM_2)


def test_sam_2_has_channels_for_them_and_sam_has_none():
    assert VARIANTS["sam2.1_hiera_t"].embedding_channels == 256 + 512 + 256
    assert VARIANTS["vit_b"].embedding_channels == 256


class Finer(torch.nn.Module):
    """An encoder that gives finer maps as well."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, images):
        embedding = self.encoder(images)
        torch.manual_seed(0)
        return pack(embedding, maps_of(embedding))


def test_they_travel_through_predictor_batch_and_file(tmp_path):
    """Whoever carries an embedding about need not know."""
    loaded = samara.load("mobile_sam", weights="random", device="cpu", precision="float32", input_size=64)
    network = loaded.network
    network.image_encoder = Finer(network.image_encoder)
    predictor = Predictor(dataclasses.replace(loaded))
    embedding, other = predictor.embed([torch.rand(3, 40, 60), torch.rand(3, 60, 40)], batch_size=2)
    assert embedding.features.shape == (1024, 4, 4)
    embedding.save(tmp_path / "embedding")
    again = samara.ImageEmbedding.load(tmp_path / "embedding")
    assert again.features.equal(embedding.features)
    prepared = predictor.engine.prepare(torch.stack([again.features, other.features]))
    plain, (finest, finer) = unpack(prepared.embeddings, SAM_2)
    assert (plain.shape, finest.shape, finer.shape) == ((2, 256, 4, 4), (2, 32, 16, 16), (2, 64, 8, 8))
    torch.manual_seed(0)
    assert finest.equal(maps_of(plain)[0])
