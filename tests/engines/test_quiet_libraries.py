"""Nobody is told that samara runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import os, pathlib, sys
import samara.engines.quiet_libraries as quiet
quiet.import_openvino(); quiet.import_nncf(); quiet.import_onnxruntime()
assert "openvino_telemetry" not in sys.modules
from openvino.tools.ovc import telemetry_utils
assert telemetry_utils.tm.__name__.endswith("telemetry_stub"), telemetry_utils.tm
from nncf.telemetry.wrapper import NNCFTelemetryStub, telemetry
assert isinstance(telemetry, NNCFTelemetryStub)
print(sorted(str(path) for path in pathlib.Path.home().rglob("*") if path.is_file()))
"""


@pytest.mark.slow
def test_no_report_and_no_identifier_in_the_home(tmp_path):
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
