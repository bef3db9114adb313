"""The graphs export, with the names and the varying sizes that they promise."""

from __future__ import annotations

import torch

from samara.engines.graphs import decoder_graphs_of, encoder_graph_of
from tests.engines.conftest import small


def test_names_and_sizes():
    graphs = {graph.name: graph for graph in decoder_graphs_of(small("hq_vit_b", 96))}
    assert set(graphs) == {"look", "draw", "details"}
    shapes = {one.name: one.shape for one in graphs["look"].inputs}
    assert shapes == {"image": ["images", 256, 6, 6], "prompts": ["images", "prompts_per_image", "tokens", 256]}
    assert graphs["look"].outputs == ("predicted_iou", "weights", "image_tokens")
    assert len(decoder_graphs_of(small("vit_b", 96))) == 2


def test_an_exported_graph_takes_other_sizes_than_its_example():
    look, _ = decoder_graphs_of(small("vit_b", 96))
    exported = look.export().module()
    image, prompts = torch.randn(1, 256, 6, 6), torch.randn(1, 7, 2, 256)
    with torch.inference_mode():
        for found, expected in zip(exported(image, prompts), look.module(image, prompts), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_image_encoder_has_one_size():
    graph = encoder_graph_of(small("vit_b", 96))
    assert [one.shape for one in graph.inputs] == [[1, 3, 96, 96]]
    assert graph.outputs == ("image_embeddings",)
