"""Classes of a store: those of its masks until somebody edits the list, which then stays."""

from __future__ import annotations

import pytest

from samara.annotation.editing.classes import ClassList
from samara.annotation.store.store import CLASSES
from samara.errors import DatasetError, SettingsError
from tests.annotation.review.stores import store_of


@pytest.fixture
def store(tmp_path):
    return store_of(tmp_path, ("good", "leaking"), ("good",), classes=["dog", "cat"])


def test_the_classes_of_the_masks_come_first(store):
    classes = ClassList(store)
    assert classes.names == ("cat", "dog")
    assert not (store.folder / CLASSES).exists()
    classes.add(["dog", None, "bird", "bird"])
    assert ClassList(store).names == ("cat", "dog", "bird")
    assert classes.put(["bird"]) == ("bird",)
    assert ClassList(store).names == ("bird",)
    assert classes.put([]) == ClassList(store).names == ()


@pytest.mark.parametrize("names", [["a", "a"], [""], ["\ud800"], ["a\nb"], [3], ["x"] * 10_001])
def test_bad_names_are_refused(store, names):
    classes = ClassList(store)
    with pytest.raises(SettingsError, match=r"class"):
        classes.put(names)
    assert classes.names == ("cat", "dog")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"classes": 3}', '{"classes": ["a", "a"]}'])
def test_a_damaged_file_is_told(store, text):
    (store.folder / CLASSES).write_text(text)
    with pytest.raises(DatasetError, match="damaged"):
        ClassList(store)
