"""What records call a loaded checkpoint."""

from __future__ import annotations

import hashlib
from pathlib import Path

from samara.measurement.evaluation.subjects import subject_of
from tests.finetuning.conftest import make_tiny


def test_a_file_is_known_by_its_digest(mini):
    subject = subject_of(mini)
    assert subject.sha256 == hashlib.sha256(Path(mini.provenance.path).read_bytes()).hexdigest()
    assert (subject.checkpoint, subject.variant, subject.weights) == ("samara_mini", "vit_t", "file")
    assert (subject.engine, subject.precision, subject.device) == ("torch", "float32", "cpu")
    assert subject.input_size == mini.input_size


def test_random_weights_have_no_digest():
    subject = subject_of(make_tiny())
    assert (subject.weights, subject.sha256) == ("random", None)
