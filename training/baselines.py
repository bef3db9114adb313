"""What needs no learning, behind the same interface as a checkpoint: a network must be better to be worth its while."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from samara.errors import SettingsError
from samara.masks.mask_set import MaskSet
from samara.masks.rle import encode_mask
from samara.measurement.evaluation.adapters import Answer
from samara.networks.variants import Capabilities
from samara.segmentation.prompts import Prompt

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Box = tuple[int, int, int, int]

TOLERANCE, ITERATIONS = 12, 5


@dataclass(frozen=True)
class Baseline:
    """A mask from a click, and a mask from a box; see `samara.measurement.evaluation.adapters.ModelUnderTest`.

    Attributes:
        from_click: of an image (H, W, 3) RGB and a point (x, y).
        from_box: of an image and a box xyxy.
    """

    from_click: Callable[[Image, tuple[int, int]], Mask]
    from_box: Callable[[Image, Box], Mask]

    @property
    def capabilities(self) -> Capabilities:
        """One click or one box."""
        return Capabilities(negative_points=False, mask_input=False, max_points=1)

    def embed(self, image: Image) -> Image:
        """The image itself is all that is looked at."""
        return image

    def answer(self, seen: Image, prompts: Sequence[Prompt]) -> list[Answer]:
        """One mask per click or box, trusted without reserve."""
        return [Answer(encode_mask(self._mask(seen, prompt)), 1.0) for prompt in prompts]

    def everything(self, seen: Image) -> MaskSet:
        """Not to be asked."""
        raise SettingsError("a baseline finds nothing by itself; leave the measure 'everything' out")

    def _mask(self, image: Image, prompt: Prompt) -> Mask:
        if prompt.box_xyxy is None:
            x, y = (int(place) for place in prompt.points_xy[0])
            return self.from_click(image, (x, y))
        x0, y0, x1, y1 = (int(side) for side in prompt.box_xyxy)
        return self.from_box(image, (x0, y0, x1, y1))


def disc(image: Image, point: tuple[int, int]) -> Mask:
    """A disc of a tenth of the image around a click."""
    radius = max(image.shape[:2]) // 20
    return cv2.circle(np.zeros(image.shape[:2], np.uint8), point, radius, 1, -1).astype(bool)


def filled_box(image: Image, box: Box) -> Mask:
    """The box itself."""
    x0, y0, x1, y1 = box
    mask = np.zeros(image.shape[:2], bool)
    mask[y0:y1, x0:x1] = True
    return mask


def flood_fill(image: Image, point: tuple[int, int]) -> Mask:
    """Flood fill (OpenCV) with a fixed tolerance around the clicked colour."""
    smooth = cv2.medianBlur(np.ascontiguousarray(image), 5)
    flags = 4 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    mask = np.zeros((image.shape[0] + 2, image.shape[1] + 2), np.uint8)
    cv2.floodFill(smooth, mask, point, 0, (TOLERANCE,) * 3, (TOLERANCE,) * 3, flags)
    return mask[1:-1, 1:-1].astype(bool)


def grab_cut(image: Image, box: Box) -> Mask:
    """GrabCut (OpenCV) with the box as the unknown region; all of the image where there is nothing around it."""
    labels = np.where(filled_box(image, box), cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    if (labels != cv2.GC_BGD).all():
        return np.ones(image.shape[:2], dtype=bool)
    bgr, models = np.ascontiguousarray(image[..., ::-1]), np.zeros((2, 1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(bgr, labels, (0, 0, 0, 0), models[0], models[1], ITERATIONS, cv2.GC_INIT_WITH_MASK)
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))


BASELINES: Mapping[str, Baseline] = {
    "box as mask": Baseline(disc, filled_box),
    "GrabCut, flood fill": Baseline(flood_fill, grab_cut),
}
