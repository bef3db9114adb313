"""Variants as data: unique and plausible."""

from __future__ import annotations

import dataclasses

import pytest

from samara.networks.variants import VARIANTS


def test_names_are_unique_and_their_own_keys():
    assert all(name == variant.name for name, variant in VARIANTS.items())
    assert len({variant.title for variant in VARIANTS.values()}) == len(VARIANTS)


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_data_is_plausible(name):
    variant = VARIANTS[name]
    assert variant.preprocessing.input_size % 32 == 0
    assert all(0 <= mean <= 255 for mean in variant.preprocessing.mean)
    assert all(0 < std <= 255 for std in variant.preprocessing.std)
    if not variant.capabilities.points:
        assert not variant.capabilities.negative_points
    assert variant.preprocessing.input_size % variant.preprocessing.multiple == 0
    assert (variant.image_encoder is None) or (variant.detector is None)
    assert bool(variant.class_names) == (variant.detector is not None)
    if variant.detector:
        assert len(variant.class_names) == variant.detector.classes


@pytest.mark.parametrize(
    ("name", "channels"),
    [("vit_b", 0), ("vit_t", 0), ("hq_vit_b", 768), ("hq_vit_l", 1024), ("hq_vit_h", 1280), ("hq_vit_t", 160)],
)
def test_channels_of_early_features(name, channels):
    variant = VARIANTS[name]
    assert variant.early_channels == channels
    assert variant.embedding_channels == 256 + channels


@pytest.mark.parametrize("size", ["b", "l", "h"])
def test_hq_sam_takes_the_output_of_the_first_global_block(size):
    encoder = VARIANTS[f"hq_vit_{size}"].image_encoder
    assert encoder.early_block == encoder.global_attention_blocks[0]
    assert dataclasses.replace(encoder, early_block=None) == VARIANTS[f"vit_{size}"].image_encoder


def test_what_fast_sam_and_yolo_can_be_asked():
    fast, yolo = VARIANTS["fastsam_x"].capabilities, VARIANTS["yolov8x_seg"].capabilities
    assert (fast.points, fast.negative_points, fast.boxes, fast.mask_input) == (True, True, True, False)
    assert not any((yolo.points, yolo.negative_points, yolo.boxes, yolo.mask_input))
