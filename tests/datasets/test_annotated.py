"""Annotated images and georeferences refuse what makes no sense."""

from __future__ import annotations

import pytest

from samara.datasets.annotated import GeoReference, is_line, require_category
from samara.errors import DatasetError
from tests.datasets.awkward import HOLE, PARTS, annotated


def test_categories_are_one_for_each_mask():
    assert annotated([HOLE, PARTS], categories=("cat", "dog")).categories == ("cat", "dog")
    assert annotated([], categories=()).categories == ()
    with pytest.raises(DatasetError, match=r"'a.png' has 2 masks and 1 categories"):
        annotated([HOLE, PARTS], categories=("cat",))


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "half \ud83d", None, 3, "\0"])
def test_categories_are_a_line_of_text(name):
    with pytest.raises(DatasetError, match=r"A mask of 'a.png' has the category"):
        annotated([HOLE], categories=(name,))
    with pytest.raises(DatasetError, match="It has the category"):
        require_category(name, "It")


@pytest.mark.parametrize("name", ["cat", "Straße", "a b", "☃", "一　二", "<&>'\""])
def test_any_text_is_a_category(name):
    require_category(name, "It")
    assert is_line(name)


def test_north_up_has_a_negative_determinant():
    assert GeoReference((0.5, 0, 400_000, 0, -0.5, 5_000_000), "EPSG:32633").determinant == -0.25


@pytest.mark.parametrize("transform", [(1, 0, 0, 0, 1), (1, 0, 0, 0, 1, float("nan")), (1, 0, 0, 0, float("inf"), 0)])
def test_a_transform_is_six_numbers(transform):
    with pytest.raises(DatasetError, match="six finite numbers"):
        GeoReference(transform)


def test_a_transform_keeps_the_plane():
    with pytest.raises(DatasetError, match="maps all pixels to one line"):
        GeoReference((1, 2, 0, 2, 4, 0))
