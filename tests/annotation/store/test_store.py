"""The store: made, joined, refused, replaced, read."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from samara.annotation.store import shard_files
from samara.annotation.store.locks import claim
from samara.annotation.store.plan import PlannedImage
from samara.annotation.store.rows import mask_table
from samara.annotation.store.store import MANIFEST, create_store, open_store
from samara.errors import DatasetError, OutputError, SettingsError
from tests.annotation.conftest import JOB, entries, image_row, random_masks


def fill(store, masks_of=lambda image_id: image_id % 4):
    for shard in store.shards():
        rows = [image_row(entry.image_id, masks_of(entry.image_id)) for entry in shard.entries()]
        files = store.files(shard.number)
        files.add_piece(rows, [mask_table(row, random_masks(row.image_id, row.masks)) for row in rows])
        files.seal()


@pytest.mark.parametrize("rows_per_group", [3, 8192])
def test_what_is_stored_is_read(tmp_path, monkeypatch, rows_per_group):
    monkeypatch.setattr(shard_files, "ROWS_PER_GROUP", rows_per_group)
    store = create_store(tmp_path / "out", JOB, entries(11), images_per_shard=4)
    assert not store.is_complete
    fill(store)
    again = open_store(tmp_path / "out")
    assert again.manifest == store.manifest
    assert again.is_complete
    assert [row.image_id for row in again.images()] == list(range(1, 12))
    for row in again.masks():
        expected = random_masks(row.image.image_id, row.image.image_id % 4)
        assert row.masks.rles == expected.rles
        assert row.masks.predicted_iou.tolist() == expected.predicted_iou.tolist()
    assert sum(len(group) for group in again.mask_columns(["area"])) == sum(index % 4 for index in range(1, 12))


def test_pieces_are_read_as_well_and_quarantined_images_have_no_masks(tmp_path):
    store = create_store(tmp_path / "out", JOB, entries(3), images_per_shard=4)
    bad = image_row(2, 0, status="quarantined", reason="is empty")
    good = image_row(1, 2)
    store.files(0).add_piece([good, bad], [mask_table(good, random_masks(1, 2))])
    assert [row.image for row in store.masks()] == [good]
    assert list(store.quarantined()) == [bad]
    assert store.counts() == (2, 2, 1)
    assert not store.is_complete


def test_a_store_that_is_there_is_refused_resumed_or_replaced(tmp_path):
    folder = tmp_path / "out"
    fill(create_store(folder, JOB, entries(3), if_there="resume"))  # as a job that is always started so
    with pytest.raises(OutputError, match="`resume=True`"):
        create_store(folder, JOB, entries(3))
    assert create_store(folder, JOB, iter(()), if_there="resume").is_complete
    replaced = create_store(folder, JOB | {"settings": {}}, entries(2), if_there="overwrite")
    assert list(replaced.images()) == []
    assert replaced.manifest.plan.images == 2


def test_a_store_in_use_is_not_replaced(tmp_path):
    store = create_store(tmp_path, JOB, entries(3))
    with claim(store.claim_path(0)), pytest.raises(OutputError, match="a process is annotating"):
        create_store(tmp_path, JOB, entries(3), if_there="overwrite")
    assert (tmp_path / MANIFEST).exists()


def test_another_job_is_refused_with_what_differs(tmp_path):
    create_store(tmp_path, JOB, entries(3))
    other = {"checkpoint": {"name": "none", "sha256": "1" * 64}, "settings": {"points_per_side": 16, "new": None}}
    with pytest.raises(SettingsError) as error:
        create_store(tmp_path, other, entries(3), if_there="resume")
    assert "checkpoint sha256 was 0000000000000000… and is now 1111111111111111…" in str(error.value)
    assert "settings points_per_side was 32 and is now 16" in str(error.value)
    assert "settings new" not in str(error.value)


def test_somebody_elses_folder_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    for if_there in ("refuse", "resume", "overwrite"):
        with pytest.raises(OutputError, match="not empty"):
            create_store(tmp_path, JOB, entries(3), if_there=if_there)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(DatasetError, match="not an annotation store"):
        open_store(tmp_path)
    with pytest.raises(OutputError, match="cannot be used"):
        create_store(tmp_path / "thesis.tex", JOB, entries(3))


def test_a_making_that_was_cut_off_is_made_again(tmp_path):
    create_store(tmp_path, JOB, entries(3))
    (tmp_path / MANIFEST).rename(tmp_path / f".{MANIFEST}.77.part")
    (tmp_path / ".plan.jsonl.77.part").write_text("half")
    assert create_store(tmp_path, JOB, entries(2)).manifest.plan.images == 2
    assert not list(tmp_path.glob(".*.part"))


def test_two_processes_do_not_make_one_store(tmp_path):
    with claim(tmp_path / "creation.lock"), pytest.raises(OutputError, match="another process is creating"):
        create_store(tmp_path, JOB, entries(3))


def test_processes_that_are_started_together_make_one_store(tmp_path):
    """As one command line on many machines; the first lists the images, the others wait for it."""
    with ThreadPoolExecutor(4) as pool:
        lists = [slowly(3) for _ in range(4)]
        stores = list(pool.map(lambda one: create_store(tmp_path, JOB, one, if_there="resume"), lists))
    assert len({store.manifest.created for store in stores}) == 1
    assert sum(next(one, None) is None for one in lists) == 1


def slowly(count):
    for entry in entries(count):
        time.sleep(0.05)
        yield entry


def test_what_was_made_of_a_store_goes_with_it(tmp_path):
    fill(create_store(tmp_path, JOB, entries(3)))
    (tmp_path / "report.html").touch()
    (tmp_path / "exports").mkdir()
    (tmp_path / "notes.txt").touch()
    create_store(tmp_path, JOB, entries(3), if_there="overwrite")
    assert not (tmp_path / "report.html").exists()
    assert not (tmp_path / "exports").exists()
    assert (tmp_path / "notes.txt").exists()


def test_damage_and_other_versions_are_told(tmp_path):
    create_store(tmp_path, JOB, entries(3))
    facts = json.loads((tmp_path / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps(facts | {"schema_version": 99}))
    with pytest.raises(DatasetError, match="schema 99"):
        open_store(tmp_path)
    (tmp_path / MANIFEST).write_text(json.dumps(facts)[:-9])
    with pytest.raises(DatasetError, match="damaged"):
        open_store(tmp_path)


def test_a_typo_leaves_no_folder_and_no_store_is_lost(images, tmp_path):
    """Also where the old store shall be replaced: it goes when the new plan is there."""
    out = tmp_path / "deep" / "out"
    with pytest.raises(SettingsError, match="no image"):
        create_store(out, JOB, [])
    assert not (tmp_path / "deep").exists()
    create_store(out, JOB, entries(3))
    before = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(SettingsError, match="no image"):
        create_store(out, JOB, [], if_there="overwrite")
    assert {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    with pytest.raises(OutputError, match="is a file"):
        create_store(images / "0000.png", JOB, [])


def test_the_folder_of_coco_images_can_be_corrected(tmp_path):
    job = JOB | {"source": {"kind": "coco", "root": "/wrong"}}
    store = create_store(tmp_path / "out", job, [PlannedImage(1, "a.png")])
    assert not store.has_moved_images
    right = JOB | {"source": {"kind": "coco", "root": "/right"}}
    moved = create_store(tmp_path / "out", right, [], if_there="resume")
    assert moved.has_moved_images
    assert open_store(tmp_path / "out").manifest.job["source"]["root"] == "/right"
    assert not create_store(tmp_path / "out", right, [], if_there="resume").has_moved_images
    folder = JOB | {"source": {"kind": "folder", "root": "/right"}}
    with pytest.raises(SettingsError, match="source kind was coco and is now folder"):
        create_store(tmp_path / "out", folder, [], if_there="resume")
