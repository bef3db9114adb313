"""A loaded network owns its numbers: whatever becomes of the file afterwards, nothing happens to it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import samara
from samara.checkpoints.load import random_network
from samara.checkpoints.lora_file import merge_lora_file, save_lora
from samara.checkpoints.reading.state_dicts import read_state_dict
from samara.checkpoints.save import save_checkpoint
from samara.engines.loaded import fingerprint
from samara.errors import UnrecognisedCheckpoint
from samara.networks.lora import add_lora
from samara.networks.variants import VARIANTS
from samara.segmentation.embeddings import ImageEmbedding

# Each saves over the file that it loaded; a mapped file is a bus error here, and a stump of a file.
SAVING_OVER = """
import sys, torch, samara
from pathlib import Path
from safetensors.torch import save_file
from samara.checkpoints.save import save_checkpoint
from samara.segment_anything import sam_model_registry
drop_in, safetensors, own = sys.argv[1:]
sam = sam_model_registry["vit_t"](checkpoint=drop_in)
torch.save(sam.state_dict(), drop_in)
save_file(samara.load(safetensors, device="cpu").network.state_dict(), safetensors)
save_checkpoint(Path(own), samara.load(own, device="cpu").network.state_dict(), {})
"""


@pytest.fixture(scope="module")
def state():
    return random_network(VARIANTS["vit_t"], 1024, seed=4).state_dict()


def total(network):
    return sum(float(tensor.double().sum()) for tensor in network.state_dict().values())


def test_saving_over_the_file_that_was_loaded_leaves_it_whole(state, tmp_path):
    paths = [tmp_path / name for name in ("drop_in.pth", "plain.safetensors", "own.pth")]
    for path in paths:
        save_checkpoint(path, state, {})
    command = [sys.executable, "-c", SAVING_OVER, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for path in paths:
        found = read_state_dict(path)
        assert found.keys() == state.keys()
        assert all(found[key].equal(value) for key, value in state.items())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_rewritten_or_cut_short_in_place_changes_nothing(state, tmp_path, suffix, dtype):
    path = tmp_path / f"mine{suffix}"
    save_checkpoint(path, {key: value.to(dtype) for key, value in state.items()}, {})
    loaded = samara.load(path, device="cpu", precision="float32")
    before, size = total(loaded.network), path.stat().st_size
    with path.open("r+b") as file:
        file.write(b"\xff" * size)
    assert total(loaded.network) == before
    with path.open("r+b") as file:
        file.truncate(100)
    assert total(loaded.network) == before


def test_nothing_of_a_users_file_stays_mapped(state, tmp_path):
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("Linux lists what a process has mapped")
    names = ("whole.pth", "legacy.pth", "whole.safetensors", "updates.safetensors", "embedding.safetensors")
    paths = [tmp_path / name for name in names]
    torch.save(state, paths[0])
    torch.save({"model": state}, paths[1], _use_new_zipfile_serialization=False)
    save_file(state, paths[2])
    adapted = random_network(VARIANTS["vit_t"], 1024, seed=4)
    encoder = fingerprint(adapted.image_encoder)
    add_lora(adapted.image_encoder, rank=2, generator=torch.Generator())
    save_lora(paths[3], adapted, encoder, {})
    ImageEmbedding(torch.ones(256, 4, 4), (64, 64), 64, "print", "mine", "float32").save(paths[4])
    kept = [samara.load(path, device="cpu") for path in paths[:3]]
    merge_lora_file(kept[0].network, paths[3])
    kept.append(ImageEmbedding.load(paths[4]))
    assert str(tmp_path) not in maps.read_text()


def test_tensors_that_share_numbers_share_them_still(tmp_path):
    numbers = torch.arange(12.0)
    torch.save({"all": numbers, "part": numbers[4:8], "again": numbers}, tmp_path / "x.pt")
    found = read_state_dict(tmp_path / "x.pt")
    found["all"][5] = 99
    assert found["part"][1] == found["again"][5] == 99


def test_many_views_of_one_storage_take_the_room_of_one(tmp_path):
    numbers = torch.zeros(1_000_000)
    torch.save({str(index): numbers[index:] for index in range(500)}, tmp_path / "x.pt")
    found = read_state_dict(tmp_path / "x.pt")
    assert len({tensor.untyped_storage().data_ptr() for tensor in found.values()}) == 1


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "x.pt"
    torch.save({"a": torch.ones(8), "b": torch.ones(8)}, path)
    plain = torch.empty

    def changing(*shape, **more):
        with path.open("ab") as file:
            file.write(b" ")
        return plain(*shape, **more)

    monkeypatch.setattr(torch, "empty", changing)
    with pytest.raises(UnrecognisedCheckpoint, match="changed while being read"):
        read_state_dict(path)


def test_float32_is_made_one_tensor_at_a_time(tmp_path):
    torch.save({"a": torch.ones(3, dtype=torch.float16), "n": torch.tensor(3)}, tmp_path / "x.pt")
    found = read_state_dict(tmp_path / "x.pt", as_float32=True)
    assert (found["a"].dtype, found["n"].dtype) == (torch.float32, torch.int64)


PEAK = """
import json, resource, sys, samara
from pathlib import Path
from samara.checkpoints.reading.state_dicts import read_state_dict
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
import torch
torch.ones(10).half().float()
before = peak()
state = read_state_dict(Path(sys.argv[1]), as_float32=True)
print(json.dumps(peak() - before))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux counts the peak in kilobytes")
def test_one_copy_of_the_numbers_is_made(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({str(index): torch.ones(1_000_000) for index in range(50)}, path)
    done = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) < 1.2 * path.stat().st_size
