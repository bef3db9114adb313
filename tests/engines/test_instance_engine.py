"""The engine of detectors: the network's own answers, in float32 whatever it computes in."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch

import samara
from samara.engines import instance_engine
from samara.engines.instance_engine import TorchInstanceEngine, open_instance_engine
from samara.errors import DeviceError, WrongCheckpoint


@pytest.fixture(scope="module")
def loaded():
    return samara.load("yolo11n-seg", weights="random", device="cpu", precision="float32")


def test_answers_are_the_networks_which_stays_as_it_is(loaded):
    images = torch.rand(2, 3, 64, 96)
    keys, fingerprint = list(loaded.network.state_dict()), loaded.fingerprint
    raw = open_instance_engine(loaded).find(images)
    with torch.inference_mode():
        wanted = loaded.network(images)
    for found, expected in zip(raw, wanted, strict=True):
        assert (found - expected).norm() < 1e-5 * expected.norm()
        assert not found.requires_grad
    assert list(loaded.network.state_dict()) == keys
    assert dataclasses.replace(loaded).fingerprint == fingerprint


def test_half_precision_is_close_and_float32_outside(loaded):
    images = torch.rand(1, 3, 64, 96)
    exact = open_instance_engine(loaded).find(images)
    rough = TorchInstanceEngine(loaded.detector, "cpu", "bfloat16").find(images)
    for found, expected in zip(rough, exact, strict=True):
        assert found.dtype == torch.float32
        assert (found - expected).norm() / expected.norm() < 0.05
    assert not torch.equal(rough.prototypes, exact.prototypes)


def test_other_engines_and_other_checkpoints_are_refused(loaded, mini):
    with pytest.raises(DeviceError, match="YOLO11n-seg does not run on the engine 'tpu'; use torch"):
        open_instance_engine(dataclasses.replace(loaded, engine="tpu"))
    with pytest.raises(WrongCheckpoint, match="is promptable"):
        open_instance_engine(mini)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_as_on_a_gpu_layers_are_cast_once_and_changes_are_seen(loaded, monkeypatch, precision):
    images = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    network = copy.deepcopy(loaded.detector)
    expected = TorchInstanceEngine(network, "cpu", precision).find(images)
    monkeypatch.setattr(instance_engine, "DEVICES_WITH_FORMS", {"cpu"})
    engine = TorchInstanceEngine(network, "cpu", precision)
    for found, wanted in zip(engine.find(images), expected, strict=True):
        assert (found - wanted).norm() / wanted.norm() < 0.01
    form, _ = engine._quickest()
    layers = [module for module in form.modules() if isinstance(module, torch.nn.Conv2d)]
    assert {layer.weight.dtype for layer in layers} == {getattr(torch, precision)}
    assert engine._quickest()[0] is form
    with torch.no_grad():
        next(network.parameters()).mul_(2)
    assert engine._quickest()[0] is not form
