"""Finding images: links, loops, hidden and foreign files, patterns, and the folder that names count from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from samara.errors import SettingsError
from samara.images.paths import Finder, Given, Listing, is_image_name


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A set, a folder elsewhere that is linked into it, a loop, and what is left out."""
    for name in ("set/a.png", "set/b/c.JPG", "set/notes.txt", "set/.hidden.png", "set/.git/x.png", "else/far.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "set" / "linked").symlink_to(tmp_path / "else")
    (tmp_path / "set" / "b" / "loop").symlink_to(tmp_path / "set")
    (tmp_path / "set" / "b" / "again.png").symlink_to("../a.png")
    (tmp_path / "set" / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "set" / "lost").symlink_to("/no/such/folder")
    (tmp_path / "set" / "self").symlink_to("self")
    os.mkfifo(tmp_path / "set" / "pipe.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


ALL = ["set/a.png", "set/gone.png", "set/b/c.JPG", "set/linked/far.png"]


def test_links_are_followed_and_each_image_comes_once(tree):
    finder = Finder()
    assert list(finder.below("set")) == ALL
    listing = finder.listing
    assert (listing.ignored, listing.hidden, listing.repeated, listing.loops) == (2, 1, 1, 1)
    assert listing.broken == ["set/lost", "set/self"]
    assert (listing.missing, listing.first_missing) == (1, "set/gone.png")
    told = " ".join(listing.sentences())
    for part in (
        "2 files without an image suffix",
        "1 hidden",
        "1 images were given more than once",
        "1 links to folders",
    ):
        assert part in told
    assert "2 broken links were left out; the first is 'set/lost'" in told


def test_a_link_that_comes_first_hides_the_image_itself(tmp_path):
    (tmp_path / "z.png").touch()
    (tmp_path / "a.png").symlink_to("z.png")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "y.png").touch()
    (tmp_path / "a").symlink_to("b")
    finder = Finder()
    found = [os.path.relpath(path, tmp_path) for path in finder.below(tmp_path)]
    assert found == ["z.png", "a/y.png"]
    assert (finder.listing.repeated, finder.listing.loops) == (1, 1)
    mixed = Finder()
    assert len([*mixed.once(str(tmp_path / "a.png")), *mixed.below(tmp_path)]) == 2


def test_patterns_follow_links_and_end_at_loops(tree):
    finder = Finder()
    assert list(finder.matching("set/**/*.png")) == ["set/a.png", "set/gone.png", "set/linked/far.png"]
    assert finder.listing.repeated == 1
    assert list(Finder().matching("set/b/loop/*.png")) == ["set/b/loop/a.png", "set/b/loop/gone.png"]
    assert list(Finder().matching("set/**")) == ["set/a.png", "set/gone.png", "set/b/c.JPG", "set/linked/far.png"]
    assert list(Finder().matching("set/[bl]*/*")) == ["set/b/again.png", "set/b/c.JPG", "set/linked/far.png"]
    assert list(Finder().matching("set/.hid*")) == []  # hidden
    beside = Finder()
    assert list(beside.matching("set/*.JPG")) == []
    assert list(beside.matching("s*")) == []
    assert beside.listing.passed_by == 1


def test_two_loops_are_as_quick_as_one(tmp_path):
    (tmp_path / "a.jpg").touch()
    for name in ("x", "y", "z"):
        (tmp_path / name).symlink_to(".")
    assert len(list(Finder().matching(f"{tmp_path}/**/*.jpg"))) == 1
    assert len(list(Finder().below(tmp_path))) == 1


def test_a_name_that_looks_like_a_pattern_is_a_name(tmp_path, monkeypatch):
    folder = tmp_path / "run [1]"
    folder.mkdir()
    for name in ("a*.jpg", "ab.jpg"):
        (folder / name).touch()
    assert len(list(Finder().matching(f"{folder}/*.jpg"))) == 2
    monkeypatch.chdir(folder)
    given = Given.of(["a*.jpg"])
    assert [given.name_of(path) for path in given.find(Finder())] == ["a*.jpg"]


def test_folders_that_cannot_be_listed_are_told(tree, monkeypatch):
    scan = os.scandir

    def closed(path):
        if str(path).endswith("/b"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", closed)
    finder = Finder()
    assert "set/b/c.JPG" not in list(finder.below("set"))
    assert any("'set/b' (Permission denied)" in sentence for sentence in finder.listing.sentences())


def test_a_folder_is_left_out(tree):
    assert list(Finder(leave_out=tree / "set" / "b").below("set")) == [
        "set/a.png",
        "set/gone.png",
        "set/linked/far.png",
    ]
    assert "set/b/c.JPG" not in list(Finder(leave_out=tree / "set" / "b").matching("set/**/*.JPG"))


@pytest.mark.parametrize(
    ("given", "root", "names"),
    [
        (["set/a.png", "set/b"], ".", ["set/a.png", "set/b/c.JPG"]),
        (["{}/set/a.png"], "set", ["a.png"]),
        (["{}/set/a.png", "{}/else/far.png"], ".", ["set/a.png", "else/far.png"]),
        (["{}/set/a.png", "set/b/c.JPG"], ".", ["set/a.png", "set/b/c.JPG"]),
        (["{}/set/b/again.png", "{}/else"], ".", ["set/b/again.png", "else/far.png"]),
        (["{}/set/b/*.JPG"], "set/b", ["c.JPG"]),
        (["set/../else/far.png"], "else", ["far.png"]),
        (["./set/a.png", "set/a.png", "{}/set/a.png", "set/b/again.png"], ".", ["set/a.png"]),
        (["set/linked/../set/a.png"], "set", ["a.png"]),  # ".." of a link is that of its target
        (["absent.png"], ".", ["absent.png"]),
    ],
)
def test_names_count_from_the_folder_that_holds_all(tree, given, root, names):
    found = Given.of([one.format(tree) for one in given])
    assert found.root == (tree / root).resolve()
    assert [name for name in map(found.name_of, found.find(Finder())) if "/loop/" not in name] == names


def test_absolute_names_do_not_depend_on_the_working_folder(tree, monkeypatch):
    given = [str(tree / "set" / "a.png"), str(tree / "set" / "b" / "c.JPG")]
    roots = set()
    for folder in (tree, tree / "set", Path("/")):
        monkeypatch.chdir(folder)
        roots.add(Given.of(given).root)
    assert roots == {tree / "set"}


def test_what_names_nothing_is_refused(tree):
    (tree / "empty").mkdir()
    for name in ("empty", "set/*.bmp"):
        with pytest.raises(SettingsError, match="contains no images"):
            list(Given.of(["set/a.png", name]).find(Finder()))
    assert len(list(Given.of(["set", "set/b"]).find(Finder()))) == 4  # not empty: listed before
    with pytest.raises(SettingsError, match="is a URL"):
        Given.of(["https://example.org/a.jpg"])


def test_names_of_images():
    assert is_image_name("x/y.JPEG")
    assert not is_image_name("x/.y.jpg")
    assert not is_image_name("jpg")


def test_images_of_kinds_that_are_not_read_are_told_with_the_way_out():
    listing = Listing()
    for name in ("a.NEF", "b.dng", "c.pdf", "notes.txt"):
        listing.ignore(name)
    first, *others = listing.sentences()
    assert first.startswith("4 files without an image suffix")
    assert [sentence.partition(": ")[0] for sentence in others] == [
        "2 of the files left out are images",
        "1 of the files left out are images",
    ]
    assert "rawpy" in others[0]
