"""Checkpoints with names of the user's own."""

import json

import pytest

from samara.checkpoints.store.added import AddedCheckpoints
from samara.errors import ChecksumMismatch, SettingsError, UnknownCheckpoint


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "runs" / "Cells.pth"
    path.parent.mkdir()
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def store(tmp_path):
    return AddedCheckpoints(tmp_path / "store")


def test_a_file_is_found_by_its_name_where_it_is(store, file):
    assert store.entries() == []
    assert store.find("cells") is None
    added = store.add("Cells", file, "a network")
    assert (added.name, added.path, added.state, added.description) == ("cells", str(file), "added", "a network")
    assert AddedCheckpoints(store.directory).find(" CELLS ") == added
    assert added.checked_path() == file
    assert store.entries() == [added]


def test_a_copy_survives_the_file(store, file):
    added = store.add("cells", file, "", copy=True)
    file.unlink()
    assert added.checked_path().read_bytes() == b"weights"
    assert added.checked_path() == store.directory / "added" / "cells.pth"
    assert store.remove("cells") == added
    assert added.state == "missing"
    assert store.entries() == []


def test_removing_leaves_the_users_own_file(store, file):
    store.add("cells", file, "")
    store.remove("CELLS")
    assert file.is_file()
    with pytest.raises(UnknownCheckpoint, match="no checkpoint was added as 'cells'; none was added"):
        store.remove("cells")


def test_a_file_that_changed_or_is_gone_is_not_used(store, file):
    added = store.add("cells", file, "")
    file.write_bytes(b"others!")
    with pytest.raises(ChecksumMismatch, match="has changed since it was added as cells; `samara checkpoints remove"):
        added.checked_path()
    file.write_bytes(b"weights")  # another time, the same content
    assert added.state in ("added", "changed")
    assert added.checked_path() == file
    file.unlink()
    assert added.state == "missing"
    with pytest.raises(UnknownCheckpoint, match="which is gone"):
        added.checked_path()


@pytest.mark.parametrize(
    ("name", "message"),
    [("vit_b", "of the catalogue"), ("SAM_VIT_B", "of the catalogue"), ("a b", "use letters"), ("", "use letters")],
)
def test_names_that_are_not_accepted(store, file, name, message):
    with pytest.raises(SettingsError, match=message):
        store.add(name, file, "")
    assert store.entries() == []


def test_a_name_belongs_to_one_file(store, file, tmp_path):
    store.add("cells", file, "")
    store.add("cells", file, "", copy=True)  # the same content
    other = tmp_path / "other.pth"
    other.write_bytes(b"other")
    with pytest.raises(SettingsError, match="cells is already the name of .*; choose another"):
        store.add("cells", other, "")


def test_a_damaged_table_is_told(store, file):
    store.add("cells", file, "")
    (store.directory / "added.json").write_text("{}]")
    with pytest.raises(SettingsError, match="added.json cannot be read"):
        store.entries()
    (store.directory / "added.json").write_text(json.dumps([{"name": "x"}]))
    with pytest.raises(SettingsError, match="added.json cannot be read"):
        store.find("x")
