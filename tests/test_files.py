"""Atomic writing."""

from __future__ import annotations

import contextlib
import errno
import os

import pytest

from samara.errors import OutputError
from samara.files import durable_file, write_atomically, write_durably


def test_new_content_replaces_old_and_nothing_is_left(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_durable_files_are_complete_or_not_there(tmp_path):
    path = tmp_path / "table"
    write_durably(path, b"first")
    assert path.read_bytes() == b"first"
    with contextlib.suppress(KeyError), durable_file(path) as partial:
        partial.write_bytes(b"half")
        raise KeyError
    assert [(left.name, left.read_bytes()) for left in tmp_path.iterdir()] == [("table", b"first")]


def test_a_full_disk_is_told_and_harms_nothing(tmp_path):
    path = tmp_path / "table"
    write_durably(path, b"first")
    with pytest.raises(OutputError, match="No space left") as error, durable_file(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert error.value.__cause__.errno == errno.ENOSPC
    assert path.read_bytes() == b"first"
    with pytest.raises(OutputError, match="cannot be written"):
        write_durably(tmp_path / "no folder" / "table", b"")
