"""The form of a checkpoint file: SAM's flat and as it is, SAM 2's under its published names, its memory beside them."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from safetensors.torch import save_file

from samara.checkpoints.file_form import file_form_of
from samara.engines.loaded import Provenance
from tests.checkpoints.reading.test_rename import to_transformers
from tests.engines.conftest import small


def test_sams_files_are_flat_and_have_its_own_names():
    loaded = small("vit_b", 64)
    form = file_form_of(loaded)
    assert form.wrapper is None
    assert form.state(loaded.sam).keys() == loaded.sam.state_dict().keys()


def test_sam_2_without_a_file_has_no_memory():
    loaded = small("sam2.1_hiera_t", 64)
    form = file_form_of(loaded)
    assert (form.wrapper, form.memory) == ("model", {})
    assert {"no_mem_embed", "sam_mask_decoder.conv_s0.weight", "image_encoder.trunk.pos_embed"} <= form.state(
        loaded.sam
    ).keys()


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_memory_of_the_file_is_kept(tmp_path, wrapped):
    loaded = small("sam2.1_hiera_t", 64)
    memory = {"no_mem_pos_enc": torch.randn(1, 1, 256), "memory_attention.norm.weight": torch.randn(256)}
    state = {**file_form_of(loaded).state(loaded.sam), **memory}
    torch.save({"model": state} if wrapped else state, tmp_path / "small.pt")
    provenance = Provenance("small", str(tmp_path / "small.pt"), None, "file")
    form = file_form_of(dataclasses.replace(loaded, provenance=provenance))
    assert form.memory.keys() == memory.keys()
    assert all(form.state(loaded.sam)[name].equal(one) for name, one in memory.items())


@pytest.mark.parametrize(("key", "expected"), [(None, None), ("state_dict", "state_dict"), ("model", None)])
def test_efficientvit_sam_is_written_as_it_came_where_its_loader_takes_that(tmp_path, key, expected):
    loaded = small("efficientvit_sam_l0", 64)
    assert file_form_of(loaded).wrapper is None
    state, path = loaded.sam.state_dict(), tmp_path / "small.pt"
    torch.save(state if key is None else {key: state}, path)
    provenance = Provenance("small", str(path), None, "file")
    assert file_form_of(dataclasses.replace(loaded, provenance=provenance)).wrapper == expected


def test_what_came_from_transformers_goes_back_there(tmp_path):
    loaded = small("vit_b", 64)
    theirs = {to_transformers(name): one.clone() for name, one in loaded.sam.state_dict().items()}
    # A whole `SamModel` has the positions a second time.
    theirs["prompt_encoder.shared_embedding.positional_embedding"] = theirs[
        "shared_image_embedding.positional_embedding"
    ].clone()
    save_file(theirs, tmp_path / "model.safetensors")
    provenance = Provenance("small", str(tmp_path / "model.safetensors"), None, "file")
    written = file_form_of(dataclasses.replace(loaded, provenance=provenance)).state(loaded.sam)
    assert written.keys() == theirs.keys()
    assert all(one.equal(theirs[name]) for name, one in written.items())
    save_file(written, tmp_path / "again.safetensors")
