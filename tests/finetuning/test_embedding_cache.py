"""The cache: each embedding once, whatever happens in between, and for nobody else."""

from __future__ import annotations

import pytest
import torch

from samara.errors import EmbeddingError, OutputError
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
    assert told == [("encoding", done, 3) for done in (1, 2, 3)]
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
def test_another_encoder_or_other_images_are_refused(tmp_path, fingerprint, names, shape):
    EmbeddingCache(tmp_path, "print", NAMES, SHAPE)
    with pytest.raises(EmbeddingError, match="other images, of another split or of another encoder"):
        EmbeddingCache(tmp_path, fingerprint, names, shape)


def test_no_example_is_no_file_to_map(tmp_path):
    assert EmbeddingCache(tmp_path, "print", [], SHAPE).missing == []


def test_a_file_cut_short_under_a_running_process_is_an_error(tmp_path):
    cache = EmbeddingCache(tmp_path, "print", NAMES, SHAPE)
    cache.fill(embedding)
    with (tmp_path / "embeddings.f16").open("r+b") as file:
        file.truncate(50)
    assert cache[0].equal(embedding(0))
    with pytest.raises(EmbeddingError, match="truncated while in use"):
        cache[2]
    (tmp_path / "done.u8").unlink()
    with pytest.raises(EmbeddingError, match="cannot be read: No such file"):
        cache[0]
    with pytest.raises(EmbeddingError, match="cannot be read"):
        cache.fill(embedding)


def test_a_second_process_that_opens_the_cache_keeps_what_is_there(tmp_path):
    first = EmbeddingCache(tmp_path, "print", NAMES, SHAPE)
    first.fill(embedding)
    with (tmp_path / "done.u8").open("r+b") as file:
        file.truncate(2)  # as if the second process came while the first was making room
    second = EmbeddingCache(tmp_path, "print", NAMES, SHAPE)
    assert second.missing == [2]
    assert first[1].equal(embedding(1))


def test_a_full_disk_is_said(tmp_path):
    cache = EmbeddingCache(tmp_path, "print", NAMES, SHAPE)
    (tmp_path / "embeddings.f16").unlink()
    (tmp_path / "embeddings.f16").symlink_to("/dev/full")
    with pytest.raises(OutputError, match="cannot be written: (No space left|Illegal seek)"):
        cache.fill(embedding)
