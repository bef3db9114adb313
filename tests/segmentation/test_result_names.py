"""Names of results: by image, and never twice."""

from pathlib import Path

import pytest

from samara.segmentation.result_names import names_folder, result_name


def named(path, folder, taken=None, others=()):
    return result_name(Path(path), Path(folder), taken or {}, lambda name: name not in others)


@pytest.mark.parametrize(
    ("path", "folder", "taken", "others", "name"),
    [
        ("/p/truck.jpg", "/p", {}, (), "truck"),
        ("/p/a/truck.jpg", "/p", {}, (), "a/truck"),
        ("/p/my.photo.tar.jpg", "/p", {}, (), "my.photo.tar"),
        ("/p/truck.png", "/p", {"truck": "/p/truck.jpg"}, (), "truck.png"),
        ("/q/b/truck.jpg", "/q/b", {"truck": "/p/truck.jpg"}, (), "b/truck"),
        ("/q/b/truck.jpg", "/q/b", {"truck": "/p/truck.jpg", "b/truck": "/x/b/truck.png"}, (), "q/b/truck"),
        ("/b/truck.jpg", "/b", {"truck": "/p/truck.jpg"}, ("b/truck",), "truck-2"),
        ("/p/truck.jpg", "/p", {}, ("truck", "p/truck", "truck-2"), "truck-3"),
        ("/p/noend", "/p", {}, (), "noend"),
    ],
)
def test_names(path, folder, taken, others, name):
    assert named(path, folder, taken, others) == name


def test_the_folder_of_all():
    assert names_folder([Path("/p/a/x.jpg"), Path("/p/b/y.jpg")]) == Path("/p")
    assert names_folder([Path("/p/a/x.jpg")]) == Path("/p/a")
