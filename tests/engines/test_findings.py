"""What doctor found decides what "auto" means, and nothing else does."""

from __future__ import annotations

import pytest

import samara
from samara.engines import findings
from samara.engines.findings import Finding, fastest_engine, record, recorded
from samara.errors import OutputError

TORCH = Finding("torch", "float32", True, 2.0, 0.1)
OPENVINO = Finding("openvino", "float32", True, 1.0, 0.1)
ONNX = Finding("onnxruntime", "float32", False, 0.1, 0.1)
INT8 = Finding("openvino", "int8", True, 0.5, 0.1)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SAMARA_CACHE", str(tmp_path))
    return tmp_path


def test_without_findings_auto_is_torch():
    assert fastest_engine("vit_b", 1024, "float32", "cpu") == "torch"


def test_the_fastest_that_agrees():
    record("vit_b", 1024, [TORCH, OPENVINO, ONNX, INT8])
    assert recorded("vit_b", 1024) == (TORCH, OPENVINO, ONNX, INT8)
    assert fastest_engine("vit_b", 1024, "float32", "cpu") == "openvino"
    assert fastest_engine("vit_b", 1024, "bfloat16", "cpu") == "torch", "measured in another precision"
    assert fastest_engine("vit_b", 1024, "float32", "cuda") == "torch", "measured on another device"
    assert fastest_engine("vit_b", 512, "float32", "cpu") == "torch", "measured at another size"
    assert fastest_engine("vit_l", 1024, "float32", "cpu") == "torch", "measured with another network"


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
