"""The cache: each embedding once, whatever happens in between, and for nobody else."""

from __future__ import annotations

import pytest
import torch

from samara.errors import EmbeddingError
from samara.finetuning.embedding_cache import EmbeddingCache

NAMES, SHAPE = ["a", "b", "c"], (4, 2, 2)


def embedding(index):
    return torch.full(SHAPE, float(index) + 0.5)


def test_every_embedding_is_computed_once(tmp_path):
    asked, told = [], []

    def encode(index):
        asked.append(index)
        return embedding(index)

    for _ in range(2):
        cache = EmbeddingCache(tmp_path, "print", NAMES, SHAPE)
        cache.fill(encode, lambda *steps: told.append(steps))
    assert asked == [0, 1, 2]
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert len(cache) == 3
    assert cache[1].equal(embedding(1))
    assert cache[1].dtype == torch.float32
    assert (tmp_path / "embeddings.f16").stat().st_size == 3 * 16 * 2


def test_a_run_that_was_cut_off_goes_on(tmp_path):
    def dies_at_one(index):
        if index == 1:
            raise KeyboardInterrupt
        return embedding(index)

    cache = EmbeddingCache(tmp_path, "print", NAMES, SHAPE)
    with pytest.raises(KeyboardInterrupt):
        cache.fill(dies_at_one)
    with pytest.raises(EmbeddingError, match="call fill first"):
        cache[1]
    again = EmbeddingCache(tmp_path, "print", NAMES, SHAPE)
    assert again.missing == [1, 2]
    again.fill(embedding)
    assert again[2].equal(embedding(2))


@pytest.mark.parametrize(
    ("fingerprint", "names", "shape"),
    [
        ("other", NAMES, SHAPE),
        ("print", ["a", "b"], SHAPE),
        ("print", ["a", "c", "b"], SHAPE),
        ("print", NAMES, (4, 4, 4)),
    ],
)
def test_another_encoder_or_other_pictures_are_refused(tmp_path, fingerprint, names, shape):
    EmbeddingCache(tmp_path, "print", NAMES, SHAPE)
    with pytest.raises(EmbeddingError, match="other pictures or of another encoder"):
        EmbeddingCache(tmp_path, fingerprint, names, shape)


def test_no_example_is_no_file_to_map(tmp_path):
    assert EmbeddingCache(tmp_path, "print", [], SHAPE).missing == []
