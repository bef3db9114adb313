"""Embeddings on disk: found again, limited in size, the least recently used first to go."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from samara.errors import SettingsError
from samara.segmentation.embedding_store import EmbeddingStore, key_of
from samara.segmentation.embeddings import ImageEmbedding


def embedding(number):
    return ImageEmbedding(torch.full((256, 4, 4), float(number)), (30, 40), 64, "f", "none", "float32")


def key(number):
    return key_of(np.full((2, 2, 3), number, np.uint8), "encoder")


def test_what_is_put_is_got(tmp_path):
    store = EmbeddingStore(tmp_path / "new" / "store", 1 << 20)
    assert store.get(key(1)) is None
    store.put(key(1), embedding(1))
    assert EmbeddingStore(tmp_path / "new" / "store", 1 << 20).get(key(1)).features.equal(embedding(1).features)
    path = next(tmp_path.rglob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:100])
    assert store.get(key(1)) is None


def test_the_least_recently_used_go_first(tmp_path):
    store = EmbeddingStore(tmp_path, 90_000)  # room for five
    for number in range(5):
        store.put(key(number), embedding(number))
        path = store._path(key(number))
        os.utime(path, ns=(number, number))
    assert store.get(key(0)) is not None  # and now it is the most recent
    store.put(key(9), embedding(9))
    left = [number for number in (0, 1, 2, 3, 4, 9) if store.get(key(number)) is not None]
    assert left == [0, 3, 4, 9]  # filled to nine tenths of the limit
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.safetensors")) <= 81_000


def test_processes_that_share_a_store_keep_its_limit_together(tmp_path):
    stores = [EmbeddingStore(tmp_path, 500_000) for _ in range(4)]
    largest = 0
    for number in range(80):  # 1.3 MB in all, a third of a megabyte by each
        stores[number % 4].put(key(number), embedding(number))
        largest = max(largest, sum(path.stat().st_size for path in tmp_path.rglob("*.safetensors")))
    assert 400_000 < largest <= 500_000 * 1.06 + 4 * 17_000  # and the file that each is just writing


def test_keys_tell_images_and_encoders_apart():
    black = np.zeros((2, 6, 3), np.uint8)
    keys = {key_of(black, "a"), key_of(black, "b"), key_of(black.reshape(6, 2, 3), "a"), key_of(black + 1, "a")}
    assert len(keys) == 4
    assert key_of(np.asfortranarray(black), "a") in keys


def test_a_store_without_room_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="cannot keep anything"):
        EmbeddingStore(tmp_path, 0)
