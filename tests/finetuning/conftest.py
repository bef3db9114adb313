"""A network small enough to train in a test, and images that it can learn from."""

from __future__ import annotations

from dataclasses import asdict, replace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

import samara
from samara.datasets.ground_truth import Instance, LabelledImage
from samara.engines.loaded import Loaded, Provenance
from samara.finetuning.loop import fine_tune
from samara.finetuning.settings import FineTuneSettings, LossWeights, PromptSimulation
from samara.masks.rle import encode_mask
from samara.networks.architectures import ViTConfig
from samara.networks.hq_mask_decoder import HqMaskDecoder
from samara.networks.mask_decoder import MaskDecoder
from samara.networks.prompt_encoder import PromptEncoder
from samara.networks.sam import Sam
from samara.networks.two_way_transformer import TwoWayTransformer
from samara.networks.variants import VARIANTS
from samara.networks.vit import ImageEncoderViT

SIDE = 128

FEW_STEPS = FineTuneSettings(
    epochs=2,
    learning_rate=1e-3,
    augmentations=(),
    ema_decay=None,
    patience=None,
    losses=LossWeights(focal=0, cross_entropy=0.5),
    simulation=PromptSimulation(rounds=1, rounds_without_points=0),
)


@pytest.fixture
def tiny():
    """See `make_tiny`."""
    return make_tiny()


@pytest.fixture
def tiny_hq():
    """The same as an HQ-SAM."""
    return make_tiny(early_block=0)


def make_tiny(early_block=None):
    """A SAM of a few hundred thousand weights at 128 px, on the CPU."""
    encoder = ViTConfig(embed_dim=32, depth=1, num_heads=2, global_attention_blocks=(0,), early_block=early_block)
    variant = VARIANTS["vit_b"] if early_block is None else replace(VARIANTS["hq_vit_b"], image_encoder=encoder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformer = TwoWayTransformer(depth=1, mlp_dim=64)
        network = Sam(
            image_encoder=ImageEncoderViT(input_size=SIDE, **asdict(encoder)),
            prompt_encoder=PromptEncoder(input_image_size=(SIDE, SIDE), image_embedding_size=(SIDE // 16, SIDE // 16)),
            mask_decoder=MaskDecoder(transformer=transformer)
            if early_block is None
            else HqMaskDecoder(transformer=transformer, early_channels=encoder.embed_dim),
        ).eval()
    return Loaded(
        network=network,
        variant=variant,
        provenance=Provenance("tiny", None, "Apache-2.0", "random"),
        input_size=SIDE,
        pred_iou_thresh=0.0,
        stability_score_thresh=0.0,
        device="cpu",
        precision="float32",
    )


def draw(seed, folder, objects=2, size=(96, 128)):
    """A noisy image with bright rectangles, and their masks."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 60, (*size, 3), dtype=np.uint8)
    instances = []
    for index in range(objects):
        height, width = rng.integers(24, 40, 2)
        top = int(rng.integers(4, size[0] - height - 4))
        left = int(rng.integers(4, size[1] // objects - 4)) + index * size[1] // objects
        mask = np.zeros(size, dtype=bool)
        mask[top : top + height, left : min(left + width, size[1])] = True
        image[mask] = 255 - image[mask]
        instances.append(Instance(encode_mask(mask), "bright"))
    path = folder / f"{seed}.png"
    Image.fromarray(image).save(path)
    return LabelledImage(path, size, tuple(instances), path.name, None)


@pytest.fixture
def images(tmp_path):
    return [draw(seed, tmp_path) for seed in range(4)]


def draw_rings(seed, folder, side=160):
    """Four coloured rings on noise: a shape with a hole, which no network expects of a click on its band."""
    rng = np.random.default_rng(seed)
    image = rng.integers(90, 140, (side, side, 3), dtype=np.uint8)
    instances = []
    for index in range(4):
        row, column = divmod(index, 2)
        centre = [(2 * place + 1) * side // 4 + int(rng.integers(-6, 7)) for place in (column, row)]
        band = np.zeros((side, side), np.uint8)
        cv2.circle(band, centre, int(rng.integers(18, 30)), 1, int(rng.integers(6, 10)))
        image[band > 0] = rng.integers(0, 256, 3)
        instances.append(Instance(encode_mask(band > 0), "ring"))
    path = folder / f"rings{seed}.png"
    Image.fromarray(image).save(path)
    return LabelledImage(path, (side, side), tuple(instances), path.name, None)


def assert_updates_apart_are_the_merged_ones(file, input_size, folder):
    """Low-rank updates in a file of their own, folded in by `load`, give the weights of the run that merged them."""
    image = draw(1, folder)
    options = {"device": "cpu", "precision": "float32", "input_size": input_size}
    loaded = samara.load(file, **options)
    settings = replace(FEW_STEPS, trained="lora", lora_apart=True, lora_rank=2)
    result = fine_tune(loaded, [image], [image], folder / "updates.safetensors", settings)
    whole = samara.load(file, **options, lora=result.path)
    merged = fine_tune(loaded, [image], [image], folder / "merged.pt", replace(settings, lora_apart=False))
    expected = samara.load(merged.path, **options).network.state_dict()
    for name, one in whole.network.state_dict().items():
        torch.testing.assert_close(one, expected[name])
