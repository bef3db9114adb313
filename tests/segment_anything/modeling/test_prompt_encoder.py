"""The official prompt encoder's constructor, private methods and positions; values are in test_numbers."""

from __future__ import annotations

import torch
from torch import nn

from samara.segment_anything.modeling.prompt_encoder import PositionEmbeddingRandom, PromptEncoder


def test_positions():
    torch.manual_seed(0)
    layer = PositionEmbeddingRandom(8, scale=10.0)
    torch.manual_seed(0)
    usual = PositionEmbeddingRandom(8, scale=-1.0)
    torch.testing.assert_close(
        layer.positional_encoding_gaussian_matrix, 10 * usual.positional_encoding_gaussian_matrix
    )
    points = torch.tensor([[[3.0, 4.0], [0.0, 9.0]]])
    torch.testing.assert_close(
        usual.forward_with_coords(points, (20, 10)), usual._pe_encoding(points / torch.tensor([10.0, 20.0]))
    )
    assert usual((2, 3)).shape == (16, 2, 3)
    assert PositionEmbeddingRandom()(size=(1, 1)).shape == (128, 1, 1)


def test_arguments_by_position_and_private_methods():
    encoder = PromptEncoder(16, (2, 2), (32, 32), 8, nn.ReLU)
    assert isinstance(encoder.mask_downscaling[2], nn.ReLU)
    assert (encoder.num_point_embeddings, encoder.mask_input_size) == (4, (8, 8))
    assert isinstance(encoder.pe_layer, PositionEmbeddingRandom)
    points, labels, boxes = torch.rand(3, 2, 2) * 30, torch.ones(3, 2), torch.rand(3, 4) * 30
    assert encoder._embed_points(points, labels, True).shape == (3, 3, 16)
    assert encoder._embed_points(points, labels, pad=False).shape == (3, 2, 16)
    assert encoder._embed_boxes(boxes).shape == (3, 2, 16)
    assert encoder._embed_masks(torch.zeros(3, 1, 8, 8)).shape == (3, 16, 2, 2)
    assert encoder._get_batch_size((points, labels), None, None) == encoder._get_batch_size(None, boxes, None) == 3
    assert encoder._get_batch_size(None, None, None) == 1
    assert encoder._get_device() == torch.device("cpu")
    assert encoder(None, boxes, None)[0].shape == (3, 2, 16)


def test_overridden_private_methods_count():
    class Mine(PromptEncoder):
        """Overrides with the official arguments."""

        def _embed_boxes(self, boxes):
            return super()._embed_boxes(boxes) * 0 + 5

        def _embed_masks(self, masks):
            return super()._embed_masks(masks) * 0 + 7

    sparse, dense = Mine(16, (2, 2), (32, 32), 8)(None, torch.rand(1, 4), torch.zeros(1, 1, 8, 8))
    assert (sparse == 5).all()
    assert (dense == 7).all()
