"""Editing a store: what is saved is there for every reader, in order, once, whatever happens."""

from __future__ import annotations

import multiprocessing
import os
import signal

import numpy as np
import pytest
from PIL import Image

from samara.annotation.editing.editor import FOLD_AFTER, OutdatedRevision, StoreEditor
from samara.annotation.editing.objects import EditedObject
from samara.annotation.exporting import source_of
from samara.annotation.inputs.prefetch import Reading
from samara.annotation.review.corrections import claimed
from samara.annotation.store.locks import claim
from samara.annotation.store.plan import PlannedImage
from samara.annotation.store.store import create_store, open_store
from samara.errors import ImageError, OutputError, SettingsError
from samara.masks.rle import encode_mask
from tests.annotation.conftest import write_images
from tests.annotation.review.stores import JOB, SIZE, square, store_of


def drawn(name="a1", x=5, **fields):
    return EditedObject(name=name, rle=encode_mask(square(x, 5, 7)), **fields)


def editor_of(store):
    return StoreEditor(store, Reading(source_of(store).read, None, 0))


@pytest.fixture
def annotated(tmp_path):
    return store_of(tmp_path, ("good", "leaking"), None, (), ("good",))


@pytest.fixture
def fresh(tmp_path):
    names = write_images(tmp_path / "images", 5, size=SIZE[::-1])
    job = JOB | {"source": {"kind": "folder", "root": str(tmp_path / "images")}}
    plan = [PlannedImage(number, name) for number, name in enumerate(names, start=1)]
    return create_store(tmp_path / "store", job, plan, images_per_shard=2)


def test_what_is_saved_replaces_the_masks_of_the_checkpoint(annotated):
    editor = editor_of(annotated)
    before = editor.load(1)
    assert [one.name for one in before.objects] == ["m0", "m1"]
    assert not before.is_edited
    saved = editor.save(1, [drawn(category="cat"), before.objects[0]], before.revision)
    for one in (editor, editor_of(open_store(annotated.folder))):
        assert one.load(1) == saved
        assert one.listing.require(1).state == "annotated"
        assert one.listing.require(1).objects == 2
    (row,) = annotated.masks_of({1})
    assert row.categories == ("cat", None)
    assert row.numbers == (2, 0)
    assert [len(row.masks) for row in annotated.history(1)] == [2, 2]


def test_an_image_that_nobody_annotated_is_begun(fresh):
    editor = editor_of(fresh)
    assert editor.load(3).objects == ()
    saved = editor.save(3, [drawn()])
    assert editor.load(3) == saved
    (row,) = fresh.masks()
    assert row.image.image_id == 3
    assert row.image.size_hw == SIZE
    assert len(row.image.sha256) == 64
    assert [len(row.masks) for row in fresh.history(3)] == [0, 1]
    assert not fresh.is_complete


def test_a_store_is_complete_once_every_image_is_saved(fresh):
    editor = editor_of(fresh)
    for image_id in (2, 1, 5, 3, 4):
        editor.save(image_id, [])
    assert fresh.is_complete
    assert {row.image_id for row in fresh.images()} == {1, 2, 3, 4, 5}
    assert editor.listing.page(state="annotated")[0] == 5
    assert editor.load(4).is_edited


def test_the_same_again_changes_nothing(annotated):
    editor = editor_of(annotated)
    old = editor.load(1).revision
    saved = editor.save(1, [drawn()], old)
    folder = annotated.corrections_folder(0)
    files = sorted(folder.iterdir())
    assert editor.save(1, [drawn()], old) == saved
    assert sorted(folder.iterdir()) == files
    with pytest.raises(OutdatedRevision) as told:
        editor.save(1, [drawn(x=9)], old)
    assert told.value.revision == saved.revision
    assert editor.load(1) == saved


def test_many_changes_leave_few_files_and_take_no_number_twice(annotated):
    editor = editor_of(annotated)
    for number in range(2 * FOLD_AFTER + 3):
        editor.save(1, [drawn(f"a{number}", x=number % 10)])
        editor.save(4, [drawn(x=number % 10)])
    assert len(list(annotated.corrections_folder(0).glob("*.images.parquet"))) <= FOLD_AFTER
    (row,) = annotated.masks_of({1})
    assert row.numbers == (2 + 2 * FOLD_AFTER + 2,)


def test_corrections_of_others_are_not_folded(annotated):
    editor, other = editor_of(annotated), editor_of(annotated)
    for number in range(FOLD_AFTER + 5):
        editor.save(1, [drawn(x=number % 10)])
        if number == FOLD_AFTER - 2:
            other.save(1, [drawn("theirs")])
    assert [row.masks.rles for row in annotated.history(1)].count((drawn("theirs").rle,)) >= 1
    assert editor.load(1).objects[0].rle == drawn(x=(FOLD_AFTER + 4) % 10).rle


def test_a_quarantined_image_has_no_objects(annotated):
    with pytest.raises(ImageError, match="is a PDF"):
        editor_of(annotated).save(2, [])


def test_images_without_pixels_have_no_objects(fresh):
    root = source_of(fresh).root
    (root / "0000.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"0000\.png"):
        editor_of(fresh).save(1, [])
    with pytest.raises(SettingsError, match="ids are 1 to 5"):
        editor_of(fresh).load(6)
    Image.fromarray(np.zeros((5, 6, 3), np.uint8)).save(root / "0001.png")
    with pytest.raises(SettingsError, match="the image has 5 x 6"):
        editor_of(fresh).save(2, [drawn()])


def test_other_processes_are_not_disturbed(fresh):
    editor = editor_of(fresh)
    with claim(fresh.claim_path(0)), pytest.raises(OutputError, match="is annotating"):
        editor.save(1, [drawn()])
    with claimed(fresh), pytest.raises(OutputError, match="corrections"):
        editor.save(1, [drawn()])
    assert editor.load(1).objects == ()


def save_for_ever(store, told):
    editor = editor_of(store)
    for number in range(100_000):
        image_id = 1 + number % 5
        editor.save(image_id, [drawn(f"n{number}", x=number % 10)])
        told.send((image_id, f"n{number}"))


@pytest.mark.parametrize("after", [1, 7, 45])
def test_nothing_that_was_told_to_be_saved_is_lost_by_kill(fresh, after):
    told, telling = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=save_for_ever, args=(fresh, telling))
    process.start()
    telling.close()
    last = {}
    for _ in range(after):
        image_id, name = told.recv()
        last[image_id] = name
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    while told.poll():
        try:
            image_id, name = told.recv()
        except EOFError:
            break
        last[image_id] = name
    editor = editor_of(open_store(fresh.folder))
    numbers = {image_id: int(editor.load(image_id).objects[0].name[1:]) for image_id in last}
    assert all(numbers[image_id] >= int(name[1:]) for image_id, name in last.items())
    assert [one.name for one in editor.save(1, [drawn("after")]).objects] == ["after"]
