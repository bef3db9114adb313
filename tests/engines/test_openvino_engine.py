"""OpenVINO gives what PyTorch gives, in float32; int8 close to it; and says what it cannot do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import samara
from samara.engines import openvino_engine
from samara.engines.open import open_engine
from samara.engines.torch_engine import TorchEngine
from samara.errors import DeviceError
from tests.engines.conftest import SMALL, small
from tests.engines.prompting import assert_same_answers, kinds_of, relative_error

SIZE = 240


def compare(loaded, kinds=None):
    reference = TorchEngine(loaded.network, "cpu", hq_token_only=loaded.hq_token_only)
    engine = open_engine(dataclasses.replace(loaded, engine="openvino"))
    images = torch.randn(2, 3, loaded.input_size, loaded.input_size, generator=torch.Generator().manual_seed(0))
    features = reference.encode(images)
    assert relative_error(engine.encode(images), features) < 1e-4
    for kind in kinds or kinds_of(loaded):
        for multimask in (True, False):
            assert_same_answers(engine, reference, features, kind, loaded.frame_size, images=2, multimask=multimask)


@pytest.mark.slow
def test_the_same_answers():
    compare(small("vit_b", SIZE))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SMALL if name != "vit_b"])
def test_the_same_answers_of_every_variant(name):
    compare(small(name, SIZE))


@pytest.mark.slow
def test_a_second_start_converts_nothing(monkeypatch):
    compare(small("vit_b", SIZE), kinds=["point"])
    monkeypatch.setattr(openvino_engine, "convert", None)
    compare(small("vit_b", SIZE), kinds=["point"])


@pytest.fixture(scope="module")
def quick(mini):
    return dataclasses.replace(mini, engine="openvino")


@pytest.mark.slow
def test_everything_in_an_image(mini, quick, dog):
    settings = samara.AutomaticSettings(points_per_side=6)
    expected = samara.AutomaticMaskGenerator(mini, settings).generate(dog)
    found = samara.AutomaticMaskGenerator(quick, settings).generate(dog)
    assert len(found) == len(expected) > 3
    assert (found.masks() != expected.masks()).mean() < 1e-4
    np.testing.assert_allclose(found.predicted_iou, expected.predicted_iou, atol=1e-4)


@pytest.mark.slow
def test_int8_is_near(mini, truck, truck_embedding):
    rough = samara.Predictor(dataclasses.replace(mini, engine="openvino", precision="int8"))
    embedding = rough.embed(truck)
    assert embedding.precision == "int8"
    assert 1e-4 < relative_error(embedding.features, truck_embedding.features) < 0.1
    box = [[425, 600, 700, 875]]
    ours = rough.predict(embedding, boxes=box, multimask=False).masks()[0]
    reference = samara.Predictor(mini).predict(truck_embedding, boxes=box, multimask=False).masks()[0]
    assert (ours & reference).sum() / (ours | reference).sum() > 0.97


def test_a_precision_that_the_processor_lacks_is_refused_not_replaced(mini):
    class Compiled:
        def get_property(self, name):
            from openvino import Type

            return Type.f32

    openvino_engine._check_hint(Compiled(), "f32")
    with pytest.raises(DeviceError, match="does not support bfloat16, OpenVINO would use f32; use float32"):
        openvino_engine._check_hint(Compiled(), "bf16")
