"""Folders and indices that Hugging Face's libraries write, and what must not be followed out of them."""

from __future__ import annotations

import json
import os

import pytest
import torch
from safetensors.torch import save_file

import samara
from samara.checkpoints.reading.folders import files_of, index_of_shard
from samara.checkpoints.reading.state_dicts import read_layout, read_state_dict
from samara.checkpoints.store.digests import digest_checkpoint
from samara.errors import UnrecognisedCheckpoint, UnsafeCheckpoint
from tests.checkpoints.identification.test_vit_numbers import small_network
from tests.checkpoints.reading.test_rename import to_transformers


@pytest.fixture(scope="module")
def network():
    return small_network(256)


@pytest.fixture(scope="module")
def theirs(network):
    return {to_transformers(name): value.contiguous() for name, value in network.state_dict().items()}


def write_shards(folder, state, *, suffix="safetensors", shards=3):
    folder.mkdir(exist_ok=True)
    stem = "model" if suffix == "safetensors" else "pytorch_model"
    places = {}
    for shard in range(shards):
        name = f"{stem}-{shard + 1:05d}-of-{shards:05d}.{suffix}"
        part = {key: state[key] for key in list(state)[shard::shards]}
        save_file(part, folder / name) if suffix == "safetensors" else torch.save(part, folder / name)
        places |= dict.fromkeys(part, name)
    index = folder / f"{stem}.{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    return index


def assert_loaded(path, network):
    loaded = samara.load(path, device="cpu", precision="float32")
    assert (loaded.variant.name, loaded.input_size) == (samara.identify(path).variant, 256)
    found = loaded.network.state_dict()
    assert all(found[name].equal(value) for name, value in network.state_dict().items())
    assert len(digest_checkpoint(path, "sha256")) == 64


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_folders_and_indices_are_loaded(tmp_path, network, theirs, suffix):
    index = write_shards(tmp_path / "sharded", theirs, suffix=suffix)
    (index.parent / "config.json").write_text('{"model_type": "sam"}')
    assert_loaded(index, network)
    assert_loaded(index.parent, network)
    shard = next(index.parent.glob("*00002*"))
    assert index_of_shard(shard) == index
    with pytest.raises(
        UnrecognisedCheckpoint, match=r"is one of the shards of .*index\.json; pass the index or its folder"
    ):
        samara.load(shard)


def test_a_folder_with_one_file_and_links_as_in_the_cache(tmp_path, network, theirs):
    (tmp_path / "blobs").mkdir()
    save_file(theirs, tmp_path / "blobs" / "abc")
    folder = tmp_path / "snapshots" / "1"
    folder.mkdir(parents=True)
    os.symlink("../../blobs/abc", folder / "model.safetensors")
    assert_loaded(folder, network)
    assert files_of(folder) == (folder / "model.safetensors",)


def test_a_folder_of_something_else_is_said_to_be_one(tmp_path):
    with pytest.raises(UnrecognisedCheckpoint, match="a directory; pass one of the files in it"):
        samara.load(tmp_path)


@pytest.mark.parametrize(
    "name", ["../secret.bin", "/etc/passwd", "a/b.bin", "..", ".", "", "a\\b.bin", "x\0y", "sub/../../x"]
)
def test_shards_outside_of_the_folder_are_not_opened(tmp_path, name):
    folder = tmp_path / "hostile"
    folder.mkdir()
    torch.save({"image_encoder.a": torch.ones(1)}, tmp_path / "secret.bin")
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"image_encoder.a": name}}))
    for read in (read_layout, read_state_dict, samara.load, samara.identify):
        with pytest.raises(UnsafeCheckpoint, match="names a file outside its folder"):
            read(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"weight_map": ', "not valid JSON"),
        ('{"weight_map": []}', "does not map tensors to files"),
        ('{"weight_map": {"a": 3}}', "does not map tensors to files"),
        ('{"weight_map": {}}', "names 0 files"),
        ('{"weight_map": {"a": "gone.bin"}}', "its shard gone.bin is missing"),
        (json.dumps({"weight_map": {str(n): f"{n}.bin" for n in range(1500)}}), "names 1,500 files"),
        ('{"weight_map": ' + "[" * 100_000, "not valid JSON"),
    ],
)
def test_damaged_indices_are_named_as_such(tmp_path, text, message):
    (tmp_path / "model.safetensors.index.json").write_text(text)
    with pytest.raises(UnrecognisedCheckpoint, match=message):
        read_layout(tmp_path)


def test_shards_that_do_not_fit_their_index(tmp_path):
    state = {"image_encoder.a": torch.ones(1), "image_encoder.b": torch.ones(2)}
    index = write_shards(tmp_path, state, shards=2)
    places = json.loads(index.read_text())
    places["weight_map"]["image_encoder.c"] = next(iter(places["weight_map"].values()))
    index.write_text(json.dumps(places))
    with pytest.raises(UnrecognisedCheckpoint, match=r"lacks image_encoder\.c"):
        read_layout(index)
    index = write_shards(tmp_path, state, shards=2)
    save_file(state, tmp_path / "model-00001-of-00002.safetensors")
    with pytest.raises(UnrecognisedCheckpoint, match="a tensor of the same name"):
        read_layout(index)


def test_a_hostile_shard_is_refused(tmp_path):
    index = write_shards(tmp_path, {"image_encoder.a": torch.ones(1)}, suffix="bin", shards=1)
    next(tmp_path.glob("*.bin")).write_bytes(b"\x80\x02cposix\nsystem\n(U\x04trueR.")
    with pytest.raises((UnsafeCheckpoint, UnrecognisedCheckpoint)):
        read_layout(index)
