"""What is measured: anything that turns a click or a box into a mask, the network or a baseline without learning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from samara.embeddings import ImageEmbedding
from samara.loaded import Loaded
from samara.predictor import Predictor

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class Answers(Protocol):
    """Answers the prompts on one picture; masks are (N, H, W) bool."""

    def from_clicks(self, picture: Picture, points_xy: npt.NDArray[np.float64]) -> Mask:
        """One mask per point of (N, 2)."""
        ...

    def from_boxes(self, picture: Picture, boxes_xyxy: npt.NDArray[np.float64]) -> Mask:
        """One mask per box of (N, 4)."""
        ...


class NetworkAnswers:
    """A checkpoint: of a click's three masks the one it trusts most, of a box its single mask."""

    def __init__(self, loaded: Loaded) -> None:
        self.predictor = Predictor(loaded)
        self._last: tuple[Picture, ImageEmbedding] | None = None

    def from_clicks(self, picture: Picture, points_xy: npt.NDArray[np.float64]) -> Mask:
        """See `Answers`."""
        found = self.predictor.predict(self._embedding(picture), points=points_xy[:, None], multimask=True)
        best = found.predicted_iou.reshape(-1, 3).argmax(1)
        return np.stack([found.mask(3 * index + int(choice)) for index, choice in enumerate(best)])

    def from_boxes(self, picture: Picture, boxes_xyxy: npt.NDArray[np.float64]) -> Mask:
        """See `Answers`."""
        found = self.predictor.predict(self._embedding(picture), boxes=boxes_xyxy, multimask=False)
        return np.stack([found.mask(index) for index in range(len(found))])

    def _embedding(self, picture: Picture) -> ImageEmbedding:
        """The picture's embedding; clicks and boxes on one picture share it."""
        if self._last is None or self._last[0] is not picture:
            self._last = (picture, self.predictor.embed(picture))
        return self._last[1]


class BoxAsMask:
    """The box itself; a click gets a disc of a tenth of the picture."""

    def from_clicks(self, picture: Picture, points_xy: npt.NDArray[np.float64]) -> Mask:
        """See `Answers`."""
        radius = max(picture.shape[:2]) // 20
        return np.stack(
            [
                cv2.circle(np.zeros(picture.shape[:2], np.uint8), (int(x), int(y)), radius, 1, -1).astype(bool)
                for x, y in points_xy
            ]
        )

    def from_boxes(self, picture: Picture, boxes_xyxy: npt.NDArray[np.float64]) -> Mask:
        """See `Answers`."""
        masks = np.zeros((len(boxes_xyxy), *picture.shape[:2]), dtype=bool)
        for mask, (x0, y0, x1, y1) in zip(masks, boxes_xyxy.astype(int), strict=True):
            mask[y0:y1, x0:x1] = True
        return masks


class Classical:
    """GrabCut from the box, flood fill from the click (OpenCV)."""

    def __init__(self, tolerance: int = 12, iterations: int = 5) -> None:
        self.tolerance, self.iterations = tolerance, iterations

    def from_clicks(self, picture: Picture, points_xy: npt.NDArray[np.float64]) -> Mask:
        """Flood fill with a fixed tolerance around the clicked colour."""
        smooth = cv2.medianBlur(np.ascontiguousarray(picture), 5)
        flags = 4 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
        masks = []
        for x, y in points_xy:
            mask = np.zeros((picture.shape[0] + 2, picture.shape[1] + 2), np.uint8)
            cv2.floodFill(smooth, mask, (int(x), int(y)), 0, (self.tolerance,) * 3, (self.tolerance,) * 3, flags)
            masks.append(mask[1:-1, 1:-1].astype(bool))
        return np.stack(masks)

    def from_boxes(self, picture: Picture, boxes_xyxy: npt.NDArray[np.float64]) -> Mask:
        """GrabCut with the box as the unknown region; the box itself where there is nothing around it."""
        bgr = np.ascontiguousarray(picture[..., ::-1])
        return np.stack([self._grab_cut(bgr, box) for box in boxes_xyxy.astype(int)])

    def _grab_cut(self, bgr: Picture, box: npt.NDArray[np.int64]) -> Mask:
        x0, y0, x1, y1 = (int(side) for side in box)
        labels = np.full(bgr.shape[:2], cv2.GC_BGD, np.uint8)
        labels[y0:y1, x0:x1] = cv2.GC_PR_FGD
        if (labels != cv2.GC_BGD).all():
            return np.ones(bgr.shape[:2], dtype=bool)
        models = np.zeros((2, 1, 65))
        cv2.setRNGSeed(0)
        cv2.grabCut(bgr, labels, (0, 0, 0, 0), models[0], models[1], self.iterations, cv2.GC_INIT_WITH_MASK)
        return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))


BASELINES: Mapping[str, Callable[[], Answers]] = {"box as mask": BoxAsMask, "GrabCut, flood fill": Classical}
