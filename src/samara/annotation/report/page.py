"""An annotated data set as one self-contained page: statistics, suspicious images and unreadable ones.

The page embeds its images and loads nothing over the network. It only renders and computes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from samara.images.encode import jpeg_data_uri
from samara.masks.mask_set import MaskSet
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
        title: heading of the histogram.
        note: text below the title; may be empty.
        labels: one per bar, or some spread evenly from the left edge to the right.
        counts: heights of the bars.
        tips: tooltip of each bar.
    """

    title: str
    note: str
    labels: Sequence[str]
    counts: Sequence[int]
    tips: Sequence[str]

    @property
    def heights(self) -> list[float]:
        """Heights in percent of the highest bar."""
        highest = max([*self.counts, 1])
        return [100 * count / highest for count in self.counts]

    @property
    def is_label_per_bar(self) -> bool:
        """Whether each bar has its own label, centred below it."""
        return len(self.labels) == len(self.counts)

    @property
    def ticks(self) -> list[tuple[str, float]]:
        """Labels and their positions in percent of the width."""
        if self.is_label_per_bar:
            return [(label, 100 * (index + 0.5) / len(self.counts)) for index, label in enumerate(self.labels)]
        return [(label, 100 * index / max(1, len(self.labels) - 1)) for index, label in enumerate(self.labels)]


@dataclass(frozen=True)
class Shown:
    """One image of the page.

    Attributes:
        name: name of the file.
        detail: caption below the name.
        uri: the image as data URI; None if it can no longer be shown.
    """

    name: str
    detail: str
    uri: str | None


@dataclass(frozen=True)
class Gallery:
    """Images of one kind.

    Attributes:
        title: heading of the gallery.
        note: text below the title.
        images: the images to show.
        is_suspicious: whether the images should be checked.
    """

    title: str
    note: str
    images: Sequence[Shown]
    is_suspicious: bool = True


@dataclass(frozen=True)
class AnnotationReport:
    """The contents of the page.

    Attributes:
        title: name of the data set.
        summary: one sentence.
        numbers: key figures by name.
        bars: histograms.
        galleries: galleries of images.
        checked: kinds of suspicious images that were not found.
        quarantined: number of images that could not be annotated.
        reasons: names and reasons of the first quarantined images.
        categories: number of masks per category, if known.
        settings: settings of the run, by name.
        provenance: provenance of the masks, by name.
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
    """Raise MissingExtra unless the libraries for a report are installed."""
    require("jinja2", EXTRA, "a report")


def write_annotation_report(path: Path, report: AnnotationReport) -> None:
    """Write the page atomically.

    Raises:
        MissingExtra: jinja2 is not installed.
        OutputError: the file cannot be written.
    """
    # A file name may be invalid UTF-8; the page must not.
    write_atomically(path, annotation_page(report).encode("utf-8", errors="replace"))


def annotation_page(report: AnnotationReport) -> str:
    """Render the page as HTML; see `write_annotation_report`."""
    return template("annotation/report/annotation.html.j2").render(report=report)


def thumbnail(image: npt.NDArray[np.uint8], masks: MaskSet) -> str:
    """Draw an image with its masks at thumbnail size, as data URI.

    Args:
        image: (H, W, 3) RGB uint8.
        masks: masks of that image.
    """
    view = View((0, 0, image.shape[1], image.shape[0]), THUMBNAIL_SIDE_PX)
    small = view.masks(masks)
    drawn = draw_masks(view.image(image), small[small.areas > 0])
    return jpeg_data_uri(drawn, JPEG_QUALITY)
