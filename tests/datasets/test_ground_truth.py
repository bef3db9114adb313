"""Ground truth as values, and its division into training and validation."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from samara.datasets.ground_truth import LabelledImage, split_by_image
from samara.errors import DatasetError, ImageError, SettingsError
from samara.images.settings import ImageReading


def image(name, path=None, tmp="/data"):
    return LabelledImage(Path(path or f"{tmp}/{name}"), (4, 6), (), name, None)


def names_of(side):
    return [labelled.name for labelled in side]


HUNDRED = [image(f"{number}.jpg") for number in range(100)]
NAMES = st.lists(
    st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1), unique=True, max_size=30
)


def test_values_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        HUNDRED[0].name = "other"


def test_sizes_are_compared():
    HUNDRED[0].check_size((4, 6))
    HUNDRED[0].check_size([4, 6])
    with pytest.raises(DatasetError, match=r"0\.jpg.*5 x 6 pixels.*4 x 6"):
        HUNDRED[0].check_size((5, 6))
    with pytest.raises(DatasetError, match=r"6 x 4 pixels.*4 x 6.*EXIF"):
        HUNDRED[0].check_size((6, 4))


@given(NAMES, st.floats(0.01, 0.99), st.integers())
def test_every_image_is_on_one_side(names, fraction, seed):
    images = [image(name) for name in names]
    training, validation = split_by_image(images, fraction, seed)
    assert sorted(names_of(training) + names_of(validation)) == sorted(names)
    if len(names) >= 2:
        assert training
        assert validation
    assert len(names) != 1 or not validation


def test_the_order_given_is_kept_and_plays_no_part():
    training, validation = split_by_image(HUNDRED, 0.3, 0)
    assert training == [labelled for labelled in HUNDRED if labelled in training]
    assert split_by_image(HUNDRED[::-1], 0.3, 0) == (training[::-1], validation[::-1])
    assert split_by_image(iter(HUNDRED), 0.3, 0) == (training, validation)


def test_the_division_is_the_same_everywhere():
    # Written down once: another machine, version or hash seed must not divide otherwise.
    assert names_of(split_by_image(HUNDRED[:12], 0.25, 7)[1]) == ["3.jpg", "9.jpg", "11.jpg"]


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_the_fraction_is_met_roughly_and_the_seed_matters(fraction):
    thousand = [image(f"{number}.jpg") for number in range(1000)]
    sides = [split_by_image(thousand, fraction, seed) for seed in (0, 1)]
    for _, validation in sides:
        assert len(validation) == pytest.approx(1000 * fraction, abs=60)
    assert sides[0] != sides[1]


@given(st.integers(2, 60), st.integers(0, 5))
def test_images_added_later_move_no_others(count, seed):
    before = split_by_image(HUNDRED[:40], 0.4, seed)
    after = split_by_image(HUNDRED[:40] + [image(f"new {number}.png") for number in range(count)], 0.4, seed)
    for side_before, side_after in zip(before, after, strict=True):
        assert set(side_before) <= set(side_after)


@given(st.integers(0, 50))
def test_one_image_under_two_names_stays_on_one_side(seed):
    twice = [image(f"copy of {number}.jpg", f"/data/{number}.jpg") for number in range(100)]
    training, validation = split_by_image(HUNDRED + twice, 0.5, seed)
    assert not {labelled.path for labelled in training} & {labelled.path for labelled in validation}
    assert split_by_image([HUNDRED[0], twice[0]], 0.5, seed) == ([HUNDRED[0], twice[0]], [])


def test_links_are_followed(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    training, validation = split_by_image([image("a.jpg", tmp=tmp_path), image("b.jpg", tmp=tmp_path)], 0.5, 0)
    assert (len(training), len(validation)) == (2, 0)


def test_nothing_divided_is_nothing():
    assert split_by_image([], 0.5, 0) == ([], [])


def test_names_that_are_no_text():
    assert split_by_image([image("\udcff.jpg")], 0.5, 0)[0]


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan"), True, "0.1", None])
def test_fractions_that_leave_a_side_empty_are_told(fraction):
    with pytest.raises(SettingsError, match="validation_fraction"):
        split_by_image(HUNDRED, fraction, 0)


@pytest.mark.parametrize("seed", [1.0, None, "0", True])
def test_seeds_are_whole_numbers(seed):
    with pytest.raises(SettingsError, match="seed"):
        split_by_image(HUNDRED, 0.1, seed)


def test_images_are_read_as_was_said(tmp_path):
    deep = np.full((4, 6), 1000, np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.png")
    labelled = image("a.png", tmp=tmp_path)
    with pytest.raises(ImageError, match="value_range"):
        labelled.pixels()
    said = dataclasses.replace(labelled, reading=ImageReading((0, 2000)))
    assert said.pixels()[0, 0].tolist() == [128] * 3
    with pytest.raises(DatasetError, match="4 x 6 pixels"):
        dataclasses.replace(said, size_hw=(5, 6)).pixels()
