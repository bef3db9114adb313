"""How a network is kept in a file: each family as its official code keeps it. SAM 2's memory: tests/finetuning."""

from __future__ import annotations

import dataclasses

import torch

import samara
from samara.checkpoints.file_form import FileForm, file_form_of
from samara.engines.loaded import Provenance
from tests.engines.conftest import small


def test_sam_is_flat(mini):
    form = file_form_of(mini)
    assert form == FileForm()
    assert form.state(mini.sam).keys() == mini.sam.state_dict().keys()


def test_sam_2_is_under_model_and_has_its_published_names():
    loaded = small("sam2.1_hiera_t", 64)
    form = file_form_of(loaded)
    assert form.wrapper == "model"
    assert {"sam_mask_decoder.conv_s0.weight", "no_mem_embed"} <= form.state(loaded.sam).keys()


def test_efficientvit_sam_is_as_its_file_was(tmp_path):
    loaded = samara.load("efficientvit_sam_l0", weights="random", device="cpu", precision="float32", input_size=64)
    assert file_form_of(loaded).wrapper is None
    for wrapper, expected in ((None, None), ("state_dict", "state_dict"), ("model", None)):
        state, path = loaded.sam.state_dict(), tmp_path / f"{wrapper}.pt"
        torch.save(state if wrapper is None else {wrapper: state}, path)
        loaded = _from(loaded, path)
        assert file_form_of(loaded).wrapper == expected


def _from(loaded, path):
    return dataclasses.replace(loaded, provenance=Provenance(path.name, str(path), None, "file", (path,)))
