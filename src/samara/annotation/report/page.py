"""An annotated data set as one self-contained page: what was found, what looks wrong, and what could not be read.

The page holds its images and asks the network for nothing. It shows what it is given and computes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from samara.images.encode import jpeg_data_uri
from samara.masks.mask_set import MaskSet
from samara.masks.rle import encode_mask
from samara.segmentation.drawing.overlay import draw_masks
from samara.segmentation.drawing.view import View
from samara.system.extras import require
from samara.system.files import write_atomically
from samara.system.templates import EXTRA, template

THUMBNAIL_SIDE_PX = 480
JPEG_QUALITY = 82


@dataclass(frozen=True)
class Bars:
    """A histogram.

    Attributes:
        title: above it.
        note: below the title; may be empty.
        labels: one under each bar, or some spread evenly from the left edge to the right one.
        counts: heights.
        tips: one per bar, shown when pointed at.
    """

    title: str
    note: str
    labels: Sequence[str]
    counts: Sequence[int]
    tips: Sequence[str]

    @property
    def heights(self) -> list[float]:
        """In percent of the highest."""
        highest = max([*self.counts, 1])
        return [100 * count / highest for count in self.counts]

    @property
    def is_label_per_bar(self) -> bool:
        """Whether each bar has a label of its own, below its middle."""
        return len(self.labels) == len(self.counts)

    @property
    def ticks(self) -> list[tuple[str, float]]:
        """Labels and where they stand, in percent of the width."""
        if self.is_label_per_bar:
            return [(label, 100 * (index + 0.5) / len(self.counts)) for index, label in enumerate(self.labels)]
        return [(label, 100 * index / max(1, len(self.labels) - 1)) for index, label in enumerate(self.labels)]


@dataclass(frozen=True)
class Shown:
    """One image of the page.

    Attributes:
        name: of the file.
        detail: what there is to say.
        uri: the image as data URI; None where it cannot be shown any more.
    """

    name: str
    detail: str
    uri: str | None


@dataclass(frozen=True)
class Gallery:
    """Images of one kind.

    Attributes:
        title: above them.
        note: below the title.
        images: some.
        is_suspicious: whether they deserve a look.
    """

    title: str
    note: str
    images: Sequence[Shown]
    is_suspicious: bool = True


@dataclass(frozen=True)
class AnnotationReport:
    """What the page shows.

    Attributes:
        title: name of the data set.
        summary: one sentence.
        numbers: large ones, by what they are.
        bars: histograms.
        galleries: of images.
        checked: kinds of suspicious images of which there are none.
        quarantined: number of images that could not be annotated.
        reasons: name and reason of the first of them.
        categories: masks of each, if any is known.
        settings: what the masks were made with, by name.
        provenance: where they come from, by name.
    """

    title: str
    summary: str
    numbers: Mapping[str, str]
    bars: Sequence[Bars]
    galleries: Sequence[Gallery]
    checked: Sequence[str]
    quarantined: int
    reasons: Sequence[tuple[str, str]]
    categories: Mapping[str, str]
    settings: Mapping[str, str]
    provenance: Mapping[str, str]


def require_report() -> None:
    """Raise MissingExtra unless what a report needs is installed."""
    require("jinja2", EXTRA, "a report")


def write_annotation_report(path: Path, report: AnnotationReport) -> None:
    """Write the page, completely or not at all.

    Raises:
        MissingExtra: jinja2 is not installed.
        OutputError: the file cannot be written.
    """
    # A file name need not be valid text; the page must.
    write_atomically(path, annotation_page(report).encode("utf-8", errors="replace"))


def annotation_page(report: AnnotationReport) -> str:
    """Render the page as HTML; see `write_annotation_report`."""
    return template("annotation/report/annotation.html.j2").render(report=report)


def thumbnail(image: npt.NDArray[np.uint8], masks: MaskSet) -> str:
    """Draw a small image with its masks, as data URI.

    Args:
        image: (H, W, 3) RGB uint8.
        masks: of that image.
    """
    view = View((0, 0, image.shape[1], image.shape[0]), THUMBNAIL_SIDE_PX)
    small = replace(masks.with_rles([encode_mask(view.mask(rle)) for rle in masks.rles]), size_hw=view.size_hw)
    drawn = draw_masks(view.image(image), small[small.areas > 0])
    return jpeg_data_uri(drawn, JPEG_QUALITY)
