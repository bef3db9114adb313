"""Low-rank updates in a file of their own: small, and only for the encoder that they belong to."""

from __future__ import annotations

import pytest
import torch

import samara
from samara.checkpoints.load import random_network
from samara.checkpoints.lora_file import merge_lora_file, save_lora
from samara.checkpoints.save import save_checkpoint
from samara.engines.loaded import fingerprint
from samara.errors import WrongCheckpoint
from samara.networks.lora import add_lora
from samara.networks.variants import VARIANTS


@pytest.fixture(scope="module")
def adapted():
    """MobileSAM's network with random weights, low-rank updates, and a changed decoder; and the encoder's name."""
    network = random_network(VARIANTS["vit_t"], 256, seed=1)
    encoder = fingerprint(network.image_encoder)
    generator = torch.Generator().manual_seed(3)
    add_lora(network.image_encoder, rank=2, generator=generator)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "lora_b" in name or name.startswith("mask_decoder.iou_token"):
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return network, encoder


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_loaded_with_its_checkpoint_it_does_the_same(adapted, tmp_path, suffix):
    network, encoder = adapted
    original = random_network(VARIANTS["vit_t"], 256, seed=1)
    save_checkpoint(tmp_path / "whole.safetensors", original.state_dict(), {})
    path = tmp_path / f"updates{suffix}"
    save_lora(path, network, encoder, {"samara": "mine"})
    assert path.stat().st_size < 0.6 * (tmp_path / "whole.safetensors").stat().st_size
    loaded = samara.load(tmp_path / "whole.safetensors", lora=path, device="cpu", precision="float32", input_size=256)
    assert loaded.name == f"whole.safetensors with updates{suffix}"
    images, points = torch.randn(1, 3, 256, 256), (torch.full((1, 1, 2), 99.0), torch.ones(1, 1, dtype=torch.int64))
    with torch.inference_mode():
        for ours, theirs in zip(loaded.network(images, points), network(images, points), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    identity = samara.identify(path)
    assert identity.part == "lora"
    assert "low-rank updates" in identity.description
    with pytest.raises(WrongCheckpoint, match="low-rank updates"):
        samara.load(path)


def test_a_file_of_updates_finds_the_catalogue_checkpoint_that_it_belongs_to(adapted, tmp_path, monkeypatch):
    network, encoder = adapted
    original = random_network(VARIANTS["vit_t"], 256, seed=1)
    save_checkpoint(tmp_path / "whole.safetensors", original.state_dict(), {})
    monkeypatch.setattr("samara.checkpoints.load._from_store", lambda *_, **__: tmp_path / "whole.safetensors")
    path = tmp_path / "updates.safetensors"
    save_lora(path, network, encoder, {"samara": "mobile_sam"})
    loaded = samara.load(path, device="cpu", input_size=256)
    assert loaded.name == "mobile_sam with updates.safetensors"
    expected = samara.load("mobile_sam", lora=path, device="cpu", input_size=256)
    assert fingerprint(loaded.network) == fingerprint(expected.network) != fingerprint(original)
    save_lora(path, network, encoder, {"samara": "mine.pth"})
    with pytest.raises(WrongCheckpoint, match=r"updates of 'mine.pth', which is not in the catalogue; use .*lora="):
        samara.load(path)


def test_updates_of_another_encoder_are_refused(adapted, tmp_path):
    network, encoder = adapted
    save_lora(tmp_path / "updates.safetensors", network, encoder, {})
    other = random_network(VARIANTS["vit_t"], 256, seed=2)
    before = {name: value.clone() for name, value in other.state_dict().items()}
    with pytest.raises(WrongCheckpoint, match="another image encoder"):
        merge_lora_file(other, tmp_path / "updates.safetensors")
    assert all(value.equal(before[name]) for name, value in other.state_dict().items())


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "contains no low-rank updates"),
        ({"lora": "[]"}, "does not say"),
        ({"lora": '{"rank": "x"}'}, "does not say"),
        ({"lora": "{"}, "does not say"),
    ],
)
def test_other_files_are_refused(tmp_path, metadata, message):
    network = random_network(VARIANTS["vit_t"], 256, seed=1)
    path = tmp_path / "other.safetensors"
    save_checkpoint(path, {"image_encoder.x": torch.zeros(1)}, metadata)
    with pytest.raises(WrongCheckpoint, match=message):
        merge_lora_file(network, path)
