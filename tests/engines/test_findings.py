"""What doctor found decides what "auto" means, and nothing else does."""

from __future__ import annotations

import pytest

import samara
from samara.engines import findings
from samara.engines.findings import Finding, fastest_place, record, recorded
from samara.engines.kinds import AUTO, EnginePlace
from samara.errors import OutputError

TORCH = Finding("torch", "float32", True, 2.0, 0.1)
OPENVINO = Finding("openvino", "float32", True, 1.0, 0.1)
ONNX = Finding("onnxruntime", "float32", False, 0.1, 0.1)
INT8 = Finding("openvino", "int8", True, 0.5, 0.1)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SAMARA_CACHE", str(tmp_path))
    return tmp_path


def fastest_engine(variant, input_size, precision, device):
    place = EnginePlace(AUTO, device, precision)
    found = fastest_place(variant, input_size, place, any_precision=False)
    assert (found.device, found.precision) == (device, precision)
    return found.engine


def fastest_of_all(device="cpu"):
    found = fastest_place("vit_b", 1024, EnginePlace(AUTO, device, "bfloat16"), any_precision=True)
    return found.engine, found.precision


@pytest.fixture
def gpus(monkeypatch):
    """Two GPUs, of which the second is another model."""
    names = {"cuda": "NVIDIA X9", "cuda:0": "NVIDIA X9", "cuda:1": "NVIDIA X7"}
    monkeypatch.setattr("torch.cuda.get_device_name", names.__getitem__)


def test_without_findings_auto_is_torch():
    assert fastest_engine("vit_b", 1024, "float32", "cpu") == "torch"


def test_the_fastest_that_agrees():
    record("vit_b", 1024, [TORCH, OPENVINO, ONNX, INT8])
    assert recorded("vit_b", 1024) == (TORCH, OPENVINO, ONNX, INT8)
    assert fastest_engine("vit_b", 1024, "float32", "cpu") == "openvino"
    assert fastest_engine("vit_b", 1024, "bfloat16", "cpu") == "torch", "measured in another precision"
    assert fastest_engine("vit_b", 1024, "float32", "mps") == "torch", "measured on another device"
    assert fastest_engine("vit_b", 512, "float32", "cpu") == "torch", "measured at another size"
    assert fastest_engine("vit_l", 1024, "float32", "cpu") == "torch", "measured with another network"


def test_each_device_has_findings_of_its_own(gpus):
    compiled = Finding("torch-compile", "bfloat16", True, 0.01, 0.01)
    record("vit_b", 1024, [TORCH, OPENVINO])
    record("vit_b", 1024, [TORCH, compiled], "cuda")
    assert recorded("vit_b", 1024, "cuda:0") == (TORCH, compiled), "the same GPU"
    assert recorded("vit_b", 1024, "cuda:1") == (), "another one"
    assert fastest_engine("vit_b", 1024, "bfloat16", "cuda:0") == "torch-compile"
    assert fastest_engine("vit_b", 1024, "float32", "cuda") == "torch", "OpenVINO does not run there"
    assert fastest_engine("vit_b", 1024, "float32", "cpu") == "openvino"


def test_the_precision_is_chosen_too_if_none_was_asked_for(gpus):
    drifting = Finding("torch", "bfloat16", False, 0.01, 0.01)
    half = Finding("torch", "float16", True, 0.02, 0.01)
    record("vit_b", 1024, [TORCH, drifting, half, INT8], "cuda")
    assert fastest_of_all("cuda") == ("torch", "float16")
    assert fastest_of_all("cpu") == ("torch", "bfloat16"), "without findings it stays"
    record("vit_b", 1024, [TORCH, OPENVINO, INT8])
    assert fastest_of_all("cpu") == ("openvino", "float32"), "int8 has to be asked for"


def test_an_engine_that_was_removed_is_not_chosen(monkeypatch):
    record("vit_b", 1024, [TORCH, OPENVINO])
    monkeypatch.setattr("samara.engines.kinds.is_installed", lambda library: False)
    assert fastest_engine("vit_b", 1024, "float32", "cpu") == "torch"


def test_other_versions_ask_for_another_look(monkeypatch):
    record("vit_b", 1024, [TORCH, OPENVINO])
    monkeypatch.setattr(findings, "installed_versions", lambda: {"openvino": "1"})
    assert recorded("vit_b", 1024) == ()


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"engine": "torch"}]'])
def test_damaged_findings_are_none(text):
    record("vit_b", 1024, [OPENVINO]).write_text(text)
    assert recorded("vit_b", 1024) == ()


def test_a_place_that_cannot_be_written(home, monkeypatch):
    (home / "file").write_text("")
    monkeypatch.setenv("SAMARA_CACHE", str(home / "file" / "cache"))
    with pytest.raises(OutputError, match="set SAMARA_CACHE"):
        record("vit_b", 1024, [TORCH])


def test_loading_asks_the_findings():
    assert samara.load("samara_mini", device="cpu", precision="float32", engine="auto").engine == "torch"
    record("vit_t", 512, [TORCH, OPENVINO])
    assert samara.load("samara_mini", device="cpu", precision="float32", engine="auto").engine == "openvino"
    assert samara.load("samara_mini", device="cpu", engine="auto").precision == "float32"
