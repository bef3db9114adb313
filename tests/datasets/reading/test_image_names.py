"""Images by their names: as given, without leading folders, below the folder, whatever the case."""

from __future__ import annotations

import pytest

from samara.datasets.reading.image_names import ImageFolder


@pytest.fixture
def folder(tmp_path):
    for name in ("a.jpg", "train/b.jpg", "val/b.jpg", "val/Deep/c.JPG", "val/d.jpg", "D/d.jpg", "a/sub.jpg/e.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return ImageFolder(tmp_path)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.jpg", "a.jpg"),
        ("images/2017/a.jpg", "a.jpg"),
        ("set/train/b.jpg", "train/b.jpg"),
        ("val/b.jpg", "val/b.jpg"),
        ("b.jpg", None),  # two of them
        ("c.jpg", "val/Deep/c.JPG"),
        ("deep/C.jpg", "val/Deep/c.JPG"),
        ("A.JPG", "a.jpg"),
        ("VAL/D.jpg", "val/d.jpg"),
        ("sub.jpg", None),  # a folder
        ("nowhere.jpg", None),
        ("x" * 10_000, None),
    ],
)
def test_an_image_is_found_or_not_guessed(folder, name, found):
    assert folder.find(name) == (None if found is None else folder.folder / found)


def test_what_is_missing_is_said_with_the_place(folder):
    assert folder.lacks(["x.jpg", "y.jpg"], 3, "'c.json'") == (
        f"2 of the 3 images in 'c.json' are not in {str(folder.folder)!r} or below it; the first is 'x.jpg'"
    )
