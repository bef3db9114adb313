"""What follows from a variant's numbers."""

from __future__ import annotations

from typing import get_args

import pytest

from samara.networks.variant import FAMILY_TITLES
from samara.networks.variants import VARIANTS, Family


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_a_variant_embeds_images_or_finds_classes(name):
    variant = VARIANTS[name]
    assert variant.embeds_images == (not variant.class_names)
    assert variant.embeds_images == (variant.preprocessing.fit != "letterbox")


def test_every_family_has_a_name_for_people():
    assert set(FAMILY_TITLES) == set(get_args(Family)) >= {variant.family for variant in VARIANTS.values()}


def test_another_input_size_has_other_positions():
    mini = VARIANTS["vit_b"]
    assert mini.at_input_size(1024) is mini
    smaller = mini.at_input_size(512)
    assert (smaller.preprocessing.input_size, smaller.parameters) == (512, None)


@pytest.mark.parametrize(
    ("name", "input_size", "grid", "frame"),
    [
        ("vit_b", 1024, 64, 1024),
        ("vit_t", 512, 32, 512),
        ("sam2.1_hiera_l", 1024, 64, 1024),
        ("efficientvit_sam_l2", 512, 64, 1024),
        ("efficientvit_sam_l2", 256, 32, 512),
        ("efficientvit_sam_xl1", 1024, 64, 1024),
    ],
)
def test_grid_and_input_frame_follow_from_the_stride(name, input_size, grid, frame):
    variant = VARIANTS[name]
    assert (variant.grid(input_size), variant.frame_size(input_size)) == (grid, frame)


def test_a_detector_for_other_classes():
    coco = VARIANTS["yolo11n_seg"]
    assert coco.with_classes(coco.class_names) is coco
    renamed = coco.with_classes(tuple(f"class {index}" for index in range(80)))
    assert (renamed.detector, renamed.parameters) == (coco.detector, coco.parameters)
    own = coco.with_classes(("nut", "bolt"))
    assert (own.detector.classes, own.class_names, own.parameters) == (2, ("nut", "bolt"), None)
    assert VARIANTS["vit_b"].with_classes(("nut",)) is VARIANTS["vit_b"]
