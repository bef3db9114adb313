"""Which form of a checkpoint is measured."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import samara
from samara.checkpoints.catalogue import find
from samara.checkpoints.store.store import CheckpointStore
from samara.errors import ChecksumMismatch, SettingsError, UnknownCheckpoint, UnrecognisedCheckpoint, WrongCheckpoint
from samara.measurement.evaluation.subjects import subject_of
from samara.measurement.subjects import RunSettings, find_checkpoint, find_checkpoints

CPU = RunSettings(device="cpu", precision="float32")


@pytest.fixture
def store(tmp_path):
    return CheckpointStore(tmp_path)


def test_the_embedded_checkpoint_is_what_is_loaded(store, mini):
    candidate = find_checkpoint("mini", CPU, store)
    assert candidate.subject == subject_of(mini)
    assert candidate.file_bytes == find("samara_mini").size_bytes


def test_a_checkpoint_that_is_not_here_gets_random_weights(store):
    candidate = find_checkpoint("vit_b", CPU, store)
    assert candidate.checkpoint == candidate.subject.checkpoint == "sam_vit_b"
    assert (candidate.subject.weights, candidate.subject.sha256) == ("random", None)
    assert candidate.subject.input_size == 1024
    assert candidate.file_bytes == 375_042_383


def test_the_grid_of_everything_is_that_of_segment(store):
    own = {name: find_checkpoint(name, CPU, store).points_per_side(None) for name in ("mini", "vit_b", "yolo11n-seg")}
    assert own == {"mini": 16, "vit_b": 32, "yolo11n-seg": None}
    assert find_checkpoint("vit_b", CPU, store).points_per_side(8) == 8
    assert find_checkpoint("yolo11n-seg", CPU, store).points_per_side(8) is None  # it has no grid to choose


def test_a_file_is_known_by_its_content(store, tmp_path, mini):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(Path(mini.provenance.path).read_bytes())
    candidate = find_checkpoint(str(path), CPU, store)
    assert candidate.subject == subject_of(samara.load(path, device="cpu", precision="float32"))
    assert candidate.checkpoint == str(path)
    assert candidate.subject.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_part_is_measured_on_its_base(store, tmp_path, mini):
    path = tmp_path / "decoder.pth"
    torch.save({name: value for name, value in mini.sam.state_dict().items() if name.startswith("mask_dec")}, path)
    running = replace(CPU, base="samara_mini")
    part, whole = find_checkpoints([str(path), "samara_mini"], running)
    assert part.subject == subject_of(samara.load(path, base="samara_mini", device="cpu", precision="float32"))
    assert (part.base, part.base_sha256) == (mini.provenance.path, subject_of(mini).sha256)
    assert part.file_bytes == path.stat().st_size + whole.file_bytes
    assert whole.base is None
    with pytest.raises(SettingsError, match="samara_mini: no file that needs a base; leave the base out"):
        find_checkpoints(["samara_mini"], running)
    with pytest.raises(WrongCheckpoint, match="needs the checkpoint that it belongs to"):
        find_checkpoint(str(path), CPU, store)


def test_what_cannot_be_measured_is_told(store, tmp_path):
    (tmp_path / find("vit_b").file_name).write_bytes(b"cut off")
    with pytest.raises(ChecksumMismatch, match="It was not measured; run `samara checkpoints get sam_vit_b`"):
        find_checkpoint("vit_b", CPU, store)
    with pytest.raises(WrongCheckpoint, match="cannot run SAM 3; `samara"):
        find_checkpoint("sam3", CPU, store)
    with pytest.raises(UnknownCheckpoint, match="did you mean"):
        find_checkpoint("vit_x", CPU, store)
    (tmp_path / "page.pth").write_text("<html>")
    with pytest.raises(UnrecognisedCheckpoint):
        find_checkpoint(str(tmp_path / "page.pth"), CPU, store)


def test_a_preset_is_for_files(store, tmp_path, mini):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(Path(mini.provenance.path).read_bytes())
    running = replace(CPU, preset="medsam")
    mine, named = find_checkpoints([str(path), "samara_mini"], running)
    assert mine.subject == subject_of(samara.load(path, device="cpu", precision="float32", preset="medsam"))
    assert (mine.preset, named.preset) == ("medsam", None)
    assert named.subject == subject_of(mini)
    with pytest.raises(SettingsError, match="samara_mini: no file that a preset applies to; leave the preset out"):
        find_checkpoints(["samara_mini"], running)
