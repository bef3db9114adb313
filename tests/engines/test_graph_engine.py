"""What graph engines do besides arithmetic, on graphs that PyTorch itself runs: every prompt, image and variant."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from samara.engines.graph_engine import GraphEngine
from samara.engines.graphs import decoder_graphs_of, encoder_graph_of
from samara.engines.torch_engine import TorchEngine
from tests.engines.conftest import small
from tests.engines.prompting import KINDS, assert_same_answers, thresholds

SIZE = 96


def by_torch(graph):
    @torch.inference_mode()
    def run(*arrays):
        outputs = graph.module(*map(torch.from_numpy, arrays))
        return [tensor.numpy() for tensor in ((outputs,) if isinstance(outputs, torch.Tensor) else outputs)]

    return run


def both(loaded):
    graphs = (encoder_graph_of(loaded), *decoder_graphs_of(loaded))
    engine = GraphEngine(loaded, {graph.name: by_torch(graph) for graph in graphs}, "float32")
    return engine, TorchEngine(loaded.network, "cpu", hq_token_only=loaded.hq_token_only)


@pytest.fixture(scope="module", params=["vit_b", "hq_vit_b"])
def engines(request):
    engine, reference = both(small(request.param, SIZE))
    images = torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    features = reference.encode(images)
    torch.testing.assert_close(engine.encode(images), features, rtol=1e-4, atol=1e-5)
    return engine, reference, features


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("multimask", [True, False])
def test_every_prompt(engines, kind, images, multimask):
    found = assert_same_answers(*engines, kind, SIZE, images=images, multimask=multimask)
    assert len(found.prompt) >= 3


@pytest.mark.parametrize("kind", ["point", "box and mask", "many points"])
def test_judging_before_drawing(engines, kind):
    threshold = thresholds(engines[1], engines[2], kind, SIZE)
    found = assert_same_answers(*engines, kind, SIZE, min_predicted_iou=threshold)
    everything = assert_same_answers(*engines, kind, SIZE)
    assert 0 < len(found.prompt) < len(everything.prompt)


def test_only_promising_prompts_are_drawn(engines):
    engine, reference, features = engines
    drawn = []
    graphs = dict(engine.graphs)

    def draw(weights, *rest):
        drawn.append(len(weights))
        return engine.graphs["draw"](weights, *rest)

    watched = dataclasses.replace(small("vit_b" if len(graphs) == 3 else "hq_vit_b", SIZE))
    watching = GraphEngine(watched, graphs | {"draw": draw}, "float32")
    assert_same_answers(watching, reference, features, "point", SIZE, min_predicted_iou=1e9)
    assert drawn == []
    assert_same_answers(watching, reference, features, "point", SIZE)
    assert drawn == [3]


def test_nothing_is_a_result(engines):
    engine, _, features = engines
    none = engine.decode(engine.prepare(features), prompts_of_none(), frame_size=SIZE, multimask=True)
    assert none.low_res_logits.shape == (0, SIZE // 4, SIZE // 4)
    assert none.prompt.shape == none.predicted_iou.shape == (0,)


def prompts_of_none():
    from tests.engines.prompting import prompts

    return prompts("point", SIZE)[:0]


def test_hq_token_only():
    loaded = dataclasses.replace(small("hq_vit_b", SIZE), hq_token_only=True)
    engine, reference = both(loaded)
    features = reference.encode(torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)))
    assert_same_answers(engine, reference, features, "box", SIZE, multimask=False)
    plain, _ = both(dataclasses.replace(loaded, hq_token_only=False))
    with pytest.raises(AssertionError):
        assert_same_answers(plain, reference, features, "box", SIZE, multimask=False)


def test_images_prepared_elsewhere_are_refused(engines):
    engine, reference, features = engines
    with pytest.raises(TypeError, match="prepared by another engine"):
        engine.decode(reference.prepare(features), prompts_of_none(), frame_size=SIZE, multimask=True)
