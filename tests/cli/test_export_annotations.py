"""`samara export-annotations`: from a store to files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from samara.cli import main
from samara.cli.export_annotations import names_in, tell_quarantined
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
    (told,) = (line for line in printed.err.splitlines() if "quarantined" in line)
    assert f"{tmp_path / 'store'}: 1 quarantined image is left out of the export; `samara annotate ..." in told
    code, printed = run(monkeypatch, capsys, *where)
    assert code == 1  # it is there already
    code, printed = run(monkeypatch, capsys, *where, "--overwrite", "--json")
    assert code == 0
    assert json.loads(printed.out)["losses"]["coco"]["masks"] == 6
    assert json.loads(printed.out)["quarantined"] == 1


def test_quarantined_images_are_counted(capsys):
    tell_quarantined(0, Path("store"))
    assert capsys.readouterr().err == ""
    tell_quarantined(1200, Path("store"))
    assert "samara: store: 1,200 quarantined images are left out of the export; " in capsys.readouterr().err


def test_refusals(tmp_path, monkeypatch, capsys):
    code, printed = run(monkeypatch, capsys, tmp_path, "--out", tmp_path / "out")
    assert code == 1
    assert "not an annotation store" in printed.err
    stored(tmp_path, seal=False)
    code, printed = run(monkeypatch, capsys, tmp_path / "store", "--out", tmp_path / "out")
    assert code == 1
    assert "--partial" in printed.err
    assert run(monkeypatch, capsys, tmp_path / "store", "--out", tmp_path / "out", "--partial")[0] == 0


def beside_quarantine(told):
    """The lines that are not about the quarantined image of the store."""
    return [line for line in told.splitlines() if "quarantined image" not in line]


def exported(tmp_path, monkeypatch, capsys, *arguments):
    if not (tmp_path / "store").exists():
        stored(tmp_path)
    where = (tmp_path / "store", "--out", tmp_path / "out", "--overwrite")
    code, printed = run(monkeypatch, capsys, *where, *arguments)
    return code, printed, tmp_path / "out"


def test_images_and_a_split(tmp_path, monkeypatch, capsys):
    options = ("--export-images", "link", "--split", "train=0.4,val=0.3,test=0.3")
    code, printed, out = exported(tmp_path, monkeypatch, capsys, "--format", "yolo,voc", *options)
    assert code == 0, printed.err
    images = sorted(path.relative_to(out / "yolo/images").as_posix() for path in (out / "yolo/images").rglob("*.png"))
    assert sorted(path.partition("/")[0] for path in images) == ["test", "train", "val"]
    assert sorted(path.partition("/")[2] for path in images) == ["0000.png", "0001.png", "0002.png"]
    lists = {path.stem: path.read_text().split() for path in (out / "voc/ImageSets/Segmentation").iterdir()}
    assert sorted(lists["train"] + lists["val"]) == sorted(lists["trainval"])
    assert len(lists["test"]) == 1
    assert all(path.is_symlink() for path in (out / "voc/JPEGImages").iterdir())
    # The same by the name that `annotate` has for it, and copied.
    code, _, out = exported(tmp_path, monkeypatch, capsys, "--format", "yolo", "--export-images", "copy")
    assert code == 0
    assert not (out / "yolo" / "images" / "0000.png").is_symlink()


def test_categories(tmp_path, monkeypatch, capsys):
    code, printed, out = exported(tmp_path, monkeypatch, capsys, "--categories", "cell,rod=bar,worm")
    assert code == 0, printed.err
    categories = json.loads((out / "coco.json").read_text())["categories"]
    assert [(one["id"], one["name"]) for one in categories] == [(1, "cell"), (2, "bar"), (3, "worm"), (4, "object")]
    assert beside_quarantine(printed.err) == ["samara: no mask has a category of --categories: 'worm'"]
    code, printed, out = exported(tmp_path, monkeypatch, capsys, "--categories", "rod", "--only-categories")
    assert len(json.loads((out / "coco.json").read_text())["annotations"]) == 2
    assert "4 masks were left out by --only-categories: 'object' (3), 'cell' (1)" in printed.err


def test_addresses_for_label_studio(tmp_path, monkeypatch, capsys):
    code, printed, out = exported(tmp_path, monkeypatch, capsys, "--format", "label-studio")
    assert code == 0
    assert "use --label-studio-prefix to prepend the address" in printed.err
    prefix = "/data/local-files/?d=my photos/"
    options = ("--format", "label-studio", "--label-studio-prefix", prefix)
    code, printed, out = exported(tmp_path, monkeypatch, capsys, *options)
    assert (code, beside_quarantine(printed.err)) == (0, [])
    tasks = json.loads((out / "label-studio" / "tasks-0001.json").read_text())
    assert [task["data"]["image"] for task in tasks] == [f"{prefix}000{number}.png" for number in range(3)]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--split", "0.1"), "--split applies only to yolo, voc, which are not written"),
        (("--export-images", "link"), "--export-images applies only to yolo, voc"),
        (("--label-studio-prefix", "s3://a/"), "applies only to label-studio, label-studio-polygons"),
        (("--format", "label-studio", "--label-studio-prefix", "s3://a"), "addresses such as 's3://aa.jpg'; end it"),
        (("--format", "yolo", "--split", "ten"), "--split 'ten' is not understood"),
        (("--only-categories",), "needs --categories"),
        (("--categories", "a,a"), "lists a category twice"),
    ],
)
def test_options_that_make_no_sense(tmp_path, monkeypatch, capsys, arguments, why):
    code, printed, out = exported(tmp_path, monkeypatch, capsys, *arguments)
    assert code == 1
    assert why in printed.err
    assert printed.err.count("\n") == 1
    assert not out.exists()


def test_a_format_that_refuses_leaves_the_others(tmp_path, monkeypatch, capsys):
    (tmp_path / "out" / "yolo").mkdir(parents=True)
    (tmp_path / "out" / "yolo" / "mine.txt").touch()
    code, printed, out = exported(tmp_path, monkeypatch, capsys, "--format", "yolo,coco")
    assert code == 1
    assert "yolo is not written" in printed.err
    assert "coco in" in printed.out
    assert sorted(path.name for path in out.iterdir()) == ["coco.json", "yolo"]


def test_names_are_divided_by_commas():
    assert names_in("coco, yolo") == ("coco", "yolo")
    assert names_in(None) == ()
