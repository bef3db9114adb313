"""Kinds of files and their places."""

from pathlib import Path

import pytest

from samara.errors import SettingsError
from samara.masks.file_kinds import place_of, require_kinds


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("overlay", "overlays/a/b.png"),
        ("labels", "labels/a/b.png"),
        ("masks", "masks/a/b"),
        ("cutouts", "cutouts/a/b"),
    ],
)
def test_places(kind, place):
    assert place_of(Path("out"), kind, "a/b") == Path("out") / place


def test_kinds():
    require_kinds(["overlay", "json"])
    with pytest.raises(SettingsError, match="`save` has 'mask', which is not known; use overlay, masks"):
        require_kinds(["overlay", "mask"])
    with pytest.raises(SettingsError, match="`save` is the text 'overlay'; give a list"):
        require_kinds("overlay")
    with pytest.raises(SettingsError, match="`save` is empty"):
        require_kinds([])
