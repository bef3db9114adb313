"""The first page about an annotated data set: statistics, what deserves a look, and what could not be annotated.

The page embeds its images and loads nothing over the network; links lead to the image files and to the pages of all
images. It only renders and computes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from samara.annotation.report.image_pages import PageLink
from samara.annotation.report.looks import MaskLook
from samara.annotation.report.rendering import render
from samara.system.counted import counted
from samara.system.extras import require
from samara.system.files import write_atomically
from samara.system.templates import EXTRA


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
        link: address of the image file; None if it is not there.
    """

    name: str
    detail: str
    uri: str | None
    link: str | None = None


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
class LookCard:
    """One mask that deserves a look.

    Attributes:
        look: the mask, and why.
        name: path of its image.
        link: address of the image file; None if it is not there.
        uri: the part of the image around it as data URI; None if the image cannot be shown.
    """

    look: MaskLook
    name: str
    link: str | None
    uri: str | None


@dataclass(frozen=True)
class LookFirst:
    """What deserves a look first.

    Attributes:
        cards: the masks, the most doubtful first.
        masks: number of doubtful masks in the store.
        images: number of images with one, or without any mask.
        by_reason: number of doubtful masks by reason, of the whole store.
        unknown: what could not be told of any mask, and why.
        corrected: number of masks that people drew or corrected.
    """

    cards: Sequence[LookCard] = ()
    masks: int = 0
    images: int = 0
    by_reason: Mapping[str, int] = field(default_factory=dict)
    unknown: Sequence[tuple[str, str]] = ()
    corrected: int = 0

    @property
    def told(self) -> str:
        """How much is doubtful."""
        return f"{counted(self.masks, 'mask')} in {counted(self.images, 'image')}"

    @property
    def corrected_told(self) -> str:
        """How much people drew or corrected."""
        return counted(self.corrected, "mask")

    @property
    def titles(self) -> list[str]:
        """The reasons that a card has."""
        return list(dict.fromkeys(title for card in self.cards for title in card.look.titles))

    @property
    def categories(self) -> list[str]:
        """The classes that a card has."""
        return sorted({card.look.category for card in self.cards if card.look.category is not None})


@dataclass(frozen=True)
class Quarantined:
    """An image that could not be annotated.

    Attributes:
        name: its path in the store.
        reason: why.
        place: the file that was looked for; None for one in an archive.
        is_there: whether the file exists now.
    """

    name: str
    reason: str
    place: str | None = None
    is_there: bool = False


@dataclass(frozen=True)
class Searched:
    """Where the images were looked for.

    Attributes:
        kind: kind of the source, see `samara.annotation.inputs.sources.Source`.
        root: its folder or archive.
        store: folder of the store, as in commands.
    """

    kind: str
    root: str
    store: str


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
        reasons: the first quarantined images.
        searched: where the images were looked for.
        categories: number of masks per category, if known.
        settings: settings of the run, by name.
        provenance: provenance of the masks, by name.
        limits: when a mask is doubtful, by name of the limit.
        look_first: what deserves a look first.
        pages: pages of all images.
    """

    title: str
    summary: str
    numbers: Mapping[str, str]
    bars: Sequence[Bars]
    galleries: Sequence[Gallery]
    checked: Sequence[str]
    quarantined: int
    reasons: Sequence[Quarantined]
    searched: Searched
    categories: Mapping[str, str]
    settings: Mapping[str, str]
    provenance: Mapping[str, str]
    limits: Mapping[str, str] = field(default_factory=dict)
    look_first: LookFirst = LookFirst()
    pages: Sequence[PageLink] = ()


def require_report() -> None:
    """Raise MissingExtra unless the libraries for a report are installed."""
    require("jinja2", EXTRA, "a report")


def write_annotation_report(path: Path, report: AnnotationReport) -> None:
    """Write the page atomically.

    Raises:
        MissingExtra: jinja2 is not installed.
        OutputError: the file cannot be written.
    """
    write_atomically(path, annotation_page(report))


def annotation_page(report: AnnotationReport) -> bytes:
    """Render the page as HTML; see `write_annotation_report`."""
    return render("annotation/report/annotation.html.j2", report=report)
