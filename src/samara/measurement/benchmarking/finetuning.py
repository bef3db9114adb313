"""One step of fine-tuning a mask decoder on drawn images, for its memory: what `samara finetune` does, but shorter.

The content of images and masks does not change what a step needs; their number and the size of the network's input do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import numpy as np

from samara.datasets.ground_truth import Instance, LabelledImage
from samara.engines.kinds import AUTO, TORCH
from samara.engines.loaded import Loaded
from samara.finetuning.loop import fine_tune
from samara.finetuning.settings import FineTuneSettings, TrainingPrecision
from samara.images.encode import png_bytes
from samara.masks.rle import encode_mask
from samara.measurement.benchmarking.images import draw_image
from samara.measurement.records.records import Subject
from samara.networks.variants import VARIANTS

ONE_STEP = FineTuneSettings(epochs=1, augmentations=())
"""One epoch over one step's images; the rest as by default."""


def why_not_fine_tuned(subject: Subject) -> str:
    """Return why a checkpoint is not fine-tuned as it runs; empty if it is."""
    variant = VARIANTS.get(subject.variant)
    if variant is not None and not variant.embeds_images:
        return f"samara does not fine-tune {variant.title}"
    if subject.engine not in (TORCH.name, AUTO):
        return f"fine-tuning runs in PyTorch, not in {subject.engine}"
    if subject.precision not in get_args(TrainingPrecision):
        return f"fine-tuning computes in {' or '.join(get_args(TrainingPrecision))}, not in {subject.precision}"
    return ""


def fine_tune_by_one_step(loaded: Loaded, precision: TrainingPrecision) -> None:
    """Cache embeddings, train the mask decoder by one step of default settings, and validate it before and after.

    Args:
        loaded: the checkpoint, in float32, with the torch engine; it is not modified.
        precision: precision of the step.
    """
    settings = replace(ONE_STEP, precision=precision)
    with TemporaryDirectory() as folder:
        images = list(_images(Path(folder), settings))
        fine_tune(loaded, images, images[:1], Path(folder) / "checkpoint.safetensors", settings)


def _images(folder: Path, settings: FineTuneSettings) -> Iterator[LabelledImage]:
    """Write a step's images, each with as many objects as a step uses."""
    image = draw_image()
    size_hw = (image.shape[0], image.shape[1])
    instances = tuple(_instances(size_hw, settings.objects_per_image))
    for number in range(settings.images_per_step):
        path = folder / f"{number}.png"
        path.write_bytes(png_bytes(np.roll(image, 100 * number, axis=1)))
        yield LabelledImage(path, size_hw, instances, path.name, None)


def _instances(size_hw: tuple[int, int], count: int) -> Iterator[Instance]:
    """Yield rectangles side by side."""
    H, W = size_hw  # noqa: N806
    width = W // count
    for number in range(count):
        mask = np.zeros(size_hw, dtype=bool)
        mask[H // 4 : 3 * H // 4, number * width + width // 8 : (number + 1) * width - width // 8] = True
        yield Instance(encode_mask(mask), None)
