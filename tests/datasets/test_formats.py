"""The table of formats, and converting into several at once."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from samara.datasets.formats import WRITERS, chosen, convert
from samara.datasets.writing import StagedWriter, WriterOptions
from samara.errors import OutputError, SettingsError
from tests.datasets.awkward import HOLE, PARTS, annotated, awkward_images

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "formats.md"


@pytest.mark.parametrize("row", WRITERS.values(), ids=lambda row: row.name)
def test_every_row_has_its_writer(row):
    module, name = row.writer.split(":")
    writer = getattr(importlib.import_module(module), name)
    assert issubclass(writer, StagedWriter)
    assert not inspect.isabstract(writer)
    assert writer.is_folder == ("." not in row.target)
    assert len(row.summary) < 100
    assert re.fullmatch(r"[a-z0-9-]+", row.name)


def test_targets_differ():
    assert len({row.target for row in WRITERS.values()}) == len(WRITERS)


def test_every_format_is_documented():
    text = DOCUMENT.read_text()
    for row in WRITERS.values():
        assert f"| `{row.name}` | `{row.target}" in text, f"docs/formats.md has no row for {row.name}"


def test_listing_formats_loads_nothing_heavy():
    code = "import sys, samara.datasets.formats; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "torch", "PIL", "cv2"} & set(loaded)


def test_all_formats_in_one_pass(tmp_path):
    images = awkward_images()
    losses = convert(iter(images), list(WRITERS), tmp_path / "out", WriterOptions(info={"checkpoint": "vit_b"}))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(row.target for row in WRITERS.values())
    assert set(losses) == set(WRITERS)
    assert {one.masks for one in losses.values()} == {sum(len(image.masks) for image in images)}
    marker = json.loads((tmp_path / "out" / "yolo" / "samara.json").read_text())
    assert (marker["contributor"], marker["checkpoint"]) == ("samara", "vit_b")
    assert marker["losses"]["worst"] == losses["yolo"].worst


def test_one_format_that_fails_leaves_none(tmp_path):
    images = [annotated([HOLE], "a.jpg", 1), annotated([PARTS], "a.png", 2)]
    with pytest.raises(OutputError, match="would share"):
        convert(images, ["coco", "yolo"], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("names", [[], ["coco", "coco"], ["cooc"], ["COCO"]])
def test_names_that_are_not_accepted(tmp_path, names):
    with pytest.raises(SettingsError, match=r"give each at most once, out of coco, coco-polygons, yolo"):
        convert([], names, tmp_path)
    assert [row.name for row in chosen(["yolo", "coco"])] == ["yolo", "coco"]
