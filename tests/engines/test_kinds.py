"""Engine, device and precision: what fits together and what does not, in one sentence."""

from __future__ import annotations

import pytest
import torch

from samara.engines import kinds
from samara.engines.kinds import ENGINES, TORCH, EnginePlace, choose_place
from samara.errors import DeviceError, MissingExtra, SettingsError


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        (("torch", "cpu", "float32"), EnginePlace("torch", "cpu", "float32")),
        (("openvino", "auto", "int8"), EnginePlace("openvino", "cpu", "int8")),
        (("onnxruntime", "cpu", "auto"), EnginePlace("onnxruntime", "cpu", "float32")),
        (("auto", "cpu", "float32"), EnginePlace("auto", "cpu", "float32")),
    ],
)
def test_what_fits(asked, place):
    assert choose_place(*asked) == place


def test_auto_takes_the_processor_for_engines_that_run_nowhere_else(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose_place("openvino", "auto", "float32").device == "cpu"
    with pytest.raises(DeviceError, match="openvino runs on cpu, not on cuda"):
        choose_place("openvino", "cuda", "float32")


def test_auto_precision_is_one_that_the_engine_has(monkeypatch):
    monkeypatch.setattr("samara.system.devices.computes_in_bfloat16", lambda device: True)
    assert choose_place("torch", "cpu", "auto").precision == "bfloat16"
    assert choose_place("onnxruntime", "cpu", "auto").precision == "float32"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("abacus", "cpu", "auto"), "no engine 'abacus'; use auto, torch, torch-compile, openvino, onnxruntime"),
        (("torch", "cpu", "int8"), "torch does not support int8, .* choose the engine openvino"),
        (("auto", "cpu", "int8"), "choose the engine openvino"),
        (("onnxruntime", "cpu", "float16"), "only float32"),
        (("torch", "cpu", "int4"), "'int4' is not a precision"),
    ],
)
def test_what_does_not_fit_is_one_sentence(asked, message):
    with pytest.raises(SettingsError, match=message):
        choose_place(*asked)


@pytest.mark.parametrize(("engine", "extra"), [("openvino", "openvino"), ("onnxruntime", "onnx")])
def test_a_missing_library_says_what_to_install(monkeypatch, engine, extra):
    monkeypatch.setattr(kinds, "is_installed", lambda library: False)
    with pytest.raises(MissingExtra, match=rf"pip install 'samara\[{extra}\]'"):
        choose_place(engine, "cpu", "float32")


@pytest.fixture
def gpu(monkeypatch):
    """A machine with one GPU, of Ampere's generation."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))


def test_tf32_is_for_gpus(gpu):
    for engine in ("torch", "torch-compile"):
        assert choose_place(engine, "cuda:0", "tf32") == EnginePlace(engine, "cuda:0", "tf32")
    with pytest.raises(DeviceError, match="only NVIDIA GPUs"):
        choose_place("torch", "cpu", "tf32")
    assert "tf32" in TORCH.precisions_on("cuda:0")
    assert "tf32" not in TORCH.precisions_on("cpu")
    with pytest.raises(SettingsError, match="does not support int8, only float32, bfloat16, float16; for int8"):
        choose_place("torch", "cpu", "int8")


def test_int8_on_a_gpu_needs_its_library(gpu, monkeypatch):
    with pytest.raises(SettingsError, match="torch does not support int8, .* choose the engine torch-compile$"):
        choose_place("torch", "cuda", "int8")
    monkeypatch.setattr(kinds, "is_installed", lambda library: library != "torchao")
    with pytest.raises(MissingExtra, match=r"int8 of the engine torch-compile needs torchao, .*'samara\[torchao\]'"):
        choose_place("torch-compile", "cuda", "int8")
    monkeypatch.setattr(kinds, "is_installed", lambda library: True)
    assert choose_place("torch-compile", "cuda", "int8").precision == "int8"
    assert choose_place("torch-compile", "cuda", "auto").precision == "bfloat16"
    monkeypatch.setattr(kinds, "is_installed", lambda library: library != "nncf")
    with pytest.raises(MissingExtra, match=r"int8 of the engine openvino needs nncf, .*'samara\[openvino\]'"):
        choose_place("openvino", "cpu", "int8")


def test_the_table():
    for name, kind in ENGINES.items():
        assert kind.name == name
        assert kind.is_installed
        assert kind.version
        assert (kind.install_command is None) == (name in ("torch", "torch-compile"))
