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
from samara.checkpoints.load import random_network
from samara.checkpoints.reading.state_dicts import read_state_dict
from samara.checkpoints.store.store import CheckpointStore
from samara.errors import (
    ChecksumMismatch,
    DeviceError,
    SettingsError,
    UnknownCheckpoint,
    UnrecognisedCheckpoint,
    WrongCheckpoint,
)
from samara.networks.build import build_network
from samara.networks.variants import VARIANTS
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
        load(name, store=CheckpointStore(tmp_path))


def test_files_that_are_not_here(tmp_path):
    with pytest.raises(UnrecognisedCheckpoint, match=r"absent\.pth"):
        load(tmp_path / "absent.pth")
    with pytest.raises(UnrecognisedCheckpoint, match=r"absent\.pth"):
        load("absent.pth")


def test_a_foreign_file_in_the_store_is_not_used_and_not_fetched_again_unasked(tmp_path):
    store = CheckpointStore(tmp_path)
    path = store.path(find("mobile_sam"))
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(build_network(VARIANTS["vit_t"]).state_dict(), path)
    with pytest.raises(ChecksumMismatch, match="It is not used; get it with `samara checkpoints get mobile_sam`"):
        load("mobile_sam", store=store)


@pytest.mark.parametrize("name", [pytest.param("vit_b", marks=pytest.mark.slow), "mobile_sam", "samara_mini"])
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
        ({"device": "gpu"}, DeviceError, "not a device"),
        ({"precision": "int8"}, SettingsError, "does not support int8"),
    ],
)
def test_settings_are_checked_before_anything_is_read(arguments, error, message):
    with pytest.raises(error, match=message):
        load("samara_mini", **arguments)


def test_what_cannot_be_run_yet_says_so():
    with pytest.raises(WrongCheckpoint, match="cannot run SAM 3; `samara"):
        load("sam3", weights="random")


def without_head(state):
    return {key: value for key, value in state.items() if ".head." not in key and ".norm_head." not in key}


def with_another_head(state):
    return {key: torch.ones(3, 2) if "image_encoder.head" in key else value for key, value in state.items()}


def converted(state):
    """Without what counts steps, with a table of indices."""
    rest = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    return rest | {"image_encoder.layers.1.blocks.0.attn.attention_bias_idxs": torch.zeros(49, 49, dtype=torch.int64)}


def with_an_adapter(state):
    return state | {"image_encoder.layers.1.blocks.0.adapter.weight": torch.zeros(2, 2)}


def quantised(state):
    return state | {"mask_decoder.iou_token.weight": torch.zeros(1, 256, dtype=torch.int8)}


def reshaped(state):
    return state | {"mask_decoder.iou_token.weight": torch.zeros(1, 128)}


def with_updates_of_peft(state):
    old = "image_encoder.layers.1.blocks.0.attn.qkv.weight"
    rest = {f"base_model.model.{key}": value for key, value in state.items() if key != old}
    place = f"base_model.model.{old.removesuffix('.weight')}"
    return rest | {
        f"{place}.base_layer.weight": state[old],
        f"{place}.lora_A.default.weight": torch.zeros(4, 128),
        f"{place}.lora_B.default.weight": torch.zeros(384, 4),
    }


def with_a_loss_beside(state):
    return {f"model.{key}": value for key, value in state.items()} | {"loss.weight": torch.ones(3)}


def with_a_loss_within(state):
    return state | {"loss.weight": torch.ones(3)}


@pytest.mark.parametrize("change", [without_head, with_another_head, converted, with_a_loss_beside])
def test_what_identify_calls_whole_is_loaded(state, tmp_path, change):
    path = tmp_path / "x.pth"
    torch.save(change(dict(state)), path)
    identity = samara.identify(path)
    assert (identity.part, identity.missing, identity.unexpected, identity.misshapen) == ("whole", (), (), ())
    assert not identity.description.startswith("looks like")
    loaded = load(path, input_size=512).network.state_dict()
    kept = [key for key, value in state.items() if "head." not in key.replace("iou_prediction_head", "")]
    assert all(loaded[key].equal(state[key].to(loaded[key].dtype)) for key in kept if "num_batches" not in key)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_an_adapter, "1 key is not expected"),
        (quantised, "1 key is not floating point"),
        (reshaped, "1 key is of another shape"),
        (with_updates_of_peft, "merge_and_unload"),
        (with_a_loss_within, r"1 key is not expected \(first: loss.weight\)"),
    ],
)
def test_what_load_refuses_identify_says(state, tmp_path, change, said):
    path = tmp_path / "x.pth"
    torch.save(change(dict(state)), path)
    samara.identify(path)
    with pytest.raises(WrongCheckpoint, match=said) as refused:
        load(path)
    assert samara.identify(path).description in str(refused.value)


def test_what_is_left_out_is_told(state, tmp_path):
    path = tmp_path / "x.pth"
    torch.save(with_a_loss_beside(state), path)
    assert "without 1 tensor that is not part of it (first: loss.weight)" in samara.identify(path).description


# As training programs write them: micro-sam, DeepSpeed, Lightning, FSDP, torch.compile, EMA, and names of one's own.
WRAPPED = {
    "model_state": lambda state: {"model_state": {f"sam.{k}": v for k, v in state.items()}, "decoder_state": {}},
    "module": lambda state: {"module": state, "ds_config": {}, "lr_scheduler": None},
    "lightning": lambda state: {
        "state_dict": {f"model.sam.{k}": v for k, v in state.items()},
        "hyper_parameters": {"lr": 0.1},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(2)}}}],
    },
    "a name of one's own": lambda state: {"best_student_v2": {"weights_": state}},
    "deep": lambda state: {"a": {"b": {"c": [{"d": state}, 3]}}},
    "tuple": lambda state: (state, {"epoch": 3}),
    "parts": lambda state: {
        part: {k.removeprefix(f"{part}."): v for k, v in state.items() if k.startswith(part)}
        for part in ("image_encoder", "prompt_encoder", "mask_decoder")
    },
    "momenta": lambda state: {"optimizer": {k: v + 1 for k, v in state.items()}, "net_g": state},
    "average": lambda state: {"model": {k: v + 1 for k, v in state.items()}, "model_ema": state},
    "incomplete average": lambda state: {
        "ema": {k: v + 1 for k, v in state.items() if "mask" in k},
        "generator": state,
    },
    "two": lambda state: {"best": state, "last": {k: v + 1 for k, v in state.items()}},
    "compiled encoder": lambda state: {
        k.replace("image_encoder.", "image_encoder._orig_mod."): v for k, v in state.items()
    },
    "peft without updates": lambda state: {f"base_model.model.{k}": v for k, v in state.items()},
}


@pytest.mark.parametrize("wrapper", WRAPPED)
def test_wrappers_of_training_programs(state, tmp_path, wrapper):
    path = tmp_path / "x.pth"
    few = {key: value for key, value in state.items() if value.numel() < 300}
    torch.save(WRAPPED[wrapper](dict(few)), path)
    found = read_state_dict(path)
    assert found.keys() == few.keys()
    assert all(found[key].equal(value) for key, value in few.items())


def test_other_networks_in_a_file_are_told(state, tmp_path):
    path = tmp_path / "x.pth"
    torch.save(WRAPPED["average"](dict(state)), path)
    assert "under 'model_ema', next to another network under 'model'" in samara.identify(path).description


def of_parts(state, *parts):
    return {key: value + 1 for key, value in state.items() if key.startswith(parts)}


@pytest.mark.parametrize(
    ("parts", "bare"),
    [(["mask_decoder"], True), (["prompt_encoder", "mask_decoder"], False), (["image_encoder"], False)],
)
def test_a_part_is_laid_over_its_base(mini, state, tmp_path, parts, bare):
    path = tmp_path / "part.pth"
    part = of_parts(state, *parts)
    names = {key.removeprefix("mask_decoder.") if bare else key: key for key in part}
    torch.save({name: part[key] for name, key in names.items()}, path)
    loaded = load(path, base="samara_mini")
    assert loaded.name == "part.pth on samara_mini"
    assert (loaded.input_size, loaded.pred_iou_thresh) == (mini.input_size, mini.pred_iou_thresh)
    assert loaded.provenance.path == str(path)
    found, below = loaded.network.state_dict(), mini.network.state_dict()
    assert all(found[key].equal(value.to(found[key].dtype)) for key, value in part.items())
    rest = [key for key in found if key not in part]
    assert rest
    assert all(found[key].equal(below[key]) for key in rest)


def test_a_part_without_its_base_says_what_to_give(state, tmp_path):
    path = tmp_path / "decoder.pth"
    torch.save(of_parts(state, "mask_decoder"), path)
    with pytest.raises(WrongCheckpoint, match=r"mask decoder only.*checkpoint that it belongs to.*base=\.\.\."):
        load(path)


def test_a_base_that_does_not_fit_or_is_not_needed(mini, state, tmp_path):
    path = tmp_path / "x.pth"
    torch.save(state, path)
    with pytest.raises(SettingsError, match="needs no base"):
        load(path, base="samara_mini")
    with pytest.raises(SettingsError, match="without a base"):
        load("samara_mini", weights="random", base="samara_mini")
    torch.save({"mask_decoder.iou_token.weight": torch.ones(1, 64)}, path)
    with pytest.raises(WrongCheckpoint, match="1 key is of another shape"):
        load(path, base="samara_mini")
    torch.save(of_parts(state, "mask_decoder"), path)
    with pytest.raises(WrongCheckpoint, match="a complete checkpoint is needed here|also needs"):
        load(path, base=path)


def test_hq_decoder_on_the_sam_that_it_was_trained_on(tmp_path, mini):

    hq = random_network(VARIANTS["hq_vit_t"], 512, seed=1).state_dict()
    torch.save(
        {key.removeprefix("mask_decoder."): v for key, v in hq.items() if key.startswith("mask")}, tmp_path / "e"
    )
    loaded = load(tmp_path / "e", base="samara_mini")
    assert (loaded.variant.name, loaded.name) == ("hq_vit_t", "e on samara_mini")
    assert loaded.network.mask_decoder.hf_token.weight.equal(hq["mask_decoder.hf_token.weight"])
