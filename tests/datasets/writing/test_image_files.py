"""Names of annotation files follow those of the images, and never lead out of the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from samara.datasets.writing.image_files import new_file, place_image, relative_name, require_image
from samara.errors import OutputError
from tests.datasets.awkward import annotated


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "a.txt"),
        ("sub/a.jpg", "sub/a.txt"),
        ("./sub//a.jpg", "sub/a.txt"),
        ("a.tar.jpg", "a.tar.txt"),
        ("frame", "frame.txt"),
        (".hidden", ".hidden.txt"),
        ("Straße ☃.png", "Straße ☃.txt"),
        ("a..b.jpg", "a..b.txt"),
    ],
)
def test_names(name, expected):
    assert relative_name(name, ".txt") == Path(expected)


@pytest.mark.parametrize(
    "name", ["/a.jpg", "../a.jpg", "a/../../b.jpg", "C:\\a.jpg", "..\\a.jpg", "\\\\host\\share\\a", "", ".", "a\0.jpg"]
)
def test_names_that_lead_elsewhere(name):
    with pytest.raises(OutputError, match="must be relative to the image folder"):
        relative_name(name, ".txt")


def test_the_name_of_our_own_file():
    assert relative_name("sub/samara.png", ".json") == Path("sub/samara.json")
    with pytest.raises(OutputError, match="samara reserves"):
        relative_name("samara.png", ".json")


def test_two_images_cannot_share_a_file(tmp_path):
    path = tmp_path / "sub" / "a.txt"
    assert new_file(path, annotated([], "sub/a.jpg")) == path
    path.touch()
    with pytest.raises(OutputError, match=r"'sub/a.png' would share a.txt with another image"):
        new_file(path, annotated([], "sub/a.png"))


@pytest.mark.parametrize("how", ["link", "copy"])
def test_images_are_placed(tmp_path, how, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"image")
    monkeypatch.chdir(tmp_path)
    image = annotated([], path=Path("a.png"))  # relative, which a link must not be
    require_image(image, how)
    place_image(image, tmp_path / "deep" / "b.png", how)
    assert (tmp_path / "deep" / "b.png").read_bytes() == b"image"
    assert (tmp_path / "deep" / "b.png").is_symlink() == (how == "link")


def test_images_that_are_not_there(tmp_path):
    for image in (annotated([]), annotated([], path=tmp_path / "absent.png")):
        require_image(image, "none")
        place_image(image, tmp_path / "b.png", "none")
        with pytest.raises(OutputError, match="has no image file to link"):
            require_image(image, "link")
    assert list(tmp_path.iterdir()) == []
