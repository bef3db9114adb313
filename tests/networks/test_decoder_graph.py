"""The mask decoder's form for exporters gives what the decoder gives, for shared images and for images apart."""

from __future__ import annotations

import pytest
import torch

from samara.networks.decoder_graph import DetailsGraph, LookGraph, draw_graph
from samara.networks.variants import VARIANTS
from tests.engines.conftest import small

SIDE, GRID = 96, (6, 6)


NAMES = ["vit_b", "hq_vit_b", "sam2.1_hiera_t", "sam2.1_hq_hiera_l", "efficient_sam_ti"]
KINDS = [(name, has) for name in NAMES for has in (False, VARIANTS[name].capabilities.mask_input)]


@pytest.mark.parametrize("points", [1, 20])
@pytest.mark.parametrize(("name", "with_masks"), dict.fromkeys(KINDS))
def test_the_form_is_exact(name, points, with_masks):
    network = small(name, SIDE).network
    generator = torch.Generator().manual_seed(points)
    decoder, encoder = network.mask_decoder, network.prompt_encoder
    is_hq = hasattr(decoder, "hf_token")
    features = torch.randn(1, 256 + decoder.further_channels, *GRID, generator=generator)
    masks = torch.randn(3, 1, 24, 24, generator=generator) if with_masks else None
    coordinates = torch.rand(3, points, 2, generator=generator) * SIDE
    with torch.inference_mode():
        sparse, dense = encoder(
            (coordinates, torch.ones(3, points)), None, masks, input_size_hw=(SIDE, SIDE), grid_hw=GRID
        )
        positions = encoder.get_dense_pe(GRID)
        look = decoder.look(features, positions, sparse, dense)
        expected = decoder.draw(look, slice(None))

        embedding = decoder.embedding_of(features)
        image, prompts = (embedding + dense, sparse[:, None]) if with_masks else (embedding + dense[:1], sparse[None])
        iou, weights, tokens = LookGraph(decoder, positions)(image, prompts)
        draw = draw_graph(decoder, GRID)
        details = [DetailsGraph(decoder)(features)] if decoder.further_channels else []
        logits = draw(weights, tokens, *details)
        if is_hq:
            only = draw(weights * (torch.arange(64) >= 32), tokens, *details)
            assert only.shape == expected.shape
            torch.testing.assert_close(only[:, :1], decoder.draw_hq(look), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(iou, look.predicted_iou, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(tokens.transpose(1, 2).reshape(look.image.shape), look.image, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)
