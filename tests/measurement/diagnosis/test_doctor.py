"""Doctor finds what is here, sees an engine that drifts, and keeps what it found."""

from __future__ import annotations

import copy
import dataclasses
import functools
import json

import pytest
import torch
from PIL import Image

from samara.engines import open as opening
from samara.engines.findings import recorded
from samara.engines.kinds import OPENVINO, TORCH
from samara.engines.torch_engine import TorchEngine
from samara.errors import DeviceError
from samara.measurement.diagnosis import agreement, doctor
from samara.measurement.diagnosis.agreement import ask
from samara.measurement.diagnosis.doctor import examine
from tests.engines.conftest import small


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SAMARA_CACHE", str(tmp_path))


@pytest.fixture(autouse=True)
def little_work(tmp_path, dog, monkeypatch):
    """One photo of 120 x 160 pixels instead of the bundled ones, about which `test_agreement` asks; few for times."""
    with Image.open(dog) as photo:
        photo.resize((160, 120)).save(tmp_path / "small.png")
    monkeypatch.setattr(doctor, "ask", functools.partial(ask, photos=(tmp_path / "small.png",)))
    monkeypatch.setattr(agreement, "MANY", 8)
    monkeypatch.setattr(agreement, "DECODER_REPEATS", 2)


@pytest.fixture(scope="module")
def loaded():
    one = small("vit_t", 64)
    return dataclasses.replace(one, provenance=dataclasses.replace(one.provenance, name="one", weights="file"))


def plain(loaded):
    return TorchEngine(loaded.network, "cpu")


def noisy(loaded):
    network = copy.deepcopy(loaded.network)
    with torch.no_grad():
        for parameter in network.image_encoder.parameters():
            parameter.mul_(1 + 0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    return TorchEngine(network, "cpu")


def refusing(loaded):
    raise DeviceError("not on this processor")


@pytest.fixture
def engines(monkeypatch):
    """A function that says what stands for OpenVINO; nothing else than it and torch is there."""

    def stand_in(opener):
        monkeypatch.setattr(
            doctor, "ENGINES", {"torch": TORCH, "openvino": dataclasses.replace(OPENVINO, libraries=())}
        )
        monkeypatch.setitem(opening._OPENERS, "openvino", opener)

    return stand_in


def test_engines_that_agree(engines, loaded):
    engines(plain)
    told = []
    diagnosis = examine(loaded, progress=lambda *step: told.append(step))
    assert diagnosis.is_healthy
    assert diagnosis.recorded
    by_name = {(check.engine, check.precision): check for check in diagnosis.checks}
    assert by_name["torch", "float32"].speed == 1
    assert by_name["openvino", "int8"].agrees
    assert {name for name, _, _ in told} >= {"torch float32", "openvino int8"}
    assert all(done <= total for _, done, total in told)
    assert {finding.engine for finding in recorded("vit_t", 64)} == {"torch", "openvino"}
    assert json.loads(json.dumps(diagnosis.as_dict()))["healthy"] is True


def test_an_engine_that_drifts(engines, loaded):
    engines(noisy)
    diagnosis = examine(loaded)
    assert not diagnosis.is_healthy
    assert {check.engine for check in diagnosis.checks if check.agrees is False} == {"openvino"}
    assert {finding.engine for finding in recorded("vit_t", 64) if finding.agrees} == {"torch"}


def test_what_cannot_run_is_told_and_is_no_drift(engines, loaded):
    engines(refusing)
    diagnosis = examine(loaded)
    assert diagnosis.is_healthy
    assert {check.note for check in diagnosis.checks if check.engine == "openvino"} == {"not on this processor"}


def test_random_weights_record_nothing(engines, loaded):
    engines(plain)
    random = dataclasses.replace(loaded, provenance=dataclasses.replace(loaded.provenance, weights="random"))
    assert not examine(random).recorded
    assert recorded("vit_t", 64) == ()


def test_missing_engines_say_what_to_install(monkeypatch, loaded):
    absent = dataclasses.replace(OPENVINO, libraries=("no_such_library",))
    monkeypatch.setattr(doctor, "ENGINES", {"torch": TORCH, "openvino": absent})
    diagnosis = examine(loaded)
    assert diagnosis.missing == {"openvino": "pip install 'samara[openvino]'"}
    assert {check.engine for check in diagnosis.checks} == {"torch"}


def test_an_engine_that_breaks_is_told_in_one_line(engines, loaded):
    def breaking(loaded):
        raise RuntimeError("CUDA out of memory\nmore pages of this")

    engines(breaking)
    diagnosis = examine(loaded)
    assert {check.note for check in diagnosis.checks if check.engine == "openvino"} == {"CUDA out of memory"}


@pytest.fixture
def second_device(monkeypatch):
    """ "cpu:0" is a device of its own to PyTorch, with the same results."""
    monkeypatch.setattr(doctor, "choose_device", lambda asked: "cpu:0" if asked == "auto" else asked)
    monkeypatch.setattr("samara.engines.findings._accelerator", lambda device: [] if device == "cpu" else [device])


def in_float32_alone(monkeypatch):
    kinds = {name: dataclasses.replace(kind, precisions=("float32",)) for name, kind in doctor.ENGINES.items()}
    monkeypatch.setattr(doctor, "ENGINES", kinds)


def test_every_engine_is_examined_on_every_device(engines, second_device, loaded, monkeypatch):
    opened = []

    def counted(loaded):
        opened.append((loaded.engine, loaded.device))
        return plain(loaded)

    engines(counted)
    in_float32_alone(monkeypatch)
    assert doctor.devices_of("auto") == ("cpu", "cpu:0")
    diagnosis = examine(loaded, doctor.devices_of("auto"))
    assert diagnosis.is_healthy
    assert {("openvino", "cpu"), ("openvino", "cpu:0")} == set(opened)
    assert {finding.engine for finding in recorded("vit_t", 64, "cpu:0")} == {"torch", "openvino"}
    assert loaded.network.prompt_encoder.no_mask_embed.weight.device.type == "cpu"


def test_one_device_leaves_the_findings_of_the_others(engines, second_device, loaded, monkeypatch):
    engines(plain)
    in_float32_alone(monkeypatch)
    diagnosis = examine(loaded, ("cpu:0",))
    places = [(check.engine, check.device) for check in diagnosis.checks]
    assert places == [("torch", "cpu"), ("torch", "cpu:0"), ("openvino", "cpu:0")]
    assert recorded("vit_t", 64, "cpu:0")
    assert recorded("vit_t", 64) == ()


def test_a_device_that_is_missing():
    assert doctor.devices_of("cpu") == ("cpu",)
    with pytest.raises(DeviceError, match="is not a device"):
        doctor.devices_of("tpu")
