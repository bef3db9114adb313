"""The list of images: states, doubts first, parts of it."""

from __future__ import annotations

import pytest

from samara.annotation.editing.listing import Listing
from samara.errors import SettingsError
from tests.annotation.review.stores import store_of


@pytest.fixture
def listing(tmp_path):
    store = store_of(tmp_path, ("good",), None, ("leaking",), (), ("unsure", "small"))
    return Listing(store)


def test_states_sizes_and_counts(listing):
    total, images = listing.page()
    assert total == len(listing) == 5
    assert [one.state for one in images] == ["proposed", "unreadable", "proposed", "proposed", "proposed"]
    assert [one.objects for one in images] == [1, 0, 1, 0, 2]
    assert images[0].size_hw == (20, 30)
    assert images[1].reason == "is a PDF"


def test_doubtful_images_come_first(listing):
    _, images = listing.page("doubt")
    assert [one.image_id for one in images][-2:] == [1, 2]
    assert images[0].doubt == max(one.doubt for one in images[:3])
    assert "outside its box" in next(one.reason for one in images if one.image_id == 3)
    assert images[3].doubt is None


def test_parts(listing):
    total, images = listing.page(state="proposed", offset=1, limit=2)
    assert total == 4
    assert [one.image_id for one in images] == [3, 4]
    with pytest.raises(SettingsError, match="name, doubt"):
        listing.page("size")
    with pytest.raises(SettingsError, match="new, proposed, annotated, unreadable"):
        listing.page(state="old")
