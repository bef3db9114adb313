"""`samara export` tells what it wrote, and what it did not."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image
from typer.testing import CliRunner

from samara.checkpoints import export as exporting
from samara.cli.main import app
from samara.engines.exporting.export import Exported
from samara.errors import SettingsError
from samara.images.settings import ImageReading
from samara.networks.official_graphs import OfficialSwitches


def test_what_was_written(monkeypatch):
    asked = {}

    def export_checkpoint(loaded, form, out, **settings):
        asked.update(
            settings,
            form=form,
            checkpoint=loaded.name,
            calibration=loaded.calibration,
            reading=loaded.calibration_reading,
        )
        return Exported(out, ("manifest.json",), {"image_encoder": 1.5e-7}, loaded.name, form)

    monkeypatch.setattr(exporting, "export_checkpoint", export_checkpoint)
    result = CliRunner().invoke(app, ["export", "--format", "openvino", "--out", "there", "--precision", "float16"])
    assert result.exit_code == 0, result.output
    assert "image_encoder: differs from PyTorch by 1.5e-07" in result.output
    assert asked["interface"] == "samara"
    assert (asked["form"], asked["precision"], asked["checkpoint"]) == ("openvino", "float16", "samara_mini")
    result = CliRunner().invoke(app, ["export", "--json"])
    assert json.loads(result.output)["folder"] == "samara-export"
    result = CliRunner().invoke(app, ["export", "--interface", "official", "--return-single-mask"])
    assert result.exit_code == 0, result.output
    assert (asked["interface"], asked["switches"]) == ("official", OfficialSwitches(return_single_mask=True))


def test_images_for_calibration_are_read_as_asked(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        exporting,
        "export_checkpoint",
        lambda loaded, *_, **__: seen.append(loaded) or Exported(tmp_path, (), {}, "", ""),
    )
    Image.new("I;16", (8, 8)).save(tmp_path / "a.png")
    call = ["export", "--format", "openvino", "--precision", "int8", "--value-range", "0,4095", "--frame", "0"]
    result = CliRunner().invoke(app, [*call, "--calibration", str(tmp_path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert seen[0].calibration_reading == ImageReading((0, 4095), 0)
    refused = CliRunner().invoke(app, [*call, "--out", str(tmp_path / "out")])
    assert "`calibration_reading` applies only to `calibration`; pass both" in str(refused.exception)


def test_nothing_is_written_in_an_unknown_format(tmp_path):
    result = CliRunner().invoke(app, ["export", "--format", "coreml", "--out", str(tmp_path / "one")])
    assert isinstance(result.exception, SettingsError)
    assert list(Path(tmp_path).iterdir()) == []
