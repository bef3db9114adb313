"""The official prompt encoder takes corners as points, and a box as SAM's does; samara's takes a box as points."""

from __future__ import annotations

import torch

from samara.networks.sam2_prompt_encoder import with_corners

POINTS = torch.tensor([[[10.0, 20.0], [30.0, 5.0]]]), torch.tensor([[1, 0]])
BOX = torch.tensor([[4.0, 6.0, 50.0, 70.0]])


def test_corners_before_points_are_samaras_box(model):
    ours = model.as_samaras().prompt_encoder
    with torch.no_grad():
        found = model.sam_prompt_encoder(points=with_corners(POINTS, BOX), boxes=None, masks=None)
        torch.testing.assert_close(found, ours(POINTS, BOX, None))
    assert found[0].shape == (1, 5, 256)


def test_a_box_as_such_is_sams(model):
    """Behind the points and without padding."""
    encoder = model.sam_prompt_encoder
    with torch.no_grad():
        together, _ = encoder(points=POINTS, boxes=BOX, masks=None)
        points = encoder._embed_points(*POINTS, pad=False)
        torch.testing.assert_close(together, torch.cat([points, encoder._embed_boxes(BOX)], dim=1))


def test_padding_and_unknown_labels(model):
    encoder = model.sam_prompt_encoder
    coordinates = torch.tensor([[[10.0, 20.0], [10.0, 20.0]]])
    with torch.no_grad():
        found = encoder._embed_points(coordinates, torch.tensor([[-1, 7]]), pad=False)
        torch.testing.assert_close(found[0, 0], encoder.not_a_point_embed.weight[0])
        bare = encoder.pe_layer.forward_with_coords(coordinates + 0.5, encoder.input_image_size)
        torch.testing.assert_close(found[0, 1], bare[0, 1])


def test_a_mask(model):
    with torch.no_grad():
        sparse, dense = model.sam_prompt_encoder(None, None, torch.randn(2, 1, 32, 32))
    assert (tuple(sparse.shape), tuple(dense.shape)) == ((2, 0, 256), (2, 256, 8, 8))
