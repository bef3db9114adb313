"""ONNX Runtime gives what PyTorch gives."""

from __future__ import annotations

import dataclasses
import warnings

import pytest
import torch

import samara
from samara.engines import onnxruntime_engine
from samara.engines.graphs import decoder_graphs_of
from samara.engines.open import open_engine
from samara.engines.torch_engine import TorchEngine
from tests.engines.conftest import SMALL, small
from tests.engines.prompting import assert_same_answers, kinds_of, relative_error

SIZE = 240


def compare(loaded, kinds=None):
    reference = TorchEngine(loaded.network, "cpu")
    engine = open_engine(dataclasses.replace(loaded, engine="onnxruntime"))
    images = torch.randn(2, 3, loaded.input_size, loaded.input_size, generator=torch.Generator().manual_seed(0))
    features = reference.encode(images)
    assert relative_error(engine.encode(images), features) < 1e-4
    for kind in kinds or kinds_of(loaded):
        assert_same_answers(engine, reference, features, kind, loaded.frame_size, images=2)


@pytest.mark.slow  # the default run goes through ONNX Runtime in networks/test_official_graphs.py
def test_the_same_answers():
    """Of the variant that has most: ViT, early features, HQ token."""
    compare(small("hq_vit_b", SIZE))


@pytest.mark.slow
def test_a_second_start_converts_nothing(monkeypatch):
    compare(small("vit_b", SIZE), kinds=["box"])
    monkeypatch.setattr(onnxruntime_engine, "write_onnx", None)
    compare(small("vit_b", SIZE), kinds=["box"])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SMALL if name != "hq_vit_b"])
def test_the_same_answers_of_every_variant(name):
    compare(small(name, SIZE))


@pytest.mark.slow
def test_the_embedded_checkpoint(mini, truck, truck_embedding):
    predictor = samara.Predictor(dataclasses.replace(mini, engine="onnxruntime"))
    assert relative_error(predictor.embed(truck).features, truck_embedding.features) < 1e-4


@pytest.mark.slow
def test_names_and_varying_sizes_are_in_the_file(tmp_path):
    import onnx

    look, _ = decoder_graphs_of(small("vit_b", 96))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        onnxruntime_engine.write_onnx(look, tmp_path / "look.onnx")
    graph = onnx.load(tmp_path / "look.onnx").graph
    shapes = {
        one.name: [size.dim_param or size.dim_value for size in one.type.tensor_type.shape.dim] for one in graph.input
    }
    assert shapes == {one.name: one.shape for one in look.inputs}
    assert [one.name for one in graph.output] == list(look.outputs)
