"""Numbers of architectures: those of YOLO are the published scales, those of Hiera have three global blocks each."""

from __future__ import annotations

from dataclasses import fields
from inspect import signature

import pytest

from samara.networks.architectures import (
    EFFICIENTVIT,
    HIERA,
    YOLO11,
    YOLOV8,
    EfficientViTConfig,
    HieraConfig,
    RepViTConfig,
    TinyViTConfig,
    ViTConfig,
    YoloSegConfig,
)
from samara.networks.efficientvit import EfficientViT
from samara.networks.hiera import Hiera
from samara.networks.repvit import RepViT
from samara.networks.tiny_vit import TinyViT
from samara.networks.vit import ImageEncoderViT
from samara.networks.yolo_seg import YoloSeg


@pytest.mark.parametrize(
    ("config", "network"),
    [
        (ViTConfig, ImageEncoderViT),
        (TinyViTConfig, TinyViT),
        (HieraConfig, Hiera),
        (EfficientViTConfig, EfficientViT),
        (RepViTConfig, RepViT),
        (YoloSegConfig, YoloSeg),
    ],
)
def test_numbers_are_arguments_of_the_network(config, network):
    assert {field.name for field in fields(config)} <= set(signature(network).parameters)


def test_scales_of_yolo_are_the_published_ones():
    assert {size: (config.depth, config.width, config.max_channels) for size, config in YOLOV8.items()} == {
        "n": (0.33, 0.25, 1024),
        "s": (0.33, 0.50, 1024),
        "m": (0.67, 0.75, 768),
        "l": (1.00, 1.00, 512),
        "x": (1.00, 1.25, 512),
    }
    assert list(YOLO11) == list("nsmlx")
    assert {config.generation for config in YOLO11.values()} == {"11"}


@pytest.mark.parametrize(("size", "blocks"), [("t", 12), ("s", 16), ("b+", 24), ("l", 48)])
def test_the_global_blocks_of_hiera_are_in_stage_three(size, blocks):
    config = HIERA[size]
    assert sum(config.depths) == blocks
    first = config.depths[0] + config.depths[1]
    assert len(config.global_attention_blocks) == 3
    assert all(first < index < first + config.depths[2] for index in config.global_attention_blocks)


@pytest.mark.parametrize(("size", "stride"), [("l0", 8), ("l1", 8), ("l2", 8), ("xl0", 16), ("xl1", 16)])
def test_numbers_of_efficientvit_are_one_for_each_stage(size, stride):
    config = EFFICIENTVIT[size]
    assert len({len(one) for one in (config.widths, config.depths, config.kinds, config.expansions)}) == 1
    assert config.stride == stride
