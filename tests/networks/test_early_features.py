"""Early features: put behind an image embedding and taken off again."""

from __future__ import annotations

import pytest
import torch

from samara.networks.early_features import join_early, split_early


def test_what_was_joined_comes_apart_as_views():
    embedding, early = torch.randn(2, 5, 3, 4), torch.randn(2, 7, 3, 4)
    joined = join_early(embedding, early)
    assert joined.shape == (2, 12, 3, 4)
    parts = split_early(joined, 7)
    assert parts[0].equal(embedding)
    assert parts[1].equal(early)
    assert all(part.untyped_storage().data_ptr() == joined.untyped_storage().data_ptr() for part in parts)


def test_gradients_flow_through_both():
    embedding, early = torch.randn(1, 2, 1, 1, requires_grad=True), torch.randn(1, 3, 1, 1, requires_grad=True)
    a, b = split_early(join_early(embedding, early), 3)
    (a.sum() + 2 * b.sum()).backward()
    assert embedding.grad.eq(1).all()
    assert early.grad.eq(2).all()


def test_an_embedding_without_early_features_is_refused():
    with pytest.raises(ValueError, match="256 channels does not contain 768 channels of early features"):
        split_early(torch.zeros(1, 256, 4, 4), 768)
    with pytest.raises(ValueError, match="use the embedding of an encoder that returns them"):
        split_early(torch.zeros(1, 256, 4, 4), 256)
