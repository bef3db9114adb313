"""Measure on pictures that nothing was trained on: centre click, box, and recall of the automatic masks.

At full resolution, on the ground truth as drawn; per source, then the mean of a domain's sources, with 95 % bootstrap
intervals over pictures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from samara.automatic.generator import AutomaticMaskGenerator
from samara.automatic.settings import AutomaticSettings
from samara.datasets.coco_reading import read_coco
from samara.datasets.ground_truth import LabelledImage
from samara.finetuning.validation import centre
from samara.images import read_image
from samara.loaded import Loaded
from samara.masks.overlap import mask_iou
from samara.masks.rle import Rle
from training.answers import Answers

RECALL_THRESHOLDS = np.linspace(0.5, 0.95, 10)


@dataclass(frozen=True)
class Score:
    """One number of one source.

    Attributes:
        mean: over objects.
        low, high: 95 % bootstrap interval, pictures drawn with replacement.
        pictures, objects: how many.
    """

    mean: float
    low: float
    high: float
    pictures: int
    objects: int


@dataclass(frozen=True)
class EvaluationPicture:
    """A picture with its source and the objects that are asked for."""

    source: str
    image: LabelledImage
    rles: tuple[Rle, ...]


def evaluation_pictures(folder: Path, objects_per_picture: int) -> list[EvaluationPicture]:
    """The pictures of a domain's folder; of each at most so many objects, always the same ones."""
    found: list[EvaluationPicture] = []
    for image in read_coco(folder / "instances.json", folder):
        source = Path(image.name).stem.rpartition("_")[0]
        rles = [instance.rle for instance in image.instances if instance.rle.area and not instance.is_crowd]
        order = np.random.default_rng(len(found)).permutation(len(rles))[:objects_per_picture]
        if len(order):
            found.append(EvaluationPicture(source, image, tuple(rles[index] for index in order)))
    return found


def prompted(answers: Answers, pictures: Sequence[EvaluationPicture], tell: Callable[[str], None]) -> dict[str, dict]:  # type: ignore[type-arg]
    """IoU of centre click and box, as {"click" | "box": {source: Score}}."""
    ious: dict[str, dict[str, list[npt.NDArray[np.float64]]]] = {
        "click": defaultdict(list),
        "box": defaultdict(list),
    }
    for number, picture in enumerate(pictures, start=1):
        pixels = read_image(picture.image.path)
        truth = np.stack([rle.decode() for rle in picture.rles])
        clicks = np.stack([centre(torch.from_numpy(mask)).numpy() for mask in truth]).astype(np.float64)
        boxes = np.array([rle.box_xyxy for rle in picture.rles], dtype=np.float64)
        ious["click"][picture.source].append(_iou(answers.from_clicks(pixels, clicks), truth))
        ious["box"][picture.source].append(_iou(answers.from_boxes(pixels, boxes), truth))
        if number % 20 == 0:
            tell(f"{number} of {len(pictures)} pictures")
    return {prompt: {source: _score(values) for source, values in sources.items()} for prompt, sources in ious.items()}


def automatic_recall(
    loaded: Loaded, pictures: Sequence[EvaluationPicture], points_per_side: int, pictures_per_source: int
) -> dict[str, Score]:
    """Average recall of all automatic masks, no threshold, over IoU 0.50:0.05:0.95."""
    settings = AutomaticSettings(points_per_side=points_per_side, pred_iou_thresh=0.0, stability_score_thresh=0.0)
    generator = AutomaticMaskGenerator(loaded, settings)
    recalls: dict[str, list[npt.NDArray[np.float64]]] = defaultdict(list)
    for picture in pictures:
        if len(recalls[picture.source]) >= pictures_per_source:
            continue
        masks = generator.generate(read_image(picture.image.path))
        best = mask_iou(picture.rles, masks.rles).max(1) if len(masks) else np.zeros(len(picture.rles))
        recalls[picture.source].append((best[:, None] >= RECALL_THRESHOLDS).mean(1))
    return {source: _score(values) for source, values in recalls.items()}


def _iou(found: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    common, union = (found & truth).sum((1, 2)), (found | truth).sum((1, 2))
    return np.asarray(common / np.maximum(union, 1), dtype=np.float64)


def _score(per_picture: Sequence[npt.NDArray[np.float64]], draws: int = 1000) -> Score:
    """Mean over objects; the interval draws pictures, because the objects of one are not independent."""
    sums = np.array([values.sum() for values in per_picture])
    counts = np.array([len(values) for values in per_picture])
    drawn = np.random.default_rng(0).integers(len(sums), size=(draws, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return Score(float(sums.sum() / counts.sum()), float(low), float(high), len(per_picture), int(counts.sum()))
