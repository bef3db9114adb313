"""The table of formats, and converting into several at once."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from samara.datasets.formats import WRITERS, Demands, FormatsRefused, chosen, write_annotations
from samara.datasets.split import Split
from samara.datasets.writing.options import WriterOptions
from samara.datasets.writing.staged_writer import StagedWriter
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
    losses = write_annotations(
        iter(images), out=tmp_path / "out", formats=list(WRITERS), options=WriterOptions(info={"checkpoint": "vit_b"})
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(row.target for row in WRITERS.values())
    assert set(losses) == set(WRITERS)
    assert {one.masks for one in losses.values()} == {sum(len(image.masks) for image in images)}
    marker = json.loads((tmp_path / "out" / "yolo" / "samara.json").read_text())
    assert (marker["contributor"], marker["checkpoint"]) == ("samara", "vit_b")
    assert marker["losses"]["worst"] == losses["yolo"].worst


SAME_STEM = [annotated([HOLE], "a.jpg", 1), annotated([PARTS], "a.png", 2)]


def test_one_format_that_refuses_leaves_the_others(tmp_path):
    with pytest.raises(
        FormatsRefused, match=r"^yolo is not written: 'a.png' would share.*\(coco was written\)$"
    ) as told:
        write_annotations(SAME_STEM, out=tmp_path, formats=["yolo", "coco"])
    assert [path.name for path in tmp_path.iterdir()] == ["coco.json"]
    assert len(json.loads((tmp_path / "coco.json").read_text())["images"]) == 2
    assert told.value.losses["coco"].masks == 2
    # A target that is taken: likewise.
    with pytest.raises(FormatsRefused, match="^coco is not written: .*coco.json exists"):
        write_annotations(SAME_STEM[:1], out=tmp_path, formats=["coco", "yolo"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["coco.json", "yolo"]


def test_when_all_refuse_no_more_images_are_read(tmp_path):
    images = iter([*SAME_STEM, annotated([HOLE], "b.jpg", 3)])
    with pytest.raises(FormatsRefused, match=r"png is not written: .* sa-1b is not written: [^(]*$"):
        write_annotations(images, out=tmp_path, formats=["png", "sa-1b"])
    assert next(images).file_name == "b.jpg"
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_images_leaves_nothing(tmp_path):
    def failing():
        yield SAME_STEM[0]
        raise KeyError

    with pytest.raises(KeyError):
        write_annotations(failing(), out=tmp_path, formats=["coco", "yolo"])
    assert list(tmp_path.iterdir()) == []


ALL = list(WRITERS)
TREES = {"yolo", "voc", "png", "geojson", "sa-1b"}


def refusals(formats, out, options, names, categories=()):
    demands = Demands(formats, out, options)
    for name in names:
        demands.add(name, categories)
    return demands.refused


@pytest.mark.parametrize(
    ("names", "refusing", "why"),
    [
        (["a.jpg", "sub/a.jpg", "b.png"], set(), ""),
        (["a.jpg", "a.png"], TREES, "would share a"),
        (["/data/a.jpg"], TREES, "relative to the image folder"),
        (["a.jpg", "../a.jpg"], TREES, "without '..'"),
        (["two\nlines.jpg"], {"voc"}, "neither XML"),
        (["samara.jpg"], {"sa-1b"}, "samara reserves"),
    ],
)
def test_refusals_are_known_before_the_work(tmp_path, names, refusing, why):
    refused = refusals(ALL, tmp_path, WriterOptions(), iter(names))
    assert set(refused) == refusing
    assert all(why in sentence for sentence in refused.values())
    # And they are what the work would end in.
    images = [annotated([HOLE], name, number) for number, name in enumerate(names, start=1)]
    for name in ALL:
        with nullcontext() if name not in refused else pytest.raises(FormatsRefused) as told:
            write_annotations(images, out=tmp_path / "out", formats=[name])
        assert told is None or refused[name] in str(told.value)


def test_taken_places_and_classes_are_known_too(tmp_path):
    (tmp_path / "yolo").mkdir()
    (tmp_path / "yolo" / "holiday.jpg").touch()
    refused = refusals(ALL, tmp_path, WriterOptions(overwrite=True, categories=("a: b",)), [])
    assert set(refused) == {"yolo", "voc"}
    assert "samara did not write" in refused["yolo"]
    assert "rename it with `categories={'a: b': 'NEW NAME'}`" in refused["voc"]
    many = [f"class {number}" for number in range(255)]
    assert "is category 255" in refusals(["voc"], tmp_path, WriterOptions(), ["a.jpg"], many)["voc"]


def test_the_work_is_stopped_with_all_reasons(tmp_path):
    demands = Demands(["coco", "png", "sa-1b"], tmp_path, WriterOptions())
    demands.require_met()
    demands.add("a.jpg")
    demands.add("a.png")
    with pytest.raises(
        OutputError, match=r"^png could not be written: .*; sa-1b could .* \(or leave png and sa-1b out\)$"
    ):
        demands.require_met()
    Demands([], tmp_path, WriterOptions()).require_met()


def test_options_without_effect_are_refused(tmp_path):
    split = Split(train=0.5, val=0.5)
    with pytest.raises(
        SettingsError, match=r"^`WriterOptions\(split=...\)` applies only to yolo, voc, which are not written; add one"
    ):
        write_annotations([], out=tmp_path, formats=["coco", "png"], options=WriterOptions(split=split))
    with pytest.raises(
        SettingsError,
        match=r"`WriterOptions\(image_url_prefix=...\)` applies only to label-studio, label-studio-polygons",
    ):
        refusals(["yolo"], tmp_path, WriterOptions(image_url_prefix="s3://bucket/"), [])
    write_annotations(awkward_images(), out=tmp_path, formats=["coco", "voc"], options=WriterOptions(split=split))


@pytest.mark.parametrize("names", [[], ["coco", "coco"], ["cooc"], ["COCO"]])
def test_names_that_are_not_accepted(tmp_path, names):
    with pytest.raises(SettingsError, match=r"use each of coco, coco-polygons, yolo"):
        write_annotations([], out=tmp_path, formats=names)
    assert [row.name for row in chosen(["yolo", "coco"])] == ["yolo", "coco"]
