"""Masks of several checkpoints for the same prompts, drawn side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from samara.images.encode import jpeg_data_uri
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.masks.rle import Rle
from samara.segmentation.drawing.difference import draw_difference, draw_truth
from samara.segmentation.drawing.view import Image, View
from samara.segmentation.prompts import Prompt

SIDE_PX, JPEG_QUALITY = 460, 78


@dataclass(frozen=True, eq=False)
class Answered:
    """Masks of one checkpoint for the prompts of an image.

    Attributes:
        title: title of the checkpoint.
        masks: one mask per prompt.
        iou: mean IoU of the masks with the ground truth.
    """

    title: str
    masks: Sequence[Rle]
    iou: float


@dataclass(frozen=True, eq=False)
class AskedImage:
    """One image with its prompts and the answers.

    Attributes:
        path: path of the image.
        domain: kind of images.
        asked: display name of the kind of prompt.
        prompts: prompts, one per object.
        truths: ground-truth objects in the order of the prompts.
        answers: masks of each checkpoint.
        reading: options for reading the image.
    """

    path: Path
    domain: str
    asked: str
    prompts: Sequence[Prompt]
    truths: Sequence[Rle]
    answers: Sequence[Answered]
    reading: ImageReading = AS_THEY_ARE


@dataclass(frozen=True)
class Panel:
    """One drawn image: its caption and data URI."""

    caption: str
    score: str
    uri: str


@dataclass(frozen=True)
class PanelRow:
    """Panels of one image."""

    title: str
    panels: tuple[Panel, ...]


def panel_rows(images: Sequence[AskedImage]) -> list[PanelRow]:
    """Draw images: objects with their prompts, then the masks of each checkpoint.

    Raises:
        ImageError: An image can no longer be read.
    """
    return [_row(image) for image in images]


def _row(image: AskedImage) -> PanelRow:
    pixels = image.reading.pixels(image.path)
    view = View((0, 0, pixels.shape[1], pixels.shape[0]), SIDE_PX)
    small, prompts = view.image(pixels), [view.prompt(prompt) for prompt in image.prompts]
    truths = [view.mask(truth) for truth in image.truths]
    panels = [Panel("asked", "", _jpeg(draw_difference(draw_truth(small, truths), [], prompts)))]
    for answer in image.answers:
        pairs = zip(truths, map(view.mask, answer.masks), strict=True)
        panels.append(Panel(answer.title, f"IoU {answer.iou:.3f}", _jpeg(draw_difference(small, pairs, prompts))))
    return PanelRow(f"{image.domain}, {image.asked}: {image.path.name}", tuple(panels))


def _jpeg(image: Image) -> str:
    return jpeg_data_uri(image, JPEG_QUALITY)


def colours(named: Mapping[str, tuple[int, int, int]]) -> dict[str, str]:
    """Return colours in CSS notation."""
    return {name: "#{:02x}{:02x}{:02x}".format(*rgb) for name, rgb in named.items()}
