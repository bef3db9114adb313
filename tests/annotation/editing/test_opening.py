"""The store of a folder: made as `annotate` would make it, or the one that is there."""

from __future__ import annotations

import pytest

import samara
from samara.annotation.editing.opening import open_editor
from samara.errors import SettingsError
from samara.images.settings import ImageReading
from tests.annotation.conftest import write_images


def test_annotate_continues_what_was_begun(tmp_path, images, small_mini, small_inputs):
    out = tmp_path / "masks"
    editor = open_editor([str(images)], out, small_mini)
    assert len(editor.listing) == 6
    editor.save(2, [])
    outcome = samara.annotate(images, out=out, device="cpu", precision="float32", resume=True)
    assert outcome.store.is_complete
    again = open_editor([str(images)], out, small_mini)
    assert [one.state for one in again.listing.page()[1]] == ["proposed", "annotated", *["proposed"] * 4]
    assert again.load(2).objects == ()


def test_a_store_of_other_images_is_refused(tmp_path, images, small_mini):
    open_editor([str(images)], tmp_path / "masks", small_mini)
    write_images(tmp_path / "others", 1)
    with pytest.raises(SettingsError, match="is a store of the images in"):
        open_editor([str(tmp_path / "others")], tmp_path / "masks", small_mini)


def test_a_store_keeps_its_way_of_reading(tmp_path, images, small_mini):
    dark = ImageReading((0, 200))
    assert open_editor([str(images)], tmp_path / "masks", small_mini, dark).reading.value_range == (0, 200)
    assert open_editor([str(images)], tmp_path / "masks", small_mini).reading.value_range == (0, 200)
    with pytest.raises(SettingsError, match=r"value_range.*leave them out"):
        open_editor([str(images)], tmp_path / "masks", small_mini, ImageReading("auto"))
