"""Network outputs to detections: boxes, confidences and NMS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.masks.suppression import box_nms
from samara.networks.yolo_seg import STRIDES, RawInstances

# Candidates per wanted instance in the first NMS pass, which usually suffices, instead of thousands.
CANDIDATES_PER_INSTANCE = 4


@dataclass(frozen=True)
class Detections:
    """Detections of K instances in one image, the most confident first.

    Attributes:
        boxes_xyxy: (K, 4) float32 in pixels of the network input.
        confidence: (K,) float32, in [0, 1].
        class_index: (K,) int64.
        coefficients: (K, 32) coefficients of the prototypes, on the network's device.
    """

    boxes_xyxy: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    class_index: npt.NDArray[np.int64]
    coefficients: Tensor


def boxes_of_distances(distances: Tensor, input_size_hw: tuple[int, int]) -> Tensor:
    """Turn distances into boxes.

    Args:
        distances: (B, 4, A) distances from each anchor to left, top, right and bottom, in cells of its grid.
        input_size_hw: (h, w) of the network input.

    Returns:
        (B, A, 4) xyxy in pixels of the network input.
    """
    centres, strides = _places(input_size_hw, distances.device)
    left_top, right_bottom = distances.mT[..., :2], distances.mT[..., 2:]  # (B, A, 2) each
    return torch.cat([centres - left_top * strides, centres + right_bottom * strides], dim=2)


def _places(input_size_hw: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return anchor points (A, 2) and strides (A, 1) in pixels, in the network's order."""
    centres, strides = [], []
    for stride in STRIDES:
        h, w = (side // stride for side in input_size_hw)
        y, x = torch.meshgrid(torch.arange(h, device=device), torch.arange(w, device=device), indexing="ij")
        centres.append((torch.stack([x, y], dim=-1).view(-1, 2) + 0.5) * stride)
        strides.append(torch.full((h * w, 1), float(stride), device=device))
    return torch.cat(centres), torch.cat(strides)


def decode_instances(
    raw: RawInstances,
    index: int,
    input_size_hw: tuple[int, int],
    *,
    confidence_thresh: float,
    box_nms_thresh: float,
    max_instances: int,
) -> Detections:
    """Detect the instances of one image.

    The class of an anchor is the one with the highest confidence. NMS is per class.

    Args:
        raw: network outputs of B images.
        index: index of the image.
        input_size_hw: (h, w) of the network input.
        confidence_thresh: confidence at or below which instances are dropped.
        box_nms_thresh: box IoU above which the less confident of two instances of a class is dropped.
        max_instances: maximum number of instances, the most confident.
    """
    confidence, classes = raw.class_logits[index].sigmoid().max(dim=0)  # (A,) each
    places = (confidence > confidence_thresh).nonzero()[:, 0]
    places = places[confidence[places].argsort(descending=True, stable=True)]
    boxes = boxes_of_distances(raw.distances[index : index + 1], input_size_hw)[0, places].cpu().numpy()
    scores = confidence[places].cpu().numpy()
    labels = classes[places].cpu().numpy()
    kept = _best(boxes, scores, labels, box_nms_thresh, max_instances)
    chosen = places[torch.from_numpy(kept).to(places.device)]
    return Detections(boxes[kept], scores[kept], labels[kept], raw.coefficients[index][:, chosen].T)


def _best(
    boxes: npt.NDArray[np.float32],
    scores: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    iou_thresh: float,
    most: int,
) -> npt.NDArray[np.int64]:
    """Run NMS per class on boxes in descending order of confidence, and keep the first.

    The result for the first boxes does not depend on later ones, so NMS starts with few.
    """
    seen = CANDIDATES_PER_INSTANCE * most
    while True:
        first = slice(0, seen)
        kept = np.sort(
            np.concatenate(
                [np.zeros(0, dtype=np.int64)]
                + [
                    own[box_nms(boxes[own], scores[own], iou_thresh)]
                    for own in (np.flatnonzero(labels[first] == label) for label in np.unique(labels[first]))
                ]
            )
        )
        if len(kept) >= most or seen >= len(boxes):
            return kept[:most]
        seen *= 2
