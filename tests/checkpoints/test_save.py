"""Saving: the published layout, provenance inside, nothing half-written."""

from __future__ import annotations

import zipfile

import pytest
import torch

import samara
from samara.checkpoints.save import save_checkpoint
from samara.errors import OutputError, SettingsError, UnrecognisedCheckpoint


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".pt"])
def test_what_is_saved_is_loaded(mini, tmp_path, suffix):
    path = tmp_path / "new" / f"mine{suffix}"
    save_checkpoint(path, mini.network.state_dict(), {"samara": "samara_mini", "fine_tuned": "{}"})
    loaded = samara.load(path, device="cpu", precision="float32")
    assert loaded.fingerprint.split("-")[0] == mini.fingerprint.split("-")[0]
    assert loaded.input_size == mini.input_size
    assert samara.identify(path).metadata == {"samara": "samara_mini", "fine_tuned": "{}"}
    assert samara.identify(path).variant == "vit_t"
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


def test_pytorch_does_not_see_the_metadata(tmp_path):
    path = tmp_path / "mine.pth"
    save_checkpoint(path, {"a": torch.arange(3.0)}, {"samara": "samara_mini"})
    state = torch.load(path, weights_only=True)
    assert list(state) == ["a"]
    assert state["a"].equal(torch.arange(3.0))


@pytest.mark.parametrize("text", ['{"samara": 3}', "[", "7", "\udc80"])
def test_metadata_that_is_no_text_is_refused(tmp_path, text):
    path = tmp_path / "mine.pth"
    torch.save({"a": torch.zeros(1)}, path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("mine/samara.json", text.encode(errors="surrogateescape"))
    with pytest.raises(UnrecognisedCheckpoint, match="samara.json is not JSON|metadata that is not text"):
        samara.identify(path)


def test_a_fine_tuned_file_does_not_pass_for_its_origin(mini, tmp_path):
    path = tmp_path / "cells.safetensors"
    save_checkpoint(path, mini.network.state_dict(), {"samara": "samara_mini", "fine_tuned": "{}"})
    loaded = samara.load(path, device="cpu")
    assert loaded.name == "cells.safetensors (fine-tuned from samara_mini)"
    assert loaded.pred_iou_thresh == mini.pred_iou_thresh


def test_other_suffixes_and_places_are_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"written as \.safetensors, \.pth or \.pt"):
        save_checkpoint(tmp_path / "a.onnx", {}, {})
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be used as a folder"):
        save_checkpoint(tmp_path / "file" / "a.pth", {"a": torch.zeros(1)}, {})
