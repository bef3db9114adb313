"""What follows from a variant's numbers."""

from __future__ import annotations

import pytest

from samara.networks.variants import VARIANTS


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_a_variant_embeds_images_or_finds_classes(name):
    variant = VARIANTS[name]
    assert variant.embeds_images == (not variant.class_names)
    assert variant.embeds_images == (variant.preprocessing.fit != "letterbox")


def test_another_input_size_has_other_positions():
    mini = VARIANTS["vit_b"]
    assert mini.at_input_size(1024) is mini
    smaller = mini.at_input_size(512)
    assert (smaller.preprocessing.input_size, smaller.parameters) == (512, None)


def test_a_detector_for_other_classes():
    coco = VARIANTS["yolo11n_seg"]
    assert coco.with_classes(coco.class_names) is coco
    renamed = coco.with_classes(tuple(f"class {index}" for index in range(80)))
    assert (renamed.detector, renamed.parameters) == (coco.detector, coco.parameters)
    own = coco.with_classes(("nut", "bolt"))
    assert (own.detector.classes, own.class_names, own.parameters) == (2, ("nut", "bolt"), None)
    assert VARIANTS["vit_b"].with_classes(("nut",)) is VARIANTS["vit_b"]
