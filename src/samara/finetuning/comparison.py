"""Comparison of two checkpoints on the same images and prompts at full resolution, for the fine-tuning report.

Validation after every epoch measures on the low-res grid, which is fast; here the masks have the pixels of the original
image, as for a user, and small objects are included.
"""

from __future__ import annotations

from collections.abc import Sequence

from samara.datasets.ground_truth import LabelledImage
from samara.engines.loaded import Loaded
from samara.errors import DatasetError
from samara.finetuning.before_after import AnswersBeforeAndAfter, ComparedImage, ComparedObject, ComparedSet
from samara.finetuning.validation import OBJECTS_AT_A_TIME
from samara.masks.distance import centre_of
from samara.masks.overlap import mask_iou
from samara.masks.rle import Rle
from samara.segmentation.prompted import PromptedSegmenter, SeenImage
from samara.segmentation.prompts import Prompt
from samara.system.progress import Progress


def compare_before_and_after(
    before: Loaded, after: Loaded, images: Sequence[LabelledImage], progress: Progress | None = None
) -> ComparedSet:
    """Prompt two checkpoints for every object of every image, with a click in its centre and with its tight box.

    Checkpoints that take boxes alone get only the box.

    Args:
        before: a checkpoint.
        after: another; if its image encoder is the same, each image is encoded once for both.
        images: images with ground truth. Crowds, empty masks and images without objects are ignored.
        progress: called with the number of images done and the total.

    Raises:
        DatasetError: no image has an object, or the size of an image differs from its annotations'.
        ImageError: an image cannot be read.
    """
    # A few prompts at a time, since microscope images can have hundreds of objects.
    segmenters = tuple(PromptedSegmenter(one, prompts_at_a_time=OBJECTS_AT_A_TIME) for one in (before, after))
    compared = []
    for position, image in enumerate(images, start=1):
        truths = [one.rle for one in image.instances if one.rle.area and not one.is_crowd]
        if truths:
            compared.append(
                ComparedImage(image.path, image.name, _compare_image(segmenters, image, truths), image.reading)
            )
        if progress is not None:
            progress("comparing before and after", position, len(images))
    if not compared:
        raise DatasetError("there is nothing to compare: no image has an object")
    return ComparedSet(tuple(compared))


def _compare_image(
    segmenters: Sequence[PromptedSegmenter], image: LabelledImage, truths: Sequence[Rle]
) -> tuple[ComparedObject, ...]:
    pixels = image.pixels()
    first, second = segmenters
    seen = first.embed(pixels)
    same_encoder = first.loaded.fingerprint == second.loaded.fingerprint
    views = seen, seen if same_encoder else second.embed(pixels)
    boxes = [Prompt(box=truth.box_xyxy) for truth in truths]
    by_box = _answers(segmenters, views, boxes, truths)
    if not first.loaded.variant.capabilities.points:
        return tuple(ComparedObject(truth, None, box) for truth, box in zip(truths, by_box, strict=True))
    clicks = [Prompt(centre_of(truth), [1]) for truth in truths]
    return tuple(map(ComparedObject, truths, _answers(segmenters, views, clicks, truths), by_box))


def _answers(
    segmenters: Sequence[PromptedSegmenter],
    views: Sequence[SeenImage],
    prompts: Sequence[Prompt],
    truths: Sequence[Rle],
) -> list[AnswersBeforeAndAfter]:
    before, after = (
        segmenter.best(seen, prompts, with_logits=False).rles for segmenter, seen in zip(segmenters, views, strict=True)
    )
    return [
        AnswersBeforeAndAfter(prompt, old, new, *(float(iou) for iou in mask_iou([truth], [old, new])[0]))
        for prompt, truth, old, new in zip(prompts, truths, before, after, strict=True)
    ]
