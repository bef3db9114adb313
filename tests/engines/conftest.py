"""Small networks of every kind, and a cache directory that lives as long as the tests."""

from __future__ import annotations

import dataclasses
import logging

import pytest
import torch

from samara.checkpoints.load import random_network
from samara.engines.loaded import Loaded, Provenance
from samara.networks.architectures import (
    EfficientViTConfig,
    HieraConfig,
    PlainViTConfig,
    RepViTConfig,
    TinyViTConfig,
    ViTConfig,
)
from samara.networks.variant import CELL
from samara.networks.variants import VARIANTS

VIT = ViTConfig(embed_dim=48, depth=2, num_heads=2, global_attention_blocks=(1,))
TINY = TinyViTConfig(depths=(1, 1, 1, 1))
HIERA = HieraConfig(embed_dim=16, num_heads=1, depths=(1, 1, 2, 1), global_attention_blocks=(3,))
EFFICIENTVIT = EfficientViTConfig(widths=(8, 8, 16, 16, 32), depths=(1, 1, 1, 1, 1), neck_depth=1)
REPVIT = RepViTConfig(widths=(8, 16, 24, 32), depths=(3, 3, 4, 3), strides=(1, 2, 2, 2), branches="normed")
PLAIN = PlainViTConfig(embed_dim=48, depth=2, num_heads=3)
SMALL = {
    "vit_b": VIT,
    "vit_t": TINY,
    "hq_vit_b": dataclasses.replace(VIT, early_block=1),
    "hq_vit_t": dataclasses.replace(TINY, early_stage=1),
    "sam2.1_hiera_t": HIERA,
    "sam2.1_hq_hiera_l": HIERA,
    "efficientvit_sam_l0": EFFICIENTVIT,
    "edge_sam": REPVIT,
    "repvit_sam": dataclasses.replace(REPVIT, strides=(1, 2, 2, 1), branches="normed sum"),
    "efficient_sam_ti": PLAIN,
    "lite_medsam": dataclasses.replace(TINY, stem_stride=1, num_classes=0),
    "sam_med2d_b": dataclasses.replace(VIT, adapter_width=12),
}
"""The kinds of image encoder, few blocks of each."""


def small(name, input_size=240, **more):
    """A checkpoint of that variant's kind with random weights; 240 px make a grid of 15, no multiple of a window.

    Where the variant asks for a larger multiple, the input is larger; where its cells are smaller, it is smaller.
    """
    variant = dataclasses.replace(VARIANTS[name], image_encoder=SMALL[name])
    input_size = input_size * variant.frame_cell // CELL
    input_size += -input_size % variant.preprocessing.multiple
    network = random_network(variant, input_size, seed=7)
    generator = torch.Generator().manual_seed(3)
    for parameter_name, parameter in network.named_parameters():
        if not parameter.detach().any():  # what networks start at zero would hide faults
            with torch.no_grad():
                parameter.normal_(std=0.02, generator=generator)
        assert parameter.detach().any(), parameter_name
    settings = {"device": "cpu", "precision": "float32"} | more
    return Loaded(network, variant, Provenance("random", None, None, "random"), input_size, 0.88, 0.95, **settings)


# pytest listens to every logger, and PyTorch's exporter then writes its own life down at length.
logging.getLogger("torch.__trace").propagate = False


@pytest.fixture(scope="session")
def cache_home(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cache(cache_home, monkeypatch):
    """Conversions are made once for all tests, and nothing of the user's is touched."""
    monkeypatch.setenv("SAMARA_CACHE", str(cache_home))
