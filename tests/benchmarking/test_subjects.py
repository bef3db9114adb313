"""Which form of a checkpoint is measured."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import samara
from samara.benchmarking.subjects import Running, find_candidate
from samara.checkpoints.catalogue import find
from samara.checkpoints.store import Store
from samara.errors import ChecksumMismatch, UnknownCheckpoint, UnrecognisedCheckpoint, WrongCheckpoint
from samara.evaluation.subjects import subject_of

CPU = Running(device="cpu", precision="float32")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_the_embedded_checkpoint_is_what_is_loaded(store, mini):
    candidate = find_candidate("mini", CPU, store)
    assert candidate.subject == subject_of(mini)
    assert candidate.file_bytes == find("samara_mini").size_bytes


def test_a_checkpoint_that_is_not_here_gets_random_weights(store):
    candidate = find_candidate("vit_b", CPU, store)
    assert candidate.checkpoint == candidate.subject.checkpoint == "sam_vit_b"
    assert (candidate.subject.weights, candidate.subject.sha256) == ("random", None)
    assert candidate.subject.input_size == 1024
    assert candidate.file_bytes == 375_042_383


def test_a_file_is_known_by_its_content(store, tmp_path, mini):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(Path(mini.provenance.path).read_bytes())
    candidate = find_candidate(str(path), CPU, store)
    assert candidate.subject == subject_of(samara.load(path, device="cpu", precision="float32"))
    assert candidate.checkpoint == str(path)
    assert candidate.subject.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_cannot_be_measured_is_told(store, tmp_path):
    (tmp_path / find("vit_b").file_name).write_bytes(b"cut off")
    with pytest.raises(ChecksumMismatch, match="It is not measured; `samara checkpoints get sam_vit_b`"):
        find_candidate("vit_b", CPU, store)
    with pytest.raises(WrongCheckpoint, match="cannot run SAM 3 yet"):
        find_candidate("sam3", CPU, store)
    with pytest.raises(UnknownCheckpoint, match="did you mean"):
        find_candidate("vit_x", CPU, store)
    (tmp_path / "page.pth").write_text("<html>")
    with pytest.raises(UnrecognisedCheckpoint):
        find_candidate(str(tmp_path / "page.pth"), CPU, store)
