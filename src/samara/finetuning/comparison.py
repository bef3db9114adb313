"""Two checkpoints on the same images and prompts, at full resolution: what a report on fine-tuning shows.

Validation after every epoch measures on the low-res grid, because that is quick; here the masks are those that a user
gets, in the pixels of the original image, and no object is left out for being small.
"""

from __future__ import annotations

from collections.abc import Sequence

from samara.datasets.ground_truth import LabelledImage
from samara.engines.loaded import Loaded
from samara.errors import DatasetError
from samara.finetuning.before_after import Answers, ComparedImage, ComparedObject, ComparedSet
from samara.finetuning.validation import OBJECTS_AT_A_TIME
from samara.masks.distance import centre_of
from samara.masks.overlap import mask_iou
from samara.masks.rle import Rle
from samara.segmentation.embeddings import ImageEmbedding
from samara.segmentation.predictor import Predictor
from samara.segmentation.prompts import Prompt
from samara.system.progress import Progress


def compare(
    before: Loaded, after: Loaded, images: Sequence[LabelledImage], progress: Progress | None = None
) -> ComparedSet:
    """Ask two checkpoints for every object of every image, by a click in its middle and by its tight box.

    Args:
        before: a checkpoint.
        after: another; if its image encoder is the same, each image is encoded once for both.
        images: images with ground truth. Crowds and empty masks are no objects, images without objects are left
            out.
        progress: called with the images done and the images in all.

    Raises:
        DatasetError: no image has an object, or one has another size than its annotations say.
        ImageError: an image cannot be read.
    """
    predictors = Predictor(before), Predictor(after)
    compared = []
    for position, image in enumerate(images, start=1):
        truths = [one.rle for one in image.instances if one.rle.area and not one.is_crowd]
        if truths:
            compared.append(
                ComparedImage(image.path, image.name, _compare_image(predictors, image, truths), image.reading)
            )
        if progress is not None:
            progress("comparing before and after", position, len(images))
    if not compared:
        raise DatasetError("there is nothing to compare: no image has an object")
    return ComparedSet(tuple(compared))


def _compare_image(
    predictors: tuple[Predictor, Predictor], image: LabelledImage, truths: Sequence[Rle]
) -> tuple[ComparedObject, ...]:
    pixels = image.pixels()
    first, second = predictors
    embedding = first.embed(pixels)
    same_encoder = first.loaded.fingerprint == second.loaded.fingerprint
    embeddings = embedding, embedding if same_encoder else second.embed(pixels)
    clicks = [Prompt(centre_of(truth), [1]) for truth in truths]
    boxes = [Prompt(box=truth.box_xyxy) for truth in truths]
    by_click = _answers(predictors, embeddings, clicks, truths, multimask=True)
    by_box = _answers(predictors, embeddings, boxes, truths, multimask=False)
    return tuple(map(ComparedObject, truths, by_click, by_box))


def _answers(
    predictors: tuple[Predictor, Predictor],
    embeddings: tuple[ImageEmbedding, ImageEmbedding],
    prompts: Sequence[Prompt],
    truths: Sequence[Rle],
    *,
    multimask: bool,
) -> list[Answers]:
    before, after = (
        _masks(predictor, embedding, prompts, multimask=multimask)
        for predictor, embedding in zip(predictors, embeddings, strict=True)
    )
    return [
        Answers(prompt, old, new, *(float(iou) for iou in mask_iou([truth], [old, new])[0]))
        for prompt, truth, old, new in zip(prompts, truths, before, after, strict=True)
    ]


def _masks(predictor: Predictor, embedding: ImageEmbedding, prompts: Sequence[Prompt], *, multimask: bool) -> list[Rle]:
    """One mask per prompt, a few prompts at a time: a microscope image has hundreds of objects."""
    starts = range(0, len(prompts), OBJECTS_AT_A_TIME)
    parts = (prompts[start : start + OBJECTS_AT_A_TIME] for start in starts)
    return [
        rle for part in parts for rle in predictor.predict_prompts(embedding, part, multimask=multimask).best().rles
    ]
