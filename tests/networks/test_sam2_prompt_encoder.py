"""SAM 2's prompt encoder: boxes are points, padding always follows. Values: tests/parity/test_sam2_networks.py."""

from __future__ import annotations

import pytest
import torch

from samara.networks.prompt_encoder import PromptEncoder
from samara.networks.sam2_prompt_encoder import Sam2PromptEncoder, with_corners

POINTS = (torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), torch.tensor([[1, 0]]))
BOXES = torch.tensor([[1.0, 2.0, 30.0, 40.0]])
SIZES = {"input_image_size": (64, 64), "image_embedding_size": (4, 4)}


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return Sam2PromptEncoder(**SIZES)


@pytest.mark.parametrize(
    ("points", "boxes", "masks", "tokens"),
    [
        (None, None, None, 0),
        (None, None, torch.zeros(1, 1, 16, 16), 0),
        (POINTS, None, None, 3),
        (None, BOXES, None, 3),
        (POINTS, BOXES, torch.zeros(1, 1, 16, 16), 5),
    ],
)
def test_shapes(encoder, points, boxes, masks, tokens):
    sparse, dense = encoder(points, boxes, masks)
    assert sparse.shape == (1, tokens, 256)
    assert dense.shape == (1, 256, 4, 4)


def test_corners_stand_before_clicks_and_padding_behind(encoder):
    of_sam = PromptEncoder(**SIZES)
    of_sam.load_state_dict(encoder.state_dict())
    sparse, _ = encoder(POINTS, BOXES)
    clicks, _ = of_sam(POINTS)
    corners, _ = of_sam(None, BOXES)
    torch.testing.assert_close(sparse, torch.cat([corners, clicks], dim=1))
    assert sparse[0, -1].equal(encoder.not_a_point_embed.weight[0])


def test_padding_can_be_left_to_the_points(encoder):
    sparse, _ = encoder(POINTS, BOXES, pad=False)
    assert sparse.equal(encoder(POINTS, BOXES)[0][:, :-1])


def test_corners_are_labelled_points():
    coordinates, labels = with_corners((POINTS[0], POINTS[1].float()), BOXES)
    assert coordinates.tolist() == [[[1.0, 2.0], [30.0, 40.0], [1.0, 2.0], [3.0, 4.0]]]
    assert labels.tolist() == [[2, 3, 1, 0]]
    assert with_corners(None, BOXES.repeat(3, 1))[1].tolist() == 3 * [[2, 3]]


def test_any_input_size(encoder):
    sparse, dense = encoder(POINTS, None, input_size_hw=(128, 128), grid_hw=(8, 8))
    halved, _ = encoder(((POINTS[0] + 0.5) / 2 - 0.5, POINTS[1]))
    torch.testing.assert_close(sparse, halved)
    assert dense.shape == (1, 256, 8, 8)
