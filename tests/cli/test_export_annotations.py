"""`samara export-annotations`: from a store to files."""

from __future__ import annotations

import json
import sys

import pytest

from samara.cli import main
from samara.cli.export_annotations import names_in
from tests.annotation.test_exporting import stored


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["samara", "export-annotations", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_:
        main.run()
    return exit_.value.code, capsys.readouterr()


def test_formats_are_written_and_losses_told(tmp_path, monkeypatch, capsys):
    stored(tmp_path)
    where = [tmp_path / "store", "--out", tmp_path / "out"]
    code, printed = run(monkeypatch, capsys, *where, "--format", "coco,yolo")
    assert code == 0, printed.err
    assert f"coco in {tmp_path / 'out'}: 6 masks, lossless" in printed.out
    assert "masks differ, mean IoU" in printed.out
    assert len(json.loads((tmp_path / "out" / "coco.json").read_text())["images"]) == 3
    code, printed = run(monkeypatch, capsys, *where)
    assert code == 1  # it is there already
    code, printed = run(monkeypatch, capsys, *where, "--overwrite", "--json")
    assert code == 0
    assert json.loads(printed.out)["losses"]["coco"]["masks"] == 6


def test_refusals(tmp_path, monkeypatch, capsys):
    code, printed = run(monkeypatch, capsys, tmp_path, "--out", tmp_path / "out")
    assert code == 1
    assert "no annotation store" in printed.err
    stored(tmp_path, seal=False)
    code, printed = run(monkeypatch, capsys, tmp_path / "store", "--out", tmp_path / "out")
    assert code == 1
    assert "--partial" in printed.err
    assert run(monkeypatch, capsys, tmp_path / "store", "--out", tmp_path / "out", "--partial")[0] == 0


def test_names_are_divided_by_commas():
    assert names_in("coco, yolo") == ("coco", "yolo")
    assert names_in(None) == ()
