"""Loading: names, files whose name lies, wrong files, random weights."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

import samara
from samara.checkpoints.catalogue import find
from samara.checkpoints.store import Store
from samara.errors import (
    ChecksumMismatch,
    DeviceError,
    SettingsError,
    UnknownCheckpoint,
    UnrecognisedCheckpoint,
    WrongCheckpoint,
)
from samara.variants import VARIANTS, build_network
from tests.conftest import BOOTSTRAP


def load(*arguments, **more):
    return samara.load(*arguments, **{"device": "cpu", "precision": "float32"} | more)


@pytest.fixture(scope="module")
def state():
    """A MobileSAM without metadata that says whose it is."""
    return load_file(BOOTSTRAP)


def test_the_embedded_checkpoint(mini):
    assert mini.name == "samara_mini"
    row = find("samara_mini")
    assert mini.input_size == row.input_size
    assert (mini.pred_iou_thresh, mini.stability_score_thresh) == (row.pred_iou_thresh, row.stability_score_thresh)
    assert mini.provenance.licence == "Apache-2.0"
    assert not mini.network.training
    assert {p.dtype for p in mini.network.parameters()} == {torch.float32}
    grid = row.input_size // 16
    assert mini.network.prompt_encoder.image_embedding_size == (grid, grid)


def test_a_copy_under_another_name_is_still_the_embedded_checkpoint(mini, tmp_path):
    path = tmp_path / "sam_vit_h_4b8939.pth"  # the name lies; the content decides
    shutil.copy(mini.provenance.path, path)
    loaded = load(path)
    assert (loaded.name, loaded.variant.name, loaded.input_size) == (
        "samara_mini",
        "vit_t",
        mini.input_size,
    )
    assert loaded.fingerprint == mini.fingerprint


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_file_of_ones_own_takes_the_numbers_of_its_variant(state, tmp_path, suffix, prefix):
    path = tmp_path / f"mine{suffix}"
    renamed = {prefix + key: value for key, value in state.items()}
    if suffix == ".pth":
        torch.save({"model": renamed}, path)
    else:
        save_file(renamed, path)
    loaded = load(path)
    assert (loaded.name, loaded.variant.name, loaded.input_size) == (path.name, "vit_t", 1024)
    assert (loaded.pred_iou_thresh, loaded.stability_score_thresh) == (0.88, 0.95)
    assert loaded.provenance.licence is None
    assert load(path, input_size=512).input_size == 512


def test_a_file_that_nearly_fits_is_told_what_is_missing(state, tmp_path):
    path = tmp_path / "holes.safetensors"
    save_file({key: value for key, value in state.items() if "iou_token" not in key}, path)
    with pytest.raises((WrongCheckpoint, UnrecognisedCheckpoint), match="iou_token"):
        load(path)


def test_a_decoder_alone_is_told_to_be_one(state, tmp_path):
    path = tmp_path / "decoder.safetensors"
    save_file({key: value for key, value in state.items() if key.startswith("mask_decoder.")}, path)
    with pytest.raises(WrongCheckpoint, match="mask decoder"):
        load(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [("samara_mimi", "did you mean samara_mini"), ("sam_vit_b", r"samara checkpoints get sam_vit_b` \(375 MB\)")],
)
def test_names_that_are_not_here(tmp_path, name, message):
    with pytest.raises(UnknownCheckpoint, match=message):
        load(name, store=Store(tmp_path))


def test_files_that_are_not_here(tmp_path):
    with pytest.raises(UnrecognisedCheckpoint, match=r"absent\.pth"):
        load(tmp_path / "absent.pth")
    with pytest.raises(UnrecognisedCheckpoint, match=r"absent\.pth"):
        load("absent.pth")


def test_a_foreign_file_in_the_store_is_not_used_and_not_fetched_again_unasked(tmp_path):
    store = Store(tmp_path)
    path = store.path(find("mobile_sam"))
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(build_network(VARIANTS["vit_t"]).state_dict(), path)
    with pytest.raises(ChecksumMismatch, match="It is not used; get it with `samara checkpoints get mobile_sam`"):
        load("mobile_sam", store=store)


@pytest.mark.parametrize("name", ["vit_b", "mobile_sam", "samara_mini"])
def test_random_weights_depend_on_the_seed_alone(name):
    a, b, c = (load(name, weights="random", seed=seed) for seed in (1, 1, 2))
    assert a.fingerprint == b.fingerprint != c.fingerprint
    assert a.provenance.weights == "random"
    assert a.provenance.path is None
    assert a.input_size == find(name).input_size


def test_random_weights_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    load("samara_mini", weights="random")
    assert torch.get_rng_state().equal(before)


def test_loading_a_file_loads_no_compiler():
    """PyTorch's takes as long as the first mask."""
    code = "import sys, samara; samara.load('samara_mini'); print('torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def test_random_weights_need_a_name(mini):
    with pytest.raises(SettingsError, match="give its name"):
        load(f"./{mini.provenance.path}", weights="random")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"engine": "abacus"}, SettingsError, "no engine 'abacus'"),
        ({"input_size": 500}, SettingsError, "multiple of 16"),
        ({"input_size": 0}, SettingsError, "multiple of 16"),
        ({"device": "gpu"}, DeviceError, "no device"),
        ({"precision": "int8"}, SettingsError, "does not compute in int8"),
    ],
)
def test_settings_are_checked_before_anything_is_read(arguments, error, message):
    with pytest.raises(error, match=message):
        load("samara_mini", **arguments)


def test_what_cannot_be_run_yet_says_so():
    with pytest.raises(WrongCheckpoint, match="cannot run SAM 2.1 tiny yet"):
        load("sam2.1_t", weights="random")
