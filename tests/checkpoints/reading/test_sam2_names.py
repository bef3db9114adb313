"""SAM 2's files: whole key tables, apart into image path and memory, in both layouts."""

from __future__ import annotations

import pytest
import torch

from samara.checkpoints.reading.pickle_values import Storage, StoredTensor
from samara.checkpoints.reading.sam2_names import (
    MEMORY_ROOTS,
    from_published,
    from_transformers,
    image_path,
    is_transformers_layout,
    stored_rows,
    to_published,
)
from samara.networks.build import build_sam
from samara.networks.variants import VARIANTS
from tests.parity.deterministic import golden

SIZES = {"t": "tiny", "s": "small", "b+": "base_plus", "l": "large"}
MAPPING = golden("sam2_hf_mapping")


def table(size, generation="sam2.1"):
    """The published file: name → tensor without numbers."""
    expected = golden(f"sam2.1_hiera_{SIZES[size]}")
    left_out = expected["sam2_0_difference"]["only_in_2.1"] if generation == "sam2" else ()
    return {
        name: torch.empty(shape, device="meta") for name, shape in expected["layout"].items() if name not in left_out
    }


@pytest.mark.parametrize("generation", ["sam2", "sam2.1"])
@pytest.mark.parametrize("size", SIZES)
def test_the_image_path_of_a_whole_file_loads_strictly(size, generation):
    whole = table(size, generation)
    apart = image_path(whole)
    with torch.device("meta"):
        network = build_sam(VARIANTS[f"{generation}_hiera_{size}"])
    network.load_state_dict(from_published(apart.entries), strict=True, assign=True)
    assert to_published(network.state_dict()).keys() == apart.entries.keys()
    assert len(apart.memory) == {"sam2": 157, "sam2.1": 160}[generation]
    assert len(apart.entries) + len(apart.memory) == len(whole)


@pytest.mark.parametrize("generation", ["sam2", "sam2.1"])
@pytest.mark.parametrize("size", SIZES)
def test_counts_of_the_variant_are_those_of_the_image_path(size, generation):
    images = image_path(table(size, generation)).entries
    variant = VARIANTS[f"{generation}_hiera_{size}"]
    buffer = images.pop("sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix")
    assert buffer.numel() == 256
    assert sum(one.numel() for one in images.values()) == variant.parameters
    assert len(images) + 1 == variant.keys


def test_what_is_not_known_is_not_left_out():
    apart = image_path({"image_encoder.trunk.pos_embed": 1, "no_mem_pos_enc": 2, "memory_bank.weight": 3})
    assert apart.entries == {"image_encoder.trunk.pos_embed": 1, "memory_bank.weight": 3}
    assert apart.memory == ("no_mem_pos_enc",)


def theirs(published):
    """The same entries in the layout of transformers, from its table."""
    whole = {}
    for ours, name in MAPPING["official_to_hf"].items():
        if not name.endswith("]"):
            whole[name] = published[ours]
    kinds = [published[f"sam_prompt_encoder.point_embeddings.{kind}.weight"] for kind in range(4)]
    whole["prompt_encoder.point_embed.weight"] = torch.cat(kinds)
    whole["shared_image_embedding.positional_embedding"] = whole["prompt_encoder.shared_embedding.positional_embedding"]
    return whole


def rows(tensor):
    return tensor.split(1)


def test_the_table_of_transformers_is_renamed_whole():
    published = {name: torch.full((1, 1), float(index)) for index, name in enumerate(table("t"))}
    renamed = from_transformers(theirs(published), rows)
    ours, again = image_path(published), image_path(renamed)
    assert {name: float(one) for name, one in again.entries.items()} == {
        name: float(one) for name, one in ours.entries.items()
    }
    assert len(again.memory) == len(ours.memory) == 160
    assert {name.split(".")[0] for name in again.memory} == set(MEMORY_ROOTS)


def test_the_image_part_of_transformers_loads_strictly():
    whole = theirs(table("t"))
    part = {name: whole[name] for name in MAPPING["keys_of_Sam2Model"]}
    assert is_transformers_layout(part)
    apart = image_path(from_transformers(part, rows))
    with torch.device("meta"):
        network = build_sam(VARIANTS["sam2.1_hiera_t"])
    network.load_state_dict(from_published(apart.entries), strict=True, assign=True)
    assert (len(part), apart.memory) == (309, ())


@pytest.mark.parametrize("kept", ["shared_image_embedding", "prompt_encoder.shared_embedding"])
def test_one_of_two_copies_of_the_positions_is_enough(kept):
    renamed = from_transformers({f"{kept}.positional_embedding": 1}, rows)
    assert renamed == {"sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix": 1}


def test_other_layouts_are_told_apart():
    assert not is_transformers_layout(table("t"))
    assert not is_transformers_layout(["vision_encoder.layers.0.attn.qkv.weight"])


def test_rows_of_a_stored_tensor_lie_one_behind_the_other():
    stored = StoredTensor(Storage("0", "float32", 1100), "float32", 76, (4, 256), (256, 1))
    assert [(one.offset, one.shape, one.stride) for one in stored_rows(stored)] == [
        (76 + 256 * row, (1, 256), (256, 1)) for row in range(4)
    ]


@pytest.mark.parametrize("shape", [(), (1024,), (5, 256), (4, 4, 64)])
def test_what_is_not_four_rows_is_left_for_loading_to_refuse(shape):
    stored = StoredTensor(Storage("0", "float32", 1280), "float32", 0, shape, shape)
    assert stored_rows(stored) == [stored]
