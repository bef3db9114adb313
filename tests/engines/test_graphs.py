"""The graphs export, with the names and the varying sizes that they promise."""

from __future__ import annotations

import pytest
import torch

from samara.engines.graphs import decoder_graphs_of, encoder_graph_of, prompted_decoder_graph_of
from tests.engines.conftest import SMALL, small


def test_names_and_sizes():
    graphs = {graph.name: graph for graph in decoder_graphs_of(small("hq_vit_b", 96))}
    assert set(graphs) == {"look", "draw", "details"}
    shapes = {one.name: one.shape for one in graphs["look"].inputs}
    assert shapes == {"image": ["images", 256, 6, 6], "prompts": ["images", "prompts_per_image", "tokens", 256]}
    assert graphs["look"].outputs == ("predicted_iou", "weights", "image_tokens")
    assert len(decoder_graphs_of(small("vit_b", 96))) == 2


def test_an_exported_graph_takes_other_sizes_than_its_example():
    """HQ-SAM's drawing is where an exporter once took the example's sizes for the only ones."""
    _, draw, _ = decoder_graphs_of(small("hq_vit_t", 64))
    exported = draw.export().module()
    for prompts, masks in ((7, 2), (2, 5)):
        given = torch.randn(prompts, masks, 64), torch.randn(prompts, 16, 256), torch.randn(1, 32, 16, 16)
        with torch.inference_mode():
            torch.testing.assert_close(exported(*given), draw.module(*given), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SMALL))
def test_every_graph_of_every_family_exports(name):
    loaded = small(name, 64)
    for graph in (encoder_graph_of(loaded), prompted_decoder_graph_of(loaded), *decoder_graphs_of(loaded)):
        graph.export()


def test_the_image_encoder_has_one_size():
    graph = encoder_graph_of(small("vit_b", 96))
    assert [one.shape for one in graph.inputs] == [[1, 3, 96, 96]]
    assert graph.outputs == ("image_embeddings",)
