"""No test asks what was measured on the machine that it runs on."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch, tmp_path):
    monkeypatch.setenv("SAMARA_HOME", str(tmp_path / "samara"))
