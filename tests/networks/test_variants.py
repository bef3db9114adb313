"""Variants as data: unique, buildable, and agreeing with the networks they describe."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from samara.errors import WrongCheckpoint
from samara.networks.variants import VARIANTS, build_network, build_sam, runnable_names


def test_names_are_unique_and_their_own_keys():
    assert all(name == variant.name for name, variant in VARIANTS.items())
    assert len({variant.title for variant in VARIANTS.values()}) == len(VARIANTS)


@pytest.mark.parametrize("name", runnable_names())
def test_counts_are_those_of_the_network(name):
    with torch.device("meta"):
        network = build_network(VARIANTS[name])
    assert sum(parameter.numel() for parameter in network.parameters()) == VARIANTS[name].parameters
    assert len(network.state_dict()) == VARIANTS[name].keys


@pytest.mark.parametrize("name", sorted(set(VARIANTS) - set(runnable_names())))
def test_what_cannot_be_run_says_what_can(name):
    with pytest.raises(WrongCheckpoint, match="cannot run .*; `samara checkpoints list` shows"):
        build_network(VARIANTS[name])


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


def test_another_input_size_changes_no_weight():
    with torch.device("meta"):
        own, other = (build_network(VARIANTS["vit_b"], size) for size in (None, 512))
    assert {k: v.shape for k, v in own.state_dict().items()} == {k: v.shape for k, v in other.state_dict().items()}
    assert other.prompt_encoder.input_image_size == (512, 512)
    assert other.prompt_encoder.image_embedding_size == (32, 32)


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


def test_a_detector_is_no_sam():
    with pytest.raises(WrongCheckpoint, match="FastSAM-s finds instances in one pass and has no image encoder"):
        build_sam(VARIANTS["fastsam_s"])
