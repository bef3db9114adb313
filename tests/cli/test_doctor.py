"""`samara doctor`: the table, JSON and the exit status."""

from __future__ import annotations

import dataclasses
import json

import pytest
from typer.testing import CliRunner

from samara.cli.main import app
from samara.measurement.diagnosis import doctor
from samara.measurement.diagnosis.agreement import Agreement
from samara.measurement.diagnosis.doctor import Check, Diagnosis
from samara.system import machine

FINE = Check("torch", "float32", "cpu", Agreement(0.0, 1.0, 1.0), True, 1.234, 0.05, 0.02, 1.0)
BAD = Check("openvino", "int8", "cpu", Agreement(0.5, 0.4, 0.1), False, 0.5, 0.05, 0.02, 2.468)
ABSENT = Check("openvino", "bfloat16", "cpu", note="this processor does not compute in bfloat16")


@pytest.fixture
def finding(monkeypatch):
    def find(*checks):
        diagnosis = Diagnosis(
            machine.detect_machine(), "one", "file", 384, 2, {"onnxruntime": "pip install 'samara[onnx]'"}, checks, True
        )
        monkeypatch.setattr(doctor, "examine", lambda loaded, devices, progress: diagnosis)

    return find


def test_healthy(finding):
    finding(FINE, ABSENT)
    result = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": "140"})
    assert result.exit_code == 0, result.output
    assert "onnxruntime: not installed; pip install 'samara[onnx]'" in result.output
    assert "1,234 ms" in result.output
    assert "openvino bfloat16: this processor does not compute" in result.output
    assert result.output.endswith("Fastest that agrees: torch float32, 1.0 x; use `--engine auto`.\n")


def test_drifting_is_exit_status_1(finding):
    finding(FINE, BAD)
    result = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": "140"})
    assert result.exit_code == 1
    assert "DRIFTS" in result.output
    assert "do not use: openvino int8" in result.output


def test_a_mask_that_rounding_changed_is_no_agreement(finding):
    """A worst mask IoU of 0.80 may be rounding, but it is not "agrees", and auto does not take it."""
    agreement = Agreement(0.01, 0.99, 0.80)
    close = Check("torch", "bfloat16", "cpu", agreement, agreement.is_within("bfloat16"), 0.1, 0.05, 0.02, 12.3)
    finding(FINE, close)
    result = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": "80"})
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == "Fastest that agrees: torch float32, 1.0 x; use `--engine auto`."
    (row,) = (line for line in result.output.splitlines() if line.split()[:2] == ["torch", "bfloat16"])
    assert row.endswith("close")
    assert "agrees: no mask below IoU 0.90" in " ".join(result.output.split())


def test_an_engine_that_is_not_chosen_by_itself_is_named(finding):
    fast = Check("openvino", "int8", "cpu", Agreement(0.01, 0.99, 0.95), True, 0.1, 0.05, 0.02, 12.3)
    finding(FINE, fast)
    assert "use `--engine auto --precision int8`" in CliRunner().invoke(app, ["doctor"]).output


def test_json(finding):
    finding(FINE, BAD)
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 1
    told = json.loads(result.output)
    assert told["healthy"] is False
    assert told["checks"][1]["agreement"]["mean_iou"] == 0.4
    assert told["machine"]["cores"] == machine.detect_machine().cores


def test_random_weights_say_so(finding, monkeypatch):
    finding(FINE)
    real = doctor.examine
    monkeypatch.setattr(
        doctor,
        "examine",
        lambda loaded, devices, progress: dataclasses.replace(real(loaded, devices, progress=progress), recorded=False),
    )
    assert "nothing was recorded" in CliRunner().invoke(app, ["doctor"]).output
