"""Corrections: taken once, complete or absent, never instead of the rows before them."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import time

import numpy as np
import pytest

from samara.annotation.exporting import export_store
from samara.annotation.review import corrections as room
from samara.annotation.review.corrected_rows import MaskCounts
from samara.annotation.review.corrections import take_corrections
from samara.annotation.review.settings import ReviewSettings
from samara.annotation.review.tasks import doubtful_images, write_tasks
from samara.annotation.store.locks import claim
from samara.annotation.store.rows import HUMAN
from samara.annotation.store.store import create_store, open_store
from samara.datasets.reading.coco import read_coco
from samara.datasets.writing.brush_rle import brush_rle
from samara.errors import DatasetError, OutputError
from samara.masks.rle import encode_mask
from tests.annotation.review.stores import JOB, SIZE, square, store_of


@pytest.fixture
def store(tmp_path):
    return store_of(tmp_path, ("good",), ("good", "leaking"), None, ("unsure", "small"), ("small",))


def tasks_of(store, out, task_format="label-studio"):
    write_tasks(store, doubtful_images(store, ReviewSettings()).images, out, task_format)
    return json.loads((out / task_format / "tasks-0001.json").read_text())


def submitted(task, edit=lambda results: results):
    """A task as Label Studio exports it after somebody accepted its predictions, and edited them."""
    results = json.loads(json.dumps(task["predictions"][0]["result"]))
    return task | {"annotations": [{"id": 1, "was_cancelled": False, "result": edit(results)}]}


def drawn(mask, name="new", label="cell"):
    value = {"format": "rle", "rle": brush_rle(encode_mask(mask)), "brushlabels": [label]}
    place = {"original_height": SIZE[0], "original_width": SIZE[1], "image_rotation": 0}
    return {"id": name, "type": "brushlabels", "from_name": "label", "to_name": "image", "value": value, **place}


def edited(results):
    """The first mask redrawn, the others removed, one added."""
    return [results[0] | {"value": drawn(square(4, 4, 6))["value"]}, drawn(square(18, 8, 8))]


def save(path, content):
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def export(store, tmp_path):
    """An export of Label Studio: image 4 edited, image 2 accepted as it is, image 5 not submitted."""
    by_id = {task["data"]["samara_image_id"]: task for task in tasks_of(store, tmp_path / "tasks")}
    return save(
        tmp_path / "export.json", [submitted(by_id[4], edited), submitted(by_id[2]), by_id[5] | {"annotations": []}]
    )


def test_corrections_are_in_the_store_and_in_its_exports(store, export, tmp_path):
    before = {path: path.read_bytes() for path in (store.folder / "shards").iterdir()}
    taken = take_corrections(store, [export])
    assert (taken.corrected, taken.unchanged, taken.not_reviewed, taken.refused) == (1, 1, 1, ())
    assert taken.masks == MaskCounts(kept=2, redrawn=1, added=1, removed=1)
    again = {row.image.image_id: row for row in open_store(store.folder).masks()}
    assert again[4].numbers == (0, 2)
    assert again[4].made_by == (HUMAN, HUMAN)
    np.testing.assert_array_equal(again[4].masks.mask(0), square(4, 4, 6))
    assert again[4].image.masks == 2
    assert again[2].made_by == (None, None)
    assert store.counts() == (5, 6, 1)
    assert store.corrected() == {4}
    assert sum(len(group) for group in store.mask_columns(["area"])) == 6
    assert {path: path.read_bytes() for path in (store.folder / "shards").iterdir()} == before
    export_store(store, ["coco"], tmp_path / "out")
    images = {one.name: one for one in read_coco(tmp_path / "out" / "coco.json", tmp_path / "images")}
    assert images["0003.png"].instances[1].rle == encode_mask(square(18, 8, 8))
    document = json.loads((tmp_path / "out" / "coco.json").read_text())
    assert [row.get("made_by") for row in document["annotations"] if row["image_id"] == 4] == [HUMAN, HUMAN]
    assert not any("made_by" in row for row in document["annotations"] if row["image_id"] != 4)


def test_the_rows_before_stay_readable(store, export):
    (before,) = (row for row in store.masks() if row.image.image_id == 4)
    take_corrections(store, [export])
    history = store.history(4)
    assert len(history) == 2
    assert history[0].masks.rles == before.masks.rles
    assert history[0].masks.predicted_iou.tolist() == before.masks.predicted_iou.tolist()
    assert history[1].numbers == (0, 2)


def test_the_same_file_again_changes_nothing(store, export):
    take_corrections(store, [export])
    before = sorted((store.folder / "corrections").rglob("*"))
    again = take_corrections(store, [export])
    assert (again.corrected, again.unchanged) == (0, 2)
    assert sorted((store.folder / "corrections").rglob("*")) == before


def test_what_was_added_can_be_changed_and_removed_later(store, export, tmp_path):
    take_corrections(store, [export])
    tasks = json.loads(export.read_text())
    tasks[0]["annotations"][0]["result"][1] = drawn(square(17, 7, 9))
    taken = take_corrections(store, [save(tmp_path / "second.json", tasks)])
    assert taken.masks == MaskCounts(kept=3, redrawn=1)
    tasks[0]["annotations"][0]["result"] = [drawn(square(0, 0, 5), "newest")]
    taken = take_corrections(store, [save(tmp_path / "third.json", tasks)])
    assert (taken.masks.added, taken.masks.removed) == (1, 2)
    assert store.history(4)[-1].numbers == (3,)  # no number is given twice
    assert len(store.history(4)) == 4


def test_nothing_is_written_by_a_trial(store, export):
    assert take_corrections(store, [export], writes=False).corrected == 1
    assert not (store.folder / "corrections").exists()


def test_images_that_do_not_fit_are_refused_and_told(store, tmp_path):
    by_id = {task["data"]["samara_image_id"]: task for task in tasks_of(store, tmp_path / "tasks")}

    def other(data, edit=edited):
        task = submitted(by_id[4], edit)
        return task | {"data": {"image": task["data"]["image"]} | data}

    box = {"type": "rectanglelabels", "id": "b", "to_name": "image", "original_width": 30, "original_height": 20}
    tasks = [
        other({"image": "nowhere.png"}),
        other({"image": "0002.png"}),
        other({"samara_image_id": 4, "samara_sha256": "1" * 64}),
        other({"samara_image_id": 4, "samara_sha256": by_id[4]["data"]["samara_sha256"]}, lambda _: [box]),
    ]
    taken = take_corrections(store, [save(tmp_path / "x.json", tasks)])
    assert taken.corrected == 0
    assert [reason.split(":")[0] for _, reason in taken.refused] == [
        "the store has no such image",
        "it is quarantined",
        "the task is of another image, or of another store",
        "region 'b'",
    ]
    assert not (store.folder / "corrections").exists()


@pytest.mark.parametrize("address", ["0003.png", "https://host/p/0003.png", "/data/upload/3/0a1b2c3d-0003.png"])
def test_tasks_of_other_exports_are_found_by_name(store, export, tmp_path, address):
    task = json.loads(export.read_text())[0] | {"data": {"image": address}}
    assert take_corrections(store, [save(tmp_path / "x.json", [task])]).corrected == 1


def test_masks_of_another_size_are_refused(store, tmp_path):
    image = {"id": 1, "file_name": "0003.png", "width": 10, "height": 10}
    path = save(tmp_path / "x.json", {"images": [image], "annotations": []})
    ((_, reason),) = take_corrections(store, [path]).refused
    assert reason == "its masks are of 10 x 10 pixels, the image has 20 x 30 (height x width)"


@pytest.mark.parametrize("task_format", ["coco", "coco-polygons"])
def test_coco_comes_back(store, tmp_path, task_format):
    write_tasks(store, doubtful_images(store, ReviewSettings()).images, tmp_path / "out", task_format)
    document = json.loads((tmp_path / "out" / f"{task_format}.json").read_text())
    assert take_corrections(store, [save(tmp_path / "same.json", document)]).corrected == 0
    document["annotations"][0]["segmentation"] = encode_mask(square(3, 3, 8)).to_coco()
    del document["annotations"][-1]
    taken = take_corrections(store, [save(tmp_path / "edited.json", document)])
    assert taken.masks == MaskCounts(kept=3, redrawn=1, removed=1)


def test_polygons_that_nobody_edited_change_nothing(tmp_path):
    store = store_of(tmp_path, ("scattered", "good"))  # a polygon shows only one of its parts
    (task,) = tasks_of(store, tmp_path / "tasks", "label-studio-polygons")
    taken = take_corrections(store, [save(tmp_path / "x.json", [submitted(task)])])
    assert taken.masks == MaskCounts(kept=2)


def test_stores_of_earlier_versions_take_corrections(store, export):
    from samara.annotation.store.shard_files import read_table

    for path in (store.folder / "shards").glob("*.masks.parquet"):
        from pyarrow import parquet

        parquet.write_table(read_table(path).drop_columns(["parts", "twin_iou", "made_by", "review_id"]), path)
    assert take_corrections(store, [export]).corrected == 1
    assert [row.made_by for row in store.history(4)] == [(None, None), (HUMAN, HUMAN)]


def test_files_that_cannot_be_read_are_told(store, tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        take_corrections(store, [tmp_path / "missing.json"])
    with pytest.raises(DatasetError, match="images"):
        take_corrections(store, [save(tmp_path / "x.json", {})])


def test_two_processes_do_not_correct_at_once(store, export):
    with claim(store.folder / "claims" / "corrections.lock"), pytest.raises(OutputError, match="another process"):
        take_corrections(store, [export])


def test_a_store_with_corrections_is_not_replaced(store, export):
    take_corrections(store, [export])
    job = JOB | {"source": store.manifest.job["source"]}
    with pytest.raises(OutputError, match="has corrections that people made"):
        create_store(store.folder, job, [], if_there="overwrite")
    assert len(open_store(store.folder).history(4)) == 2


def test_a_correction_that_was_cut_off_is_absent(store, export, monkeypatch):
    """The table of masks is there, that of the images is not."""
    written = room.add_correction

    def cut(folder, images, masks):
        written(folder, images, masks)
        (folder / "000001.images.parquet").rename(folder / ".000001.images.parquet.1.part")

    monkeypatch.setattr(room, "add_correction", cut)
    take_corrections(store, [export])
    assert len(store.history(4)) == 1
    assert store.corrected() == set()
    monkeypatch.undo()
    assert take_corrections(store, [export]).corrected == 1
    assert not list((store.folder / "corrections").rglob(".*.part"))


def take_again(folder, path, begin):
    begin.wait()
    take_corrections(open_store(folder), [path])


def test_a_kill_at_any_moment_loses_nothing(tmp_path):
    images = 12
    store = store_of(tmp_path, *[("unsure", "small")] * images, images_per_shard=1)
    path = save(tmp_path / "x.json", [submitted(task, edited) for task in tasks_of(store, tmp_path / "tasks")])
    context = multiprocessing.get_context("fork")
    rng = random.Random(0)
    for _ in range(6):
        begin = context.Event()
        process = context.Process(target=take_again, args=(store.folder, path, begin))
        process.start()
        begin.set()
        time.sleep(rng.uniform(0, 0.2))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert all(len(store.history(number)) in (1, 2) for number in range(1, images + 1))
        assert store.counts() == (images, 2 * images, 0)
    taken = take_corrections(store, [path])
    assert taken.corrected + taken.unchanged == images
    assert all(store.history(number)[-1].numbers == (0, 2) for number in range(1, images + 1))
