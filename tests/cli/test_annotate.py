"""`samara annotate` and `samara export-annotations`: from the command line to files."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time

import pytest
from PIL import Image

from samara.annotation.store.store import open_store
from samara.cli import main
from samara.cli.progress import annotation_bar
from tests.annotation.conftest import write_images
from tests.annotation.inputs.test_prompt_entries import coco
from tests.datasets import written_by

pytestmark = pytest.mark.usefixtures("small_inputs")

QUICK = ["--points-per-side", 2, "--device", "cpu", "--pred-iou-thresh", 0, "--stability-score-thresh", 0]


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["samara", "annotate", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_:
        main.run()
    return exit_.value.code, capsys.readouterr()


@pytest.fixture
def images(tmp_path):
    write_images(tmp_path / "images", 2)
    return tmp_path / "images"


def test_a_folder_becomes_a_data_set(images, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    code, printed = run(
        *(monkeypatch, capsys, images, "--out", out, *QUICK),
        *("--format", "coco,png", "--report", "--hierarchy", "--json"),
    )
    assert code == 0, printed.err
    result = json.loads(printed.out)
    assert result["images"] == result["images_in_this_run"] == 2
    assert result["masks"] > 0
    assert result["losses"]["coco"]["masks"] == result["masks"]
    document = json.loads((out / "exports" / "coco.json").read_text())
    assert document["info"]["checkpoint"] == "samara_mini"
    assert [image["file_name"] for image in document["images"]] == ["0000.png", "0001.png"]
    assert len(document["annotations"]) == result["masks"]
    assert "0000.png" in (out / "report.html").read_text()
    assert printed.err == ""

    code, printed = run(monkeypatch, capsys, images, "--out", out, *QUICK)
    assert code == 1
    assert "--resume" in printed.err
    code, printed = run(monkeypatch, capsys, images, "--out", out, *QUICK, "--resume")
    assert code == 1
    assert "cleaning hierarchy was True and is now False" in printed.err
    code, printed = run(monkeypatch, capsys, images, "--out", out, *QUICK, "--resume", "--hierarchy")
    assert code == 0
    assert "0 images in this run" in printed.out


def test_auto_says_which_engine_it_took(images, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SAMARA_CACHE", str(tmp_path / "cache"))  # where doctor has found nothing
    code, printed = run(
        *(monkeypatch, capsys, images, "--out", tmp_path / "out", *QUICK),
        *("--engine", "auto", "--precision", "float32"),
    )
    assert code == 0, printed.err
    assert "\nengine torch, float32\n" in printed.out


def test_images_share_a_pass_and_it_is_said_where_the_time_goes(images, tmp_path, monkeypatch, capsys):
    asked = (images, *QUICK, "--batch", 2, "--threads", 1)
    code, printed = run(monkeypatch, capsys, *asked, "--out", tmp_path / "out", "--timings")
    assert code == 0, printed.err
    assert re.search(r"of [\d.]+ s: [\d.]+ s waiting for images, [\d.]+ s in the image encoder, ", printed.out)
    code, printed = run(monkeypatch, capsys, *asked, "--out", tmp_path / "other", "--timings", "--json")
    result = json.loads(printed.out)
    assert set(result["spent"]) == {"waiting", "encoding", "masks", "writing"}
    assert 0 < result["spent"]["encoding"] < result["seconds"]
    code, printed = run(monkeypatch, capsys, *asked, "--out", tmp_path / "silent", "--json")
    assert json.loads(printed.out)["spent"] is None
    code, printed = run(monkeypatch, capsys, images, "--out", tmp_path / "none", "--batch", 0)
    assert code == 2


def test_a_limit_is_continued_by_resuming(images, tmp_path, monkeypatch, capsys):
    asked = (images, "--out", tmp_path / "out", *QUICK)
    code, printed = run(monkeypatch, capsys, *asked, "--limit", 1)
    assert (code, printed.err) == (0, "samara: 1 of 2 images are left; continue with --resume\n")
    assert "1 image annotated" in printed.out
    code, printed = run(monkeypatch, capsys, *asked, "--resume", "--json")
    assert (code, printed.err) == (0, "")
    result = json.loads(printed.out)
    assert (result["images"], result["missing"], result["images_in_this_run"]) == (2, 0, 1)


def test_exports_are_written_as_asked(images, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    options = ("--export-images", "copy", "--split", 0.5, "--categories", "object=cell")
    code, printed = run(
        *(monkeypatch, capsys, images, "--out", out, *QUICK),
        *("--format", "yolo,label-studio", *options, "--label-studio-prefix", "s3://bucket/"),
    )
    assert (code, printed.err) == (0, "")
    copied = [path.relative_to(out / "exports/yolo/images") for path in (out / "exports/yolo/images").rglob("*.png")]
    assert sorted(path.parts[0] for path in copied) == ["train", "val"]
    assert "0: cell" in (out / "exports/yolo/data.yaml").read_text()
    tasks = json.loads((out / "exports/label-studio/tasks-0001.json").read_text())
    assert tasks[0]["data"]["image"] == "s3://bucket/0000.png"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--split", 0.1), "--split applies only to yolo, voc"),
        (("--format", "coco", "--export-images", "link"), "add one to --format"),
        (("--categories", "cell"), "--categories is for exports"),
    ],
)
def test_export_options_are_checked_before_the_work(images, tmp_path, monkeypatch, capsys, arguments, why):
    code, printed = run(monkeypatch, capsys, images, "--out", tmp_path / "out", *QUICK, *arguments)
    assert code == 1
    assert why in printed.err
    assert not (tmp_path / "out").exists()


def test_what_formats_demand_is_asked_before_the_work(images, tmp_path, monkeypatch, capsys):
    (images / "0000.jpg").write_bytes((images / "0000.png").read_bytes())
    out = tmp_path / "out"
    code, printed = run(monkeypatch, capsys, images, "--out", out, *QUICK, "--format", "coco,yolo")
    assert code == 1
    assert printed.err == (
        "samara: yolo could not be written: '0000.png' would share 0000.txt with another image of the same name and "
        "another suffix; rename one (or leave yolo out)\n"
    )
    assert not list(out.glob("shards/*"))
    # Nothing is in the way of another attempt.
    code, printed = run(monkeypatch, capsys, images, "--out", out, *QUICK, "--format", "coco")
    assert (code, printed.err) == (0, "")
    # Asked of a store that is there: the others are written.
    again = (images, "--out", out, *QUICK, "--resume", "--format", "yolo,png,label-studio-polygons", "--json")
    code, printed = run(monkeypatch, capsys, *again)
    assert code == 1
    assert "yolo is not written" in printed.err
    result = json.loads(printed.out)
    assert list(result["losses"]) == ["label-studio-polygons"]
    assert "png is not written" in result["refused"]
    assert (out / "exports" / "label-studio-polygons").is_dir()


def test_an_exports_folder_of_somebody_else_is_seen_before_the_work(images, tmp_path, monkeypatch, capsys):
    mine = tmp_path / "out" / "exports" / "yolo" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.touch()
    code, printed = run(monkeypatch, capsys, images, "--out", tmp_path / "out", *QUICK, "--format", "yolo")
    assert code == 1
    assert "yolo could not be written: " in printed.err
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == [mine]


def test_images_of_an_archive_cannot_be_linked(images, tmp_path, monkeypatch, capsys):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(images / "0000.png", "0000.png")
    options = ("--format", "yolo", "--export-images", "link")
    code, printed = run(monkeypatch, capsys, tmp_path / "a.tar", "--out", tmp_path / "out", *QUICK, *options)
    assert code == 1
    assert "the images are in an archive, so there are no files to link" in printed.err
    assert not (tmp_path / "out").exists()


def test_quarantine_is_told_and_tried_again(images, tmp_path, monkeypatch, capsys):
    whole = (images / "0001.png").read_bytes()
    (images / "0001.png").write_text("<html>")
    (images / "notes.txt").touch()
    code, printed = run(monkeypatch, capsys, images, "--out", tmp_path / "out", *QUICK)
    assert code == 1
    assert "left out of the export" not in printed.err  # there is none
    again = run(monkeypatch, capsys, images, "--out", tmp_path / "out", *QUICK, "--resume", "--format", "coco")
    assert "1 quarantined image is left out of the export; `samara annotate ... --resume --retry`" in again[1].err
    assert "0001.png is quarantined: '0001.png' is an HTML page" in printed.err
    assert "1 files without an image suffix" in printed.err
    assert "1 image annotated" in printed.out
    (images / "0001.png").write_bytes(whole)
    code, printed = run(monkeypatch, capsys, images, "--out", tmp_path / "out", *QUICK, "--resume", "--retry")
    assert code == 0
    assert "2 images annotated" in printed.out
    assert "1 image in this run" in printed.out
    assert not (tmp_path / "out" / "quarantined.csv").exists()


def test_boxes_are_prompts_and_keep_their_classes(images, tmp_path, monkeypatch, capsys):
    boxes = coco(images / "boxes.json", {"0001.png": [[1, 2, 10, 5], [0, 0, 20, 20]]})
    code, printed = run(monkeypatch, capsys, boxes, "--out", tmp_path / "out", "--device", "cpu", "--format", "coco")
    assert code == 0, printed.err
    (row,) = open_store(tmp_path / "out").masks()
    assert row.image.path == "0001.png"
    assert row.categories == ("rod", "rod")
    document = json.loads((tmp_path / "out" / "exports" / "coco.json").read_text())
    assert [category["name"] for category in document["categories"]] == ["rod"]
    code, printed = run(
        *(monkeypatch, capsys, images, "--prompts", boxes, "--out", tmp_path / "other", "--device", "cpu")
    )
    assert code == 0, printed.err
    assert "1 images without an entry in" in printed.err
    (other,) = open_store(tmp_path / "other").masks()
    assert other.masks.rles == row.masks.rles


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere does not exist"),
        ([".", "--checkpoint", "sam_vit_h"], "samara checkpoints get sam_vit_h"),
        ([".", "--profile", "production"], "samara checkpoints get sam_vit_l"),
        ([".", "--profile", "fast"], "development, production, high-quality"),
        ([".", "--format", "cocoa"], "cocoa is not accepted"),
        ([".", "--retry"], "give --resume with it"),
        ([".", "--resume", "--overwrite"], "choose one"),
        ([".", "--tile", "100", "--tile-overlap", "90"], "at most half"),
        ([".", "--stability-score-thresh", "7"], "between 0 and 1"),
        (["x.json", "--prompts", "y.json"], "brings its own boxes"),
        (["empty"], "no image to annotate"),
        ([".", "--engine", "abacus"], "there is no engine 'abacus'"),
    ],
)
def test_refusals_leave_nothing(images, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(images)
    (images / "empty").mkdir()
    code, printed = run(monkeypatch, capsys, *arguments, "--out", tmp_path / "out")
    assert code == 1
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_old_words_are_understood():
    from samara.cli.annotate import in_new_words

    assert in_new_words({"engine": "openvino", "cluster": "local"}, None) == {"engine": "openvino", "cluster": "local"}


def test_old_words_are_told(capsys):
    from samara.cli.annotate import in_new_words

    assert in_new_words({"engine": "ray", "cluster": "local"}, "openvino") == {"engine": "openvino", "cluster": "ray"}
    assert capsys.readouterr().err.splitlines() == [
        "samara: --engine ray is now --cluster ray; --engine now selects what runs the network, as in `samara segment`",
        "samara: --runtime openvino is now --engine openvino",
    ]
    assert in_new_words({"engine": "local", "cluster": "local"}, None) == {"engine": "torch", "cluster": "local"}


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_somebody_stops_it(tmp_path, sign):
    write_images(tmp_path / "images", 1000)
    command = [sys.executable, "-m", "samara", "annotate", tmp_path / "images", "--out", tmp_path / "out"]
    command += map(str, QUICK)
    before = signal.signal(sign, signal.SIG_DFL)  # a shell's background job ignores SIGINT, and hands that on
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)
    signal.signal(sign, before)
    with process:
        while not list((tmp_path / "out").glob("claims/*.lock")):
            time.sleep(0.1)
        time.sleep(12)
        process.send_signal(sign)
        _, printed = process.communicate()
    assert process.returncode == 130
    assert printed == f"samara: stopped; finished images are saved in {tmp_path / 'out'}, continue with --resume\n"
    assert 0 < len(list(open_store(tmp_path / "out").images())) < 1000


def test_the_bar_is_for_terminals_only(monkeypatch):
    with annotation_bar() as tell:
        assert tell is None
    monkeypatch.setattr("samara.cli.progress.stderr_is_terminal", lambda: True)
    with annotation_bar() as tell:
        tell("annotating: 5 masks, 1 quarantined", 2, 10)
        tell("annotating: 7 masks, 1 quarantined", 3, 10)


def test_cvats_masks_never_vanish(tmp_path, monkeypatch, capsys):
    path, out = written_by.cvat(tmp_path), tmp_path / "out"
    asked = [path, "--images", tmp_path / "images" / "default", "--out", out, "--device", "cpu"]
    code, printed = run(monkeypatch, capsys, *asked)
    assert code == 1
    assert "2 annotations were left out as crowds" in printed.err
    assert "--crowds objects" in printed.err
    assert not out.exists()
    code, printed = run(monkeypatch, capsys, *asked, "--crowds", "objects", "--json")
    assert code == 0, printed.err
    assert json.loads(printed.out)["masks"] == 2
    assert printed.err == ""


def test_bad_boxes_can_be_left_out_and_are_told(tmp_path, monkeypatch, capsys):
    written_by.draw(tmp_path / "a.png")
    rows = [written_by.annotation(1), written_by.annotation(2, bbox=[1, 2, 0, 4]), written_by.annotation(3, 9)]
    path = written_by.coco(tmp_path / "x.json", [written_by.image(width="40", height=None)], rows)
    asked = [path, "--out", tmp_path / "out", "--device", "cpu"]
    code, printed = run(monkeypatch, capsys, *asked)
    assert code == 1
    assert "2 entries of" in printed.err
    code, printed = run(monkeypatch, capsys, *asked, "--skip-bad-annotations")
    assert code == 0, printed.err
    assert "2 bad entries were left out" in printed.err
    assert "1 images have no width and height" in printed.err


def test_a_yolo_data_set_lists_images_and_boxes(tmp_path, monkeypatch, capsys):
    path = written_by.ultralytics(tmp_path)
    code, printed = run(monkeypatch, capsys, path, "--out", tmp_path / "out", "--device", "cpu", "--json")
    assert code == 0, printed.err
    assert (json.loads(printed.out)["images"], json.loads(printed.out)["masks"]) == (2, 2)


def test_a_wrong_folder_is_refused_and_a_half_right_one_mended(images, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    boxes = coco(tmp_path / "boxes.json", {"0000.png": [[1, 2, 10, 5]], "0001.png": [[0, 0, 20, 20]]})
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    arguments = [boxes, "--out", out, "--device", "cpu"]
    code, printed = run(monkeypatch, capsys, *arguments, "--images", wrong)
    assert (code, printed.err.count("\n")) == (1, 1)
    assert f"looked for in {str(wrong)!r}; pass their folder with --images" in printed.err
    assert not out.exists()
    (wrong / "0000.png").write_bytes((images / "0000.png").read_bytes())
    code, printed = run(monkeypatch, capsys, *arguments, "--images", wrong)
    assert code == 1
    assert "0001.png is quarantined" in printed.err
    assert f"looked for in {str(wrong)!r}" in printed.err
    code, printed = run(monkeypatch, capsys, *arguments, "--images", tmp_path / "nowhere", "--resume")
    assert code == 1
    code, printed = run(monkeypatch, capsys, *arguments, "--images", images, "--resume", "--format", "coco")
    assert (code, printed.err) == (0, "")
    assert "2 images annotated" in printed.out
    assert "1 image in this run" in printed.out


def test_absolute_and_repeated_names_are_exported(images, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "b.png").write_bytes((images / "0001.png").read_bytes())
    (images / "link.png").symlink_to("0000.png")
    monkeypatch.chdir(images)
    given = [images / "0000.png", "0000.png", "./0000.png", "link.png", tmp_path / "other" / "b.png"]
    code, printed = run(monkeypatch, capsys, *given, "--out", out, *QUICK, "--format", "coco,yolo,geojson,sa-1b")
    assert code == 0, printed.err
    assert "3 images were given more than once" in printed.err
    document = json.loads((out / "exports" / "coco.json").read_text())
    assert [image["file_name"] for image in document["images"]] == ["images/0000.png", "other/b.png"]
    assert (out / "exports" / "yolo" / "labels" / "other" / "b.txt").is_file()


def test_boxes_of_a_page_are_fractions_of_its_own_size(tmp_path, monkeypatch, capsys):
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    pages = [Image.new("L", size) for size in ((64, 32), (160, 96))]
    pages[0].save(tmp_path / "images" / "a.tif", save_all=True, append_images=pages[1:])
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 1 1\n")
    asked = [tmp_path / "images", "--prompts", tmp_path / "labels", "--out", tmp_path / "out", "--device", "cpu"]
    code, printed = run(monkeypatch, capsys, *asked, "--frame", 1)
    assert code == 0, printed.err
    store = open_store(tmp_path / "out")
    assert [row.size_hw for row in store.images()] == [(96, 160)]
    (entry,) = store.entries_of({1})
    assert [one.box for one in entry.asked] == [(0, 0, 160, 96)]
