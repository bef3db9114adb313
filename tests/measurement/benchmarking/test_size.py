"""Sizes against the table of variants and against arithmetic by hand."""

from __future__ import annotations

import pytest
import torch

from samara.measurement.benchmarking.size import count_flops, encoder_of, sizes
from samara.networks.build import build_network
from samara.networks.variants import VARIANTS, runnable_names
from samara.networks.vit import ImageEncoderViT

MULTIPLY_ADD = 2


def vit_flops(variant, side=1024):
    """Floating-point operations of SAM's image encoder, written out."""
    config = variant.image_encoder
    width, grid, window = config.embed_dim, side // 16, 14
    tokens, windows = grid * grid, -(-grid // window)
    padded = (windows * window) ** 2
    total = tokens * (16 * 16 * 3) * width  # patches
    for block in range(config.depth):
        is_global = block in config.global_attention_blocks
        seen, sequence, axis = (tokens, tokens, grid) if is_global else (padded, window**2, window)
        total += seen * width * 3 * width + seen * width * width  # query, key, value; projection
        total += 2 * seen * sequence * width  # scores, and values by them
        total += 2 * seen * axis * width  # relative positions, rows and columns
        total += 2 * tokens * width * 4 * width  # MLP
    total += tokens * (width * 256 + 9 * 256 * 256)  # neck
    return MULTIPLY_ADD * total


# Of the large ones, layer by layer, counting takes seconds.
def with_large_ones_slow(names, *further):
    slow = ("_l", "_h", "_x", "l_seg", "x_seg", *further)
    return [pytest.param(name, marks=pytest.mark.slow) if name.endswith(slow) else name for name in names]


@pytest.mark.parametrize("name", with_large_ones_slow(["vit_b", "vit_l", "vit_h"]))
def test_the_work_of_sams_encoders_is_counted_as_by_hand(name):
    with torch.device("meta"):
        encoder = build_network(VARIANTS[name]).image_encoder
    assert count_flops(encoder, 1024) == pytest.approx(vit_flops(VARIANTS[name]), rel=1e-6)


def test_the_smallest_of_them_takes_972_gigaflops():
    numbers = {number.metric: number.value for number in sizes(VARIANTS["vit_b"], 1024, 375_042_383)}
    assert numbers["encoder_flops"] / 1e9 == pytest.approx(972, abs=0.5)
    assert numbers["parameters"] == 93_735_472
    assert numbers["encoder_parameters"] == pytest.approx(89.67e6, rel=1e-4)
    assert numbers["file_bytes"] == 375_042_383


OF_EACH_KIND = {
    "vit_t",
    "sam2.1_hiera_t",
    "efficientvit_sam_l0",
    "efficient_sam_ti",
    "edge_sam",
    "lite_medsam",
    "fastsam_s",
    "yolov8n_seg",
    "yolo11n_seg",
}


@pytest.mark.parametrize(
    "name",
    [name if name in OF_EACH_KIND else pytest.param(name, marks=pytest.mark.slow) for name in runnable_names()],
)
def test_parameters_are_those_of_the_table(name):
    variant = VARIANTS[name]
    numbers = {number.metric: number for number in sizes(variant, variant.preprocessing.input_size, None)}
    assert numbers["parameters"].value == variant.parameters
    assert 0 < numbers["encoder_parameters"].value <= variant.parameters
    assert numbers["encoder_flops"].value > 1e9
    assert numbers["file_bytes"].status == "not applicable"


def test_a_network_runs_on_its_own_device():
    encoder = ImageEncoderViT(input_size=64, embed_dim=32, depth=1, num_heads=2, global_attention_blocks=(0,))
    with torch.device("meta"):
        same = ImageEncoderViT(input_size=64, embed_dim=32, depth=1, num_heads=2, global_attention_blocks=(0,))
    assert count_flops(encoder.eval(), 64) == count_flops(same.eval(), 64) > 0
    assert encoder_of(encoder) is encoder
