"""The held-out share is exact, spread over object counts and collections, and independent of the order."""

from __future__ import annotations

from pathlib import Path

import pytest

from samara.datasets.ground_truth import LabelledImage
from samara.finetuning.split import held_out_count, sizes_of, stratified_split


def image(number, objects=1, collection=None):
    name = f"{number}.jpg"
    return LabelledImage(Path("/images") / name, (4, 4), (None,) * objects, name, None, collection)


@pytest.mark.parametrize(
    ("files", "fraction", "count"),
    [(20, 0.2, 4), (6, 0.2, 3), (5, 0.2, 1), (2, 0.9, 1), (1, 0.5, 0), (0, 0.5, -1), (100, 0.25, 25)],
)
def test_the_share_is_exact(files, fraction, count):
    assert held_out_count(files, fraction) == count
    training, held_out = stratified_split([image(number) for number in range(files)], fraction, 0)
    assert (len(training), len(held_out)) == (files - max(count, 0), max(count, 0))


@pytest.mark.parametrize("seed", range(5))
def test_it_is_spread_over_objects_and_collections(seed):
    images = [image(number, 10 if number % 2 else 1, "ab"[number // 10]) for number in range(20)]
    held_out = stratified_split(images, 0.2, seed)[1]
    found = sorted((one.collection, len(one.instances)) for one in held_out)
    assert found == [
        ("a", 1),
        ("a", 10),
        ("b", 1),
        ("b", 10),
    ]


def test_the_order_does_not_matter_but_the_seed_does():
    images = [image(number, number % 3) for number in range(30)]
    training, held_out = stratified_split(images, 0.2, 0)
    assert stratified_split(images[::-1], 0.2, 0) == (training[::-1], held_out[::-1])
    assert stratified_split(images, 0.2, 1) != (training, held_out)


def test_entries_of_one_file_stay_together():
    images = [image(number % 10) for number in range(20)]
    training, held_out = stratified_split(images, 0.3, 0)
    assert not {one.path for one in training} & {one.path for one in held_out}
    assert len(held_out) == 6


def test_the_sizes_are_said():
    sizes = sizes_of([image(number, 3) for number in range(16)], [image(99, 7)])
    assert sizes.title == "16 images with 48 objects for training, 1 with 7 for validation"
