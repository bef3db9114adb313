"""Answers of several checkpoints to the same prompts, drawn side by side."""

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
    """Masks that one checkpoint gave for the prompts of an image.

    Attributes:
        title: of the checkpoint.
        masks: one for each prompt.
        iou: mean of their IoU with the ground truth.
    """

    title: str
    masks: Sequence[Rle]
    iou: float


@dataclass(frozen=True, eq=False)
class AskedImage:
    """One image, what was asked about it, and what came.

    Attributes:
        path: of the image.
        domain: kind of images.
        asked: kind of prompt, for people.
        prompts: of single objects.
        truths: the objects, in the order of the prompts.
        answers: of each checkpoint.
        reading: how the image is read.
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
    """One drawn image: what is written above it, and its data URI."""

    caption: str
    score: str
    uri: str


@dataclass(frozen=True)
class PanelRow:
    """The panels of one image."""

    title: str
    panels: tuple[Panel, ...]


def panel_rows(images: Sequence[AskedImage]) -> list[PanelRow]:
    """Draw images: the objects with their prompts, then the answers of each checkpoint.

    Raises:
        ImageError: an image cannot be read again.
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
    """Colours as CSS writes them."""
    return {name: "#{:02x}{:02x}{:02x}".format(*rgb) for name, rgb in named.items()}
