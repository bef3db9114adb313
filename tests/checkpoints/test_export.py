"""`samara.export`: from a name to files."""

from __future__ import annotations

import pytest

import samara
from samara.checkpoints import export as room
from samara.errors import OutputError, SettingsError


def test_what_is_said_is_done(tmp_path, monkeypatch, mini):
    asked = {}
    monkeypatch.setattr(room, "export_checkpoint", lambda *what, **how: asked.update(how, what=what))
    samara.export(mini, out=tmp_path / "a" / "b", format="openvino", gelu_approximate=True, progress=print)
    assert asked["what"][1:] == ("openvino", tmp_path / "a" / "b")
    assert (asked["precision"], asked["interface"], asked["switches"].gelu_approximate) == ("float32", "samara", True)


def test_refusals_come_first(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(OutputError):
        samara.export("nothing", out=tmp_path / "mine")
    with pytest.raises(SettingsError, match="`calibration_reading` applies only to `calibration`"):
        samara.export(out=tmp_path / "out", calibration_reading=samara.ImageReading(frame=0))
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
