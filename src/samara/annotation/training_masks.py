"""`samara.generate_training_masks`: masks of images in memory, in the official record format, image by image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from samara.annotation.run.settings import TRAINING_MASKS
from samara.checkpoints.load import load
from samara.engines.loaded import Loaded
from samara.images.read import ImageSource
from samara.masks.mask_set import MaskSet
from samara.segmentation.automatic.generator import AutomaticMaskGenerator

_RECORD = ("area", "bbox", "predicted_iou", "point_coords", "stability_score", "crop_box")


def generate_training_masks(
    images: Iterable[ImageSource],
    sam_checkpoint: str | Loaded = "vit_l",
    **settings: Any,  # Any: values of the fields of AutomaticSettings
) -> Iterator[list[dict[str, Any]]]:
    """Generate masks of everything in images, for training data.

    Streams: an image is taken from `images` only when its masks are requested, and is not kept. For data sets on
    disk, use `samara annotate`, which has a store that survives interruptions.

    Args:
        images: list or generator of anything `samara.read_image` takes, such as arrays (H, W, 3) RGB uint8.
        sam_checkpoint: name or file of a checkpoint, or a loaded one. It is loaded immediately, so that an
            error is raised before the first image.
        settings: changes to the defaults: 32 points per side, predicted IoU 0.86, stability score 0.92; see
            `AutomaticSettings`.

    Returns:
        The masks of each image, each with `segmentation` (H, W) bool, `area`, `bbox` (x, y, width, height),
        `predicted_iou`, `point_coords`, `stability_score` and `crop_box`.

    Raises:
        SettingsError: a setting is invalid.
        UnknownCheckpoint: the checkpoint is not on this machine; the message says how to download it.
        ImageError: an image cannot be read.
    """
    loaded = sam_checkpoint if isinstance(sam_checkpoint, Loaded) else load(sam_checkpoint)
    generator = AutomaticMaskGenerator(loaded, replace(TRAINING_MASKS, **settings))
    return (_records(generator.generate(image)) for image in images)


def _records(masks: MaskSet) -> list[dict[str, Any]]:
    return [
        {"segmentation": masks.mask(index)} | {name: record[name] for name in _RECORD}
        for index, record in enumerate(masks.to_coco())
    ]
