"""Saving: the published layout, provenance inside, nothing half-written."""

from __future__ import annotations

import pytest
import torch

import samara
from samara.checkpoints.save import save_checkpoint
from samara.errors import OutputError, SettingsError


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_what_is_saved_is_loaded(mini, tmp_path, suffix):
    path = tmp_path / "new" / f"mine{suffix}"
    save_checkpoint(path, mini.network.state_dict(), {"samara": "samara_mini", "fine_tuned": "{}"})
    loaded = samara.load(path, device="cpu", precision="float32")
    assert loaded.fingerprint.split("-")[0] == mini.fingerprint.split("-")[0]
    assert (loaded.input_size == 512) == (suffix == ".safetensors")
    assert samara.identify(path).variant == "vit_t"
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


def test_a_fine_tuned_file_does_not_pass_for_its_origin(mini, tmp_path):
    path = tmp_path / "cells.safetensors"
    save_checkpoint(path, mini.network.state_dict(), {"samara": "samara_mini", "fine_tuned": "{}"})
    loaded = samara.load(path, device="cpu")
    assert loaded.name == "cells.safetensors (fine-tuned from samara_mini)"
    assert loaded.pred_iou_thresh == 0.33


def test_other_suffixes_and_places_are_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"\.safetensors or \.pth"):
        save_checkpoint(tmp_path / "a.onnx", {}, {})
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        save_checkpoint(tmp_path / "file" / "a.pth", {"a": torch.zeros(1)}, {})
