"""EfficientSAM's prompt encoder: six tokens whatever is given. Values: tests/parity/test_efficient_sam_networks.py."""

from __future__ import annotations

import pytest
import torch

from samara.networks.efficient_sam_prompt_encoder import EfficientSamPromptEncoder

SIZES = {"input_image_size": (64, 64), "image_embedding_size": (4, 4)}
CLICKS = (torch.tensor([[[10.0, 20.0], [30.0, 40.0]]]), torch.tensor([[1, 1]]))
BOX = torch.tensor([[1.0, 2.0, 30.0, 40.0]])


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return EfficientSamPromptEncoder(**SIZES)


def many(count):
    return torch.rand(2, count, 2) * 64, torch.ones(2, count, dtype=torch.int64)


@pytest.mark.parametrize("points", [1, 5, 6, 7, 20])
def test_six_tokens_and_nothing_for_the_image(encoder, points):
    sparse, dense = encoder(many(points))
    assert sparse.shape == (2, 6, 256)
    assert dense.shape == (2, 256, 4, 4)
    assert not dense.any()
    assert encoder.no_mask().shape == (1, 256, 1, 1)


def test_more_than_six_are_cut(encoder):
    coordinates, labels = many(9)
    assert encoder((coordinates, labels))[0].equal(encoder((coordinates[:, :6], labels[:, :6]))[0])


def test_a_box_is_two_points_before_the_others(encoder):
    corners = torch.cat([BOX.view(1, 2, 2), CLICKS[0]], dim=1), torch.tensor([[2, 3, 1, 1]])
    assert encoder(CLICKS, BOX)[0].equal(encoder(corners)[0])
    sparse, _ = encoder(None, BOX)
    position = encoder.pe_layer.encode(torch.tensor([1.5, 2.5]), (64, 64))
    torch.testing.assert_close(sparse[0, 0], position + encoder.bbox_top_left_embeddings.weight[0])


def test_padding_has_the_position_of_minus_one_wherever_it_is_written(encoder):
    position = encoder.pe_layer.encode(torch.tensor([-0.5, -0.5]), (64, 64))
    expected = position + encoder.invalid_points.weight[0]
    sparse, _ = encoder(CLICKS)
    torch.testing.assert_close(sparse[0, 2:], expected.expand(4, -1))
    written = torch.cat([CLICKS[0], torch.zeros(1, 1, 2)], dim=1), torch.tensor([[1, 1, -1]])  # as SAM's clients do
    assert encoder(written)[0].equal(sparse)


def test_a_coordinate_below_zero_is_minus_one(encoder):
    outside = torch.tensor([[[-0.3, 20.0]]]), torch.tensor([[1]])
    at_the_edge = torch.tensor([[[-1.0, 20.0]]]), torch.tensor([[1]])
    assert encoder(outside)[0].equal(encoder(at_the_edge)[0])


def test_a_background_point_is_a_bare_position(encoder):
    sparse, _ = encoder((torch.tensor([[[10.0, 20.0]]]), torch.tensor([[0]])))
    assert sparse[0, 0].equal(encoder.pe_layer.encode(torch.tensor([10.5, 20.5]), (64, 64)))


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ({"points": CLICKS, "masks": torch.zeros(1, 1, 16, 16)}, "takes no masks"),
        ({}, "needs points or boxes"),
    ],
)
def test_what_it_does_not_take(encoder, prompts, message):
    with pytest.raises(ValueError, match=message):
        encoder(**prompts)
