"""Prompt encoder: shapes of every kind, padding, any input size."""

from __future__ import annotations

import pytest
import torch

from samara.networks.prompt_encoder import PromptEncoder


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return PromptEncoder(input_image_size=(64, 64), image_embedding_size=(4, 4))


POINTS = (torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), torch.tensor([[1, 0]]))
BOXES = torch.tensor([[1.0, 2.0, 30.0, 40.0]])


@pytest.mark.parametrize(
    ("points", "boxes", "masks", "tokens"),
    [
        (None, None, None, 0),
        (None, None, torch.zeros(1, 1, 16, 16), 0),
        (POINTS, None, None, 3),
        (None, BOXES, None, 2),
        (POINTS, BOXES, torch.zeros(1, 1, 16, 16), 4),
    ],
)
def test_shapes(encoder, points, boxes, masks, tokens):
    sparse, dense = encoder(points, boxes, masks)
    assert sparse.shape == (1, tokens, 256)
    assert dense.shape == (1, 256, 4, 4)


def test_padding_points_are_the_same_wherever_they_lie(encoder):
    labels = torch.tensor([[1, -1]])
    here, _ = encoder((torch.tensor([[[1.0, 2.0], [9.0, 9.0]]]), labels))
    there, _ = encoder((torch.tensor([[[1.0, 2.0], [50.0, 3.0]]]), labels))
    torch.testing.assert_close(here, there)


def test_corners_given_as_points_are_a_box(encoder):
    sparse, _ = encoder((BOXES.view(1, 2, 2), torch.tensor([[2, 3]])))
    torch.testing.assert_close(sparse[:, :2], encoder(None, BOXES)[0])


def test_points_scale_with_the_input_size(encoder):
    small, _ = encoder((torch.tensor([[[7.5, 15.5]]]), torch.tensor([[1]])))
    large, dense = encoder(
        (torch.tensor([[[15.5, 31.5]]]), torch.tensor([[1]])), input_size_hw=(128, 128), grid_hw=(8, 8)
    )
    torch.testing.assert_close(small, large, atol=1e-5, rtol=1e-5)
    assert dense.shape == (1, 256, 8, 8)


def test_a_point_in_the_middle_of_a_cell_has_the_cells_position(encoder):
    cell_centre = torch.tensor([[[23.5, 7.5]]])  # column 1, row 0 of cells of 16 pixels, less the half pixel
    sparse, _ = encoder((cell_centre, torch.tensor([[1]])))
    position = sparse[0, 0] - encoder.point_embeddings[1].weight[0]
    torch.testing.assert_close(position, encoder.get_dense_pe()[0, :, 0, 1], atol=1e-5, rtol=1e-5)


def test_padding_can_be_asked_for_and_refused(encoder):
    padded, _ = encoder(POINTS)
    assert torch.equal(encoder(POINTS, pad=False)[0], padded[:, :2])
    assert torch.equal(encoder(POINTS, pad=True)[0], padded)
    coordinates, labels = POINTS
    by_hand = torch.cat([coordinates, torch.zeros(1, 1, 2)], dim=1), torch.cat([labels, torch.tensor([[-1]])], dim=1)
    assert torch.equal(encoder(by_hand, pad=False)[0], padded)
    assert encoder(POINTS, BOXES, pad=True)[0].shape == (1, 5, 256)


def test_prompts_in_a_frame_with_cells_of_4_pixels():
    """LiteMedSAM: (x + 0.5) / 256, which is (4x + 2) / 1024 and not (4x + 0.5) / 1024, what SAM makes of 4x."""
    torch.manual_seed(0)
    encoder = PromptEncoder()
    box = torch.tensor([[20.0, 31.0, 120.5, 199.0]])
    found, _ = encoder(boxes=box, input_size_hw=(256, 256), grid_hw=(64, 64))
    same, _ = encoder(boxes=4 * box + 1.5, input_size_hw=(1024, 1024), grid_hw=(64, 64))
    shifted, _ = encoder(boxes=4 * box, input_size_hw=(1024, 1024), grid_hw=(64, 64))
    torch.testing.assert_close(found, same, atol=2e-5, rtol=1e-4)
    assert (found - shifted).abs().max() > 1e-3
