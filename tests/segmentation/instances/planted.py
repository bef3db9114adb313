"""Detections planted where a network would give them, so that the whole way from image to masks can be checked."""

from __future__ import annotations

import torch

from samara.networks.yolo_seg import STRIDES, RawInstances
from samara.segmentation.instances.letterbox import Letterbox


class PlantedEngine:
    """Gives discs: (x, y, radius) in pixels of the image, class and logit of each; one prototype for each.

    Attributes:
        seen: the network inputs it was given.
    """

    def __init__(self, letterbox: Letterbox, discs, classes):
        self.letterbox, self.discs, self.classes, self.seen = letterbox, discs, classes, []

    def find(self, images):
        self.seen.append(images)
        h, w = images.shape[-2:]
        places = sum((h // stride) * (w // stride) for stride in STRIDES)
        raw = RawInstances(
            distances=torch.zeros(1, 4, places),
            class_logits=torch.full((1, self.classes, places), -20.0),
            coefficients=torch.zeros(1, 32, places),
            prototypes=torch.zeros(1, 32, h // 4, w // 4),
        )
        y, x = torch.meshgrid(torch.arange(h // 4) * 4 + 2.0, torch.arange(w // 4) * 4 + 2.0, indexing="ij")
        for number, (centre_x, centre_y, radius, label, logit) in enumerate(self.discs):
            (scale, _), (left, top) = self.letterbox.scale_xy, self.letterbox.corner_xy
            middle_x, middle_y, reach = centre_x * scale + left, centre_y * scale + top, radius * scale
            raw.prototypes[0, number] = reach - ((x - middle_x) ** 2 + (y - middle_y) ** 2).sqrt()
            # Each in a place of its own, also where several have the same middle.
            column, row = min(int(middle_x // 8) + number, w // 8 - 1), int(middle_y // 8)
            place = row * (w // 8) + column
            to_x, to_y = (column + 0.5) * 8, (row + 0.5) * 8
            corners = (
                to_x - middle_x + reach,
                to_y - middle_y + reach,
                middle_x + reach - to_x,
                middle_y + reach - to_y,
            )
            raw.distances[0, :, place] = torch.tensor(corners) / 8
            raw.class_logits[0, label, place] = logit
            raw.coefficients[0, number, place] = 1
        return raw


def disc(size_hw, x, y, radius):
    """Pixels whose centres lie within the radius."""
    rows, columns = torch.meshgrid(torch.arange(size_hw[0]) + 0.5, torch.arange(size_hw[1]) + 0.5, indexing="ij")
    return (((columns - x) ** 2 + (rows - y) ** 2) < radius**2).numpy()
