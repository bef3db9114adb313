"""How good the network is on images that were held back, by domain; quick enough to be asked during a leg."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch

from samara.finetuning.examples import MIN_CELLS, on_grid
from samara.finetuning.validation import Sample, Validation, validate
from samara.images.preprocessing import Frame
from samara.networks.sam import Sam
from samara.networks.variants import Preprocessing
from training.batches import DOMAIN_OF, normalised
from training.packed_set import Image, PackedSet

_OBJECTS_PER_IMAGE = 6


@dataclass(frozen=True)
class Split:
    """Which images are trained on and which are held back."""

    trained: npt.NDArray[np.int64]
    held_back: npt.NDArray[np.int64]


def split(data: PackedSet, per_source: int = 8) -> Split:
    """Hold back a few images of each source that has ten times as many; the same ones always."""
    held: list[int] = []
    for source in range(len(data.sources)):
        here = np.flatnonzero(data.source_of == source)
        if len(here) >= 10 * per_source:
            held += np.random.default_rng(source).choice(here, per_source, replace=False).tolist()
    held_back = np.array(sorted(held))
    return Split(np.setdiff1d(np.arange(len(data)), held_back), held_back)


def validate_by_domain(
    network: Sam, data: PackedSet, images: npt.NDArray[np.int64], size: int, preprocessing: Preprocessing
) -> dict[str, Validation]:
    """Centre click and box IoU on the low-res grid, mean over the objects of a domain."""
    network.eval()
    found: dict[str, list[Sample]] = {}
    for index in images.tolist():
        domain = DOMAIN_OF.get(data.sources[data.source_of[index]], "natural")
        found.setdefault(domain, []).append(_sample(network, data, index, size, preprocessing))
    return {domain: validate(network, samples) for domain, samples in found.items()}


def _sample(network: Sam, data: PackedSet, index: int, size: int, preprocessing: Preprocessing) -> Sample:
    device = next(network.parameters()).device
    chosen = np.random.default_rng(index).permutation(len(data.masks[index]))[:_OBJECTS_PER_IMAGE].tolist()
    grids = [on_grid(mask, Frame((mask.shape[0], mask.shape[1]), size)) for mask in data.some_masks(index, chosen)]
    kept = [grid for grid in grids if grid.sum() >= MIN_CELLS]
    pixels, (h, w) = fitted(data.image(index), size)
    images = normalised(torch.from_numpy(pixels)[None].to(device), preprocessing)
    images[:, :, h:] = 0
    images[:, :, :, w:] = 0
    with torch.inference_mode():
        features = network.image_encoder(images)[0]
    side = size // 4
    valid = torch.zeros(side, side, dtype=torch.bool, device=device)
    valid[: max(1, round(h / 4)), : max(1, round(w / 4))] = True
    targets = np.stack(kept) if kept else np.zeros((0, side, side), dtype=bool)
    return Sample(features, torch.from_numpy(targets).to(device), valid)


def fitted(image: Image, size: int) -> tuple[Image, tuple[int, int]]:
    """The image in the upper left corner of a square, and its height and width there."""
    H, W = image.shape[:2]  # noqa: N806
    scale = size / max(H, W)
    h, w = round(H * scale), round(W * scale)
    canvas = np.zeros((size, size, 3), dtype=np.uint8)
    canvas[:h, :w] = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return canvas, (h, w)
