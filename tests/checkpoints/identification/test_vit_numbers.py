"""The numbers of a ViT are read off its file: widths, heads, feed-forward part, input size."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import samara
from samara.checkpoints.identification.families import recognise
from samara.checkpoints.identification.key_tables import NO_FAULTS, expected_shapes
from samara.checkpoints.identification.vit_numbers import own_vit, published_vit, read_vit_numbers
from samara.checkpoints.load import random_network
from samara.checkpoints.save import save_checkpoint
from samara.errors import WrongCheckpoint
from samara.networks.architectures import ViTConfig
from samara.networks.variants import VARIANTS
from samara.segment_anything import sam_model_registry
from tests.checkpoints.files import write_torch_zip

SMALL = ViTConfig(embed_dim=24, depth=8, num_heads=3, global_attention_blocks=(1, 3, 5, 7), mlp_ratio=2.5)


def small_network(size, config=SMALL):
    """A SAM with a ViT of numbers that nobody published, and random weights."""
    return random_network(own_vit(config, size), size, seed=5)


def at_size(variant, size):
    return dict(expected_shapes(VARIANTS[variant].at_input_size(size)))


@pytest.mark.parametrize("variant", ["vit_b", "vit_l", "vit_h", "hq_vit_b"])
@pytest.mark.parametrize("size", [224, 256, 512, 1024, 2048])
def test_published_networks_at_other_input_sizes(variant, size):
    found = recognise(at_size(variant, size))
    assert (found.variant, found.faults) == (variant, NO_FAULTS)
    assert found.network == VARIANTS[variant].at_input_size(size)
    assert found.note == ("" if size == 1024 else f"trained at {size} px")


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("hidden", [20, 64, 97])
@pytest.mark.parametrize(("width", "depth"), [(32, 4), (48, 12), (120, 24), (768, 24), (1024, 12)])
def test_any_numbers_are_read_back(width, depth, heads, hidden):
    step = depth // 4
    config = ViTConfig(
        embed_dim=width,
        depth=depth,
        num_heads=heads,
        global_attention_blocks=tuple(range(step - 1, depth, step)),
        mlp_ratio=hidden / width,
    )
    shapes = expected_shapes(own_vit(config, 512))
    numbers = read_vit_numbers(shapes, early=False)
    assert (numbers.config, numbers.input_size) == (config, 512)
    found = recognise(shapes)
    assert found.network.image_encoder == config or width in (768, 1024)


def test_hq_of_another_width():
    shapes = expected_shapes(own_vit(replace(SMALL, early_block=1), 256))
    found = recognise(shapes)
    assert (found.family, found.network.early_channels) == ("hq_sam", 24)


@pytest.mark.parametrize(
    "change",
    [
        {"image_encoder.pos_embed": None},
        {"image_encoder.blocks.0.mlp.lin1.weight": None},
        {"image_encoder.blocks.0.attn.rel_pos_h": None},
        {"image_encoder.blocks.0.attn.rel_pos_h": (27, 7)},
        {"image_encoder.blocks.0.attn.rel_pos_h": (27, 0)},
        {"image_encoder.pos_embed": (1, 16, 16, 24)},
        {"image_encoder.patch_embed.proj.weight": ()},
    ],
)
def test_what_does_not_fit_together_is_no_numbers(change):
    shapes = dict(expected_shapes(own_vit(SMALL, 512)))
    for name, shape in change.items():
        shapes[name] = shape
        if shape is None:
            del shapes[name]
    assert read_vit_numbers(shapes, early=False) is None
    assert recognise(shapes).variant is None


def test_published_numbers_have_their_published_name():
    config = VARIANTS["vit_b"].image_encoder
    assert published_vit(config, is_hq=False).name == "vit_b"
    assert published_vit(replace(config, early_block=2), is_hq=True).name == "hq_vit_b"
    assert published_vit(SMALL, is_hq=False) is None
    assert published_vit(VARIANTS["slimsam_50"].image_encoder, is_hq=True) is None  # there is no such file


def test_the_early_block_is_no_difference():
    hq = VARIANTS["hq_vit_b"].image_encoder
    assert published_vit(replace(hq, early_block=None), is_hq=True).name == "hq_vit_b"


@pytest.mark.parametrize("size", [128, 256])
def test_a_small_one_is_loaded_and_answers_at_its_own_size(tmp_path, size):
    network = small_network(size)
    path = tmp_path / "slim.pth"
    save_checkpoint(path, network.state_dict(), {})
    loaded = samara.load(path, device="cpu", precision="float32")
    assert (loaded.input_size, loaded.variant.title) == (size, "SAM ViT, 24 wide")
    embedding = samara.Predictor(loaded).embed(torch.zeros(40, 60, 3, dtype=torch.uint8).numpy())
    assert embedding.features.shape == (256, size // 16, size // 16)
    images = torch.randn(1, 3, size, size)
    with torch.inference_mode():
        assert loaded.network.image_encoder(images).equal(network.image_encoder(images))
    assert samara.load(path, device="cpu", input_size=2 * size).input_size == 2 * size


def test_a_file_of_another_size_says_so_also_where_it_was_made_from_a_published_one(tmp_path):
    path = write_torch_zip(tmp_path / "x.pth", at_size("vit_b", 256))
    assert "trained at 256 px" in samara.identify(path).description


def test_the_drop_in_takes_the_size_of_the_file(tmp_path):
    path = write_torch_zip(tmp_path / "x.pth", at_size("vit_b", 256))
    sam = sam_model_registry["vit_b"](checkpoint=path)
    assert sam.image_encoder.img_size == 256
    save_checkpoint(tmp_path / "slim.pth", small_network(128).state_dict(), {})
    with pytest.raises(WrongCheckpoint, match="use samara.load"):
        sam_model_registry["vit_b"](checkpoint=tmp_path / "slim.pth")
