"""Numbers of architectures: those of YOLO are the published scales."""

from __future__ import annotations

from dataclasses import fields
from inspect import signature

import pytest

from samara.networks.architectures import YOLO11, YOLOV8, TinyViTConfig, ViTConfig, YoloSegConfig
from samara.networks.tiny_vit import TinyViT
from samara.networks.vit import ImageEncoderViT
from samara.networks.yolo_seg import YoloSeg


@pytest.mark.parametrize(
    ("config", "network"),
    [
        (ViTConfig, ImageEncoderViT),
        (TinyViTConfig, TinyViT),
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
