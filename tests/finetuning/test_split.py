"""The held-out share is exact, spread over object counts and collections, and independent of the order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samara.datasets.ground_truth import Instance, LabelledImage
from samara.errors import SettingsError
from samara.finetuning.split import stratified_split
from samara.masks.rle import encode_mask


def image(name, path=None, tmp="/data"):
    return LabelledImage(Path(path or f"{tmp}/{name}"), (4, 6), (), name, None)


def names_of(side):
    return [labelled.name for labelled in side]


HUNDRED = [image(f"{number}.jpg") for number in range(100)]
NAMES = st.lists(
    st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1), unique=True, max_size=30
)


@given(NAMES, st.floats(0.01, 0.99), st.integers())
def test_every_image_is_on_one_side(names, fraction, seed):
    images = [image(name) for name in names]
    training, validation = stratified_split(images, fraction, seed)
    assert sorted(names_of(training) + names_of(validation)) == sorted(names)
    if len(names) >= 2:
        assert training
        assert validation
    assert len(names) != 1 or not validation


def test_the_order_given_is_kept_and_plays_no_part():
    training, validation = stratified_split(HUNDRED, 0.3, 0)
    assert training == [labelled for labelled in HUNDRED if labelled in training]
    assert stratified_split(HUNDRED[::-1], 0.3, 0) == (training[::-1], validation[::-1])
    assert stratified_split(iter(HUNDRED), 0.3, 0) == (training, validation)


def test_the_division_is_the_same_everywhere():
    # Written down once: another machine, version or hash seed must not divide otherwise.
    assert names_of(stratified_split(HUNDRED[:12], 0.25, 7)[1]) == ["3.jpg", "9.jpg", "11.jpg"]


@pytest.mark.parametrize(
    ("images", "fraction", "validation"),
    [(1, 0.2, 0), (2, 0.2, 1), (4, 0.2, 2), (6, 0.2, 3), (10, 0.2, 3), (20, 0.2, 4), (100, 0.25, 25), (3, 0.99, 2)],
)
def test_the_share_is_exact_and_at_least_three(images, fraction, validation):
    assert len(stratified_split(HUNDRED[:images], fraction, 0)[1]) == validation


def test_the_seed_matters():
    assert stratified_split(HUNDRED, 0.2, 0) != stratified_split(HUNDRED, 0.2, 1)


def with_objects(name, objects, collection=None):
    instance = Instance(encode_mask(np.ones((4, 6), bool)), None)
    crowd = replace(instance, is_crowd=True)
    return replace(image(name), instances=(instance,) * objects + (crowd,), collection=collection)


@given(st.integers(0, 1000))
def test_both_parts_have_crowded_and_sparse_images(seed):
    images = [with_objects(f"{number}.jpg", objects) for number, objects in enumerate([1] * 10 + [5] * 5 + [40] * 5)]
    _, validation = stratified_split(images, 0.2, seed)
    assert sorted(one.objects for one in validation) == [1, 1, 5, 40]


@given(st.integers(0, 1000))
def test_both_parts_have_every_collection(seed):
    images = [with_objects(f"{number}.jpg", number % 3, "ab"[number % 2]) for number in range(20)]
    _, validation = stratified_split(images, 0.2, seed)
    assert sorted(one.collection for one in validation) == ["a", "a", "b", "b"]


@given(st.integers(0, 50))
def test_one_image_under_two_names_stays_on_one_side(seed):
    twice = [image(f"copy of {number}.jpg", f"/data/{number}.jpg") for number in range(100)]
    training, validation = stratified_split(HUNDRED + twice, 0.5, seed)
    assert not {labelled.path for labelled in training} & {labelled.path for labelled in validation}
    assert stratified_split([HUNDRED[0], twice[0]], 0.5, seed) == ([HUNDRED[0], twice[0]], [])


def test_links_are_followed(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    training, validation = stratified_split([image("a.jpg", tmp=tmp_path), image("b.jpg", tmp=tmp_path)], 0.5, 0)
    assert (len(training), len(validation)) == (2, 0)


def test_nothing_divided_is_nothing():
    assert stratified_split([], 0.5, 0) == ([], [])


def test_names_that_are_no_text():
    assert stratified_split([image("\udcff.jpg")], 0.5, 0)[0]


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan"), True, "0.1", None])
def test_fractions_that_leave_a_side_empty_are_told(fraction):
    with pytest.raises(SettingsError, match="validation_fraction"):
        stratified_split(HUNDRED, fraction, 0)


@pytest.mark.parametrize("seed", [1.0, None, "0", True])
def test_seeds_are_whole_numbers(seed):
    with pytest.raises(SettingsError, match="seed"):
        stratified_split(HUNDRED, 0.1, seed)
