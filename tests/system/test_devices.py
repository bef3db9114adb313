"""Devices and precisions: what is there, what is not, and what "auto" means."""

from __future__ import annotations

import contextlib

import pytest
import torch

from samara.errors import DeviceError, SettingsError
from samara.system import devices
from samara.system.devices import choose_device, choose_precision, computes_in_bfloat16, computing


def test_auto_takes_a_gpu_if_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device() == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == "cuda"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("gpu", "'gpu' is not a device"),
        ("cuda", "no CUDA GPU; use cpu or auto"),
        ("cuda:3", "no CUDA GPU"),
        ("mps", "no Apple GPU"),
    ],
)
def test_absent_devices_are_one_sentence(monkeypatch, asked, message):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=message):
        choose_device(asked)


def test_a_gpu_too_many(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == "cuda:1"
    with pytest.raises(DeviceError, match="only 2 GPUs"):
        choose_device("cuda:2")


@pytest.mark.parametrize(("in_hardware", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_auto_precision_follows_the_hardware(monkeypatch, in_hardware, precision):
    monkeypatch.setattr(devices, "computes_in_bfloat16", lambda _: in_hardware)
    assert choose_precision("auto", "cpu") == precision
    assert choose_precision("float16", "cpu") == "float16"


def test_unknown_precision():
    with pytest.raises(SettingsError, match="'int4' is not a precision; use auto, float32"):
        choose_precision("int4", "cpu")


def test_bfloat16_on_a_processor_needs_its_instructions(monkeypatch):
    for amx, avx in [(False, False), (True, False), (False, True)]:
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda amx=amx: amx, raising=False)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda avx=avx: avx, raising=False)
        assert computes_in_bfloat16("cpu") == (amx or avx)
    assert not computes_in_bfloat16("mps")


def test_bfloat16_on_a_gpu_needs_ampere(monkeypatch):
    for capability, expected in [((7, 5), False), ((8, 0), True), ((9, 0), True)]:
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, c=capability: c)
        assert computes_in_bfloat16("cuda") == expected


def test_tf32_is_for_gpus_that_have_it(monkeypatch):
    for device in ("cpu", "mps"):
        with pytest.raises(DeviceError, match=f"only NVIDIA GPUs from Ampere .* tf32, not {device}; use float32"):
            choose_precision("tf32", device)
    for capability, has_it in (((7, 5), False), ((8, 0), True), ((9, 0), True)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, found=capability: found)
        assert devices.multiplies_in_tf32("cuda") == has_it
    assert choose_precision("tf32", "cuda:1") == "tf32"


@pytest.mark.parametrize(
    ("precision", "products"), [("float32", [False]), ("tf32", [True]), ("bfloat16", []), ("float16", []), ("int8", [])]
)
def test_a_precision_decides_how_a_gpu_multiplies(monkeypatch, precision, products):
    asked = []

    class Recorded:
        def at(self, tf32):
            asked.append(tf32)
            return contextlib.nullcontext()

    monkeypatch.setattr(devices, "SWITCH", Recorded())
    with computing("cpu", precision):
        dtype = (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
    assert dtype == devices.COMPUTED_IN[precision]
    assert asked == []  # processors have no such switch
    monkeypatch.setattr(torch, "autocast", lambda *args, **more: contextlib.nullcontext())
    with computing("cuda", precision):
        pass
    assert asked == products


@pytest.mark.gpu
def test_float32_is_exact_on_a_gpu_and_tf32_is_not():
    torch.manual_seed(0)
    a, b = torch.randn(2, 512, 512, device="cuda")
    exact = a.double() @ b.double()
    errors = {}
    for precision in ("float32", "tf32"):
        with computing("cuda", precision):
            errors[precision] = ((a @ b).double() - exact).norm() / exact.norm()
    assert errors["float32"] < 1e-6 < 1e-5 < errors["tf32"] < 1e-2
