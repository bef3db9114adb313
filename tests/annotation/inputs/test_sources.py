"""Sources: folders, patterns, lists, archives; hidden, foreign and missing files."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile

import pytest

from samara.annotation.inputs import sources
from samara.annotation.inputs.sources import open_source
from samara.annotation.store.plan import PlannedImage
from samara.errors import DatasetError, ImageError, SettingsError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Images (of one byte, nobody decodes them) in folders, between other files."""
    for name in ("b/2.JPG", "b/10.jpg", "a.png", "c/d/e.tif", "notes.txt", ".hidden.png", ".git/x.png", "out/y.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(source, **options):
    return [entry.name for entry in source.entries(**options)]


def test_a_folder_is_searched_in_a_fixed_order(folder):
    source = open_source([str(folder)])
    assert names(source, leave_out=folder / "out") == ["a.png", "b/10.jpg", "b/2.JPG", "c/d/e.tif"]
    assert source.listing.ignored == 1
    assert source.facts() == {"kind": "folder", "root": str(folder)}
    assert source.read(PlannedImage(1, "b/2.JPG")).data == b"b/2.JPG"


def test_patterns_files_and_folders_mix(folder):
    assert names(open_source(["**/*.jpg"])) == ["b/10.jpg"]
    assert names(open_source(["b/*"])) == ["b/10.jpg", "b/2.JPG"]
    assert names(open_source(["a.png", "b/"])) == ["a.png", "b/10.jpg", "b/2.JPG"]
    assert names(open_source(["a.png"])) == ["a.png"]
    with pytest.raises(SettingsError, match="nowhere.png does not exist"):
        open_source(["a.png", "nowhere.png"])


def test_lists_are_relative_to_themselves(folder):
    listed = f"\ufeff# mine\nd/e.tif\n\n../a.png\r\n{folder}/b/absent.png\n./d/e.tif\n"
    (folder / "c" / "list.txt").write_text(listed)
    source = open_source(["c/list.txt"])
    assert source.root == folder
    assert names(source) == ["c/d/e.tif", "a.png", "b/absent.png"]
    assert source.listing.repeated == 1
    assert source.read(PlannedImage(1, "a.png")).data == b"a.png"
    with pytest.raises(ImageError, match="cannot be read .No such file or directory; looked for in"):
        source.read(PlannedImage(1, "b/absent.png"))
    (folder / "c" / "list.txt").write_text("\ufeffd/e.tif\n")
    assert names(open_source(["c/list.txt"])) == ["d/e.tif"]


def test_a_list_of_what_is_not_there_is_refused(folder):
    (folder / "list.txt").write_text("x.png\ny.png\na.png\n")
    with pytest.raises(SettingsError, match=r"2 of the 3 images that list.txt names are missing; .*x.png"):
        names(open_source(["list.txt"]))
    for text, message in {"https://example.org/a.jpg": "is a URL", "a.png".encode("utf-16"): "UTF-16"}.items():
        (folder / "list.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises((DatasetError, SettingsError), match=message):
            names(open_source(["list.txt"]))


def test_links_that_lead_nowhere_are_told(folder):
    (folder / "b" / "gone.png").symlink_to("/nas/gone.png")
    source = open_source(["b"])
    assert names(source) == ["10.jpg", "2.JPG", "gone.png"]
    with pytest.raises(ImageError, match="it is a link to '/nas/gone.png', which does not exist"):
        source.read(PlannedImage(1, "gone.png"))
    (folder / "only").mkdir()
    (folder / "only" / "gone.png").symlink_to("/nas/gone.png")
    with pytest.raises(SettingsError, match="1 of the 1 images are missing; .* targets of links"):
        names(open_source(["only"]))


def test_names_are_relative_unique_and_the_same_from_anywhere(folder, monkeypatch):
    given = [str(folder / "a.png"), str(folder / "b" / "2.JPG"), f"{folder}/b/../a.png"]
    for place in (folder, folder / "c"):
        monkeypatch.chdir(place)
        source = open_source(given)
        assert names(source) == ["a.png", "b/2.JPG"]
        assert source.facts() == {"kind": "files", "root": str(folder)}
        assert source.listing.repeated == 1
    assert names(open_source([str(folder / "a.png")])) == ["a.png"]


def test_archives_are_read_in_place(folder):
    with tarfile.open("a.tar", "w") as archive:
        archive.add("b")
        archive.add("notes.txt")
        hostile = tarfile.TarInfo("../../etc/evil.png")
        hostile.size = 4
        archive.addfile(hostile, io.BytesIO(b"evil"))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    source = open_source(["a.tar"])
    found = {entry.name: source.read(entry) for entry in source.entries()}
    assert {name: one.data for name, one in found.items()} == {
        "b/10.jpg": b"b/10.jpg",
        "b/2.JPG": b"b/2.JPG",
        "../../etc/evil.png": b"evil",
    }
    assert found["b/10.jpg"].sha256 == hashlib.sha256(b"b/10.jpg").hexdigest()
    assert source.listing.ignored == 2
    (folder / "b.tar").write_bytes(b"no archive at all")
    with pytest.raises(SettingsError, match="tar archive"):
        list(open_source(["b.tar"]).entries())


def test_what_is_large_is_hashed_where_it_lies(folder, monkeypatch):
    monkeypatch.setattr(sources, "MAX_BYTES_IN_MEMORY", 4)
    read = open_source(["."]).read(PlannedImage(1, "a.png"))
    assert read.data == folder / "a.png"
    assert (read.sha256, read.size_bytes) == (hashlib.sha256(b"a.png").hexdigest(), 5)


def test_names_that_are_no_text_survive(folder):
    name = os.fsdecode(b"ho\xe9.png")
    (folder / name).write_bytes(b"1")
    assert name in names(open_source(["."]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "no image was given"),
        (["a.tgz"], "compressed"),
        (["nowhere"], "does not exist"),
        (["x.doc"], "no suffix of an image"),
    ],
)
def test_what_is_no_source_is_refused(folder, given, message):
    (folder / "x.doc").touch()
    (folder / "a.tgz").touch()
    with pytest.raises(SettingsError, match=message):
        open_source(given)
