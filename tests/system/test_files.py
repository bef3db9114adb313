"""Atomic writing."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from pathlib import Path

import pytest

from samara.errors import OutputError
from samara.system.files import (
    durable_file,
    locked,
    made_folder,
    make_folder,
    require_file,
    require_folder,
    write_atomically,
    write_durably,
)


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


@pytest.mark.parametrize("place", ["/proc/nope/deep", "file", "file/deep", "x" * 300, "/dev/null", "/dev/full/deep"])
def test_folders_that_cannot_be_are_found_out_and_nothing_is_left(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be used as a folder"):
        require_folder(Path(place))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("place", ["/proc/nope/x", "file/x", "folder", "x" * 300, "/dev/null", "/dev/full", "pipe"])
def test_files_that_cannot_be_are_found_out_and_nothing_is_left(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo("pipe")
    with pytest.raises(OutputError):
        require_file(Path(place))
    with pytest.raises(OutputError):
        write_atomically(Path(place), b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "pipe"]
    assert not Path("/dev/full").is_file()


def test_what_can_be_is_asked_without_a_trace(tmp_path):
    require_folder(tmp_path / "a" / "b")
    require_file(tmp_path / "a" / "b" / "c.json")
    assert not list(tmp_path.iterdir())
    (tmp_path / "there").write_text("old")
    require_file(tmp_path / "there")
    assert (tmp_path / "there").read_text() == "old"


def test_a_full_disk_and_a_read_only_one_are_found_out(tmp_path, monkeypatch):
    for number in (errno.ENOSPC, errno.EROFS, errno.EDQUOT):

        def refuse(*_, number=number, **__):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr("tempfile.TemporaryFile", refuse)
        with pytest.raises(OutputError, match=os.strerror(number)):
            require_folder(tmp_path / "deep")
    assert not list(tmp_path.iterdir())


def test_links_stay_links_and_long_names_are_written(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", b"new")
    write_durably(tmp_path / "link", b"newer")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"newer"
    long = tmp_path / ("ü" * 127)
    require_file(long)
    write_atomically(long, b"1")
    assert long.read_bytes() == b"1"


def test_folders_of_what_failed_do_not_stay(tmp_path):
    with pytest.raises(KeyError), made_folder(tmp_path / "a" / "b"):
        raise KeyError
    assert not list(tmp_path.iterdir())
    with contextlib.suppress(KeyError), made_folder(tmp_path / "a" / "b"):
        (tmp_path / "a" / "kept").touch()
        raise KeyError
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["kept"]
    with pytest.raises(OutputError, match="cannot be used as a folder"), made_folder(tmp_path / "a" / "kept" / "c"):
        pass


def test_a_lock_leaves_nothing_and_comes_one_after_the_other(tmp_path):
    order = []

    def work(name):
        with locked(tmp_path / "file"):
            order.append(name)
            time.sleep(0.05)
            order.append(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order[::2] == order[1::2]
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_told_in_one_way(tmp_path):
    (tmp_path / "file").touch()
    assert make_folder(tmp_path / "a" / "b").is_dir()
    with pytest.raises(OutputError, match=r"file is a file and cannot be used as a folder; choose another place"):
        make_folder(tmp_path / "file")
    with pytest.raises(OutputError, match=r"below cannot be used as a folder: .*; set HOME to another"):
        make_folder(tmp_path / "file" / "below", "set HOME to another")
