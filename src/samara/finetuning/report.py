"""Fine-tuning report as one self-contained page: improvements, regressions, settings and provenance.

The page embeds its images and loads nothing over the network. Numbers come from `samara.finetuning.before_after`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from samara.finetuning.before_after import ClickOrBox, ComparedImage, ComparedObject, ComparedSet, score
from samara.finetuning.learning_curve import DARK, LIGHT, CurvePoint, learning_curve_png, require_matplotlib
from samara.images.encode import data_uri, jpeg_data_uri
from samara.masks.rle import Rle
from samara.segmentation.drawing.difference import MISSED, OUTLINE, RIGHT, TOO_MUCH, draw_difference, draw_truth
from samara.segmentation.drawing.view import Image, View
from samara.system.extras import require
from samara.system.files import write_atomically
from samara.system.templates import EXTRA, template

TITLES: Mapping[ClickOrBox, str] = {"click": "Centre click", "box": "Box"}
"""Names of the kinds of prompt."""

MAX_IMAGES = 12
MAX_LOST_OBJECTS = 6

IMAGE_SIDE_PX, OBJECT_SIDE_PX = 640, 400
JPEG_QUALITY = 88
# Window around an object: its box plus as much on either side, with a minimum size to remain recognisable.
CONTEXT, MIN_WINDOW_PX = 3.0, 48
# Marks of more prompts than these would hide the masks.
MAX_MARKED_PROMPTS = 40


@dataclass(frozen=True, eq=False)
class FineTuningReport:
    """The contents of the page.

    Attributes:
        title: name of the new checkpoint.
        summary: one sentence: checkpoint, data and kept epoch.
        comparisons: the images before and after, by name of their set, "test" or "validation"; the first is shown.
        curve: the learning curve, from epoch 0.
        kept: the epoch whose weights were kept; 0 if nothing helped.
        choice: what chose the epoch, and what each kind of prompt would have chosen.
        advice: what to try, one sentence each.
        files: names of the figures and tables beside the page.
        settings: settings of the run, by name.
        provenance: provenance of the result, by name.
    """

    title: str
    summary: str
    comparisons: Mapping[str, ComparedSet]
    curve: Sequence[CurvePoint]
    kept: int
    choice: Sequence[str]
    settings: Mapping[str, str]
    provenance: Mapping[str, str]
    advice: Sequence[str] = ()
    files: Sequence[str] = ()


@dataclass(frozen=True)
class ComparedPanel:
    """One drawn image of a row.

    Attributes:
        caption: caption above it.
        iou: mean IoU over the row's objects; None for the ground truth.
        uri: the image as data URI.
    """

    caption: str
    iou: float | None
    uri: str


@dataclass(frozen=True)
class ComparedRow:
    """One image or object, before and after.

    Attributes:
        name: name of the image file.
        detail: description of the object or image.
        change: IoU gained.
        panels: ground truth, then before and after for each kind of prompt.
    """

    name: str
    detail: str
    change: float
    panels: tuple[ComparedPanel, ...]


@dataclass(frozen=True)
class ComparedRows:
    """Rows under a title."""

    title: str
    note: str
    rows: tuple[ComparedRow, ...]


def require_report() -> None:
    """Raise MissingExtra unless the libraries for a report are installed."""
    require("jinja2", EXTRA, "a report")
    require_matplotlib()


def write_finetuning_report(path: Path, report: FineTuningReport) -> None:
    """Write the page atomically.

    Raises:
        MissingExtra: jinja2 or matplotlib is not installed.
        ImageError: an image cannot be read again.
        OutputError: the file cannot be written.
    """
    # A file name may be invalid UTF-8; the page must not.
    write_atomically(path, finetuning_page(report).encode("utf-8", errors="replace"))


def finetuning_page(report: FineTuningReport) -> str:
    """Render the page as HTML; see `write_finetuning_report`."""
    require_report()
    shown, comparison = next(iter(report.comparisons.items()))
    return template("finetuning/finetuning.html.j2").render(
        report=report,
        shown=shown,
        sets={name: one.scores() for name, one in report.comparisons.items()},
        titles=TITLES,
        objects=len(comparison.objects),
        images=len(comparison.images),
        curves={
            name: data_uri("png", learning_curve_png(report.curve, report.kept, colours))
            for name, colours in (("light", LIGHT), ("dark", DARK))
        },
        galleries=[gallery for gallery in _galleries(comparison, shown) if gallery.rows],
        legend={
            name: "#{:02x}{:02x}{:02x}".format(*rgb)
            for name, rgb in (
                ("right", RIGHT),
                ("missed", MISSED),
                ("too much", TOO_MUCH),
                ("ground truth", OUTLINE),
            )
        },
    )


def _galleries(comparison: ComparedSet, shown_set: str) -> Iterator[ComparedRows]:
    best, worst = comparison.extremes(MAX_IMAGES)
    shown = len(best) + len(worst)
    which = f"Showing {shown} of {len(comparison.images)} {shown_set} images, half from either end of the list."
    if shown == len(comparison.images):
        which = f"All {shown_set} images are shown."
    note = f"By mean IoU over the objects of each image. {which}"
    yield ComparedRows(_title(best, "Largest gains", "Smallest losses"), note, tuple(map(_image_row, best)))
    note = "The other end of the same list."
    yield ComparedRows(_title(worst, "Smallest gains", "Largest losses"), note, tuple(map(_image_row, worst)))
    yield ComparedRows(
        "Single objects that lost most",
        f"Of all {shown_set} images, by the kind of prompt that lost most.",
        tuple(_object_row(image, one) for image, one in comparison.losses(MAX_LOST_OBJECTS)),
    )


def _title(images: Sequence[ComparedImage], gains: str, losses: str) -> str:
    """Return the title of some images, by the first one's change."""
    change = images[0].change if images else 0.0
    return gains if change > 0 else losses if change < 0 else "Unchanged"


def _image_row(image: ComparedImage) -> ComparedRow:
    pixels = image.reading.pixels(image.path)
    view = View((0, 0, pixels.shape[1], pixels.shape[0]), IMAGE_SIDE_PX)
    count = len(image.objects)
    detail = f"{count} object{'' if count == 1 else 's'}"
    return ComparedRow(image.name, detail, image.change, tuple(_panels(view.image(pixels), view, image.objects)))


def _object_row(image: ComparedImage, one: ComparedObject) -> ComparedRow:
    pixels = image.reading.pixels(image.path)
    view = View(window_around(one.truth, (pixels.shape[0], pixels.shape[1])), OBJECT_SIDE_PX)
    x0, y0, x1, y1 = one.truth.box_xyxy
    detail = f"object at ({(x0 + x1) // 2}, {(y0 + y1) // 2}), {one.truth.area:,} pixels, by {one.worst}"
    return ComparedRow(image.name, detail, one.worst_change, tuple(_panels(view.image(pixels), view, [one])))


def window_around(truth: Rle, size_hw: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return a square window around an object, xyxy in pixels, shifted into the image and clipped if necessary."""
    x0, y0, x1, y1 = truth.box_xyxy
    side = round(max(CONTEXT * max(x1 - x0, y1 - y0), MIN_WINDOW_PX))
    height, width = min(side, size_hw[0]), min(side, size_hw[1])
    left = min(max(0, (x0 + x1 - width) // 2), size_hw[1] - width)
    top = min(max(0, (y0 + y1 - height) // 2), size_hw[0] - height)
    return left, top, left + width, top + height


def _panels(image: Image, view: View, objects: Sequence[ComparedObject]) -> Iterator[ComparedPanel]:
    truths = [view.mask(one.truth) for one in objects]
    yield ComparedPanel("Ground truth", None, _jpeg(draw_truth(image, truths)))
    for kind in objects[0].answers:
        answers = [one.answers[kind] for one in objects]
        prompts = [view.prompt(answer.prompt) for answer in answers] if len(answers) <= MAX_MARKED_PROMPTS else []
        mean = score(answers)
        for when, masks, iou in (
            ("before", [answer.before for answer in answers], mean.before),
            ("after", [answer.after for answer in answers], mean.after),
        ):
            pairs = zip(truths, map(view.mask, masks), strict=True)
            yield ComparedPanel(f"{kind.capitalize()}, {when}", iou, _jpeg(draw_difference(image, pairs, prompts)))


def _jpeg(image: Image) -> str:
    return jpeg_data_uri(image, JPEG_QUALITY)
