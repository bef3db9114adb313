"""The report on an annotation store: what deserves a look first, its numbers, and pages of all of its images."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from samara.annotation.exporting import source_of
from samara.annotation.inputs.sources import Source
from samara.annotation.report.drawn import read_images
from samara.annotation.report.image_pages import ImageLine, PageLink, link_to, write_image_pages
from samara.annotation.report.looks import ImageLook, Looks, MaskLook
from samara.annotation.report.page import (
    AnnotationReport,
    Bars,
    Gallery,
    LookCard,
    LookFirst,
    Quarantined,
    Searched,
    Shown,
    write_annotation_report,
)
from samara.annotation.report.summary import Chosen, Histogram, Summary, summarise
from samara.annotation.review.limits import limits_of
from samara.annotation.review.settings import ReviewSettings
from samara.annotation.store.rows import ImageRow
from samara.annotation.store.store import REPORT, REPORT_PAGES, AnnotationStore
from samara.system.counted import counted

MAX_DRAWN = 300
"""Stores with more images have lists of them without images."""

_SUSPICIONS = ("images without a mask", "images with very many masks", "masks of a whole image", "near duplicates")


def write_report(store: AnnotationStore) -> Path:
    """Write the report of a store into the store: the first page, and pages of all images.

    Raises:
        MissingExtra: jinja2 is not installed.
        OutputError: a file cannot be written.
    """
    path = store.folder / REPORT
    looks = Looks(limits_of(store, ReviewSettings()))
    pages = _image_pages(store, looks)
    write_annotation_report(path, annotation_report(store, looks, pages))
    return path


def annotation_report(store: AnnotationStore, looks: Looks, pages: Sequence[PageLink] = ()) -> AnnotationReport:
    """Collect what the first page shows.

    Args:
        store: the store.
        looks: what deserves a look, with every image of the store.
        pages: pages of all images.
    """
    summary, manifest, source = summarise(store), store.manifest, source_of(store)
    done = summary.images - summary.quarantined
    galleries = list(_galleries(store, summary, source))
    titles = " ".join(gallery.title.lower() for gallery in galleries)
    return AnnotationReport(
        title=store.folder.resolve().name,
        summary=f"{counted(summary.masks, 'mask')} in {counted(done, 'image')}, made by {manifest.checkpoint}.",
        numbers=_numbers(summary, looks),
        bars=list(_bars(summary)),
        galleries=galleries,
        checked=[name for name in _SUSPICIONS if name not in titles],
        quarantined=summary.quarantined,
        reasons=[_quarantined(row, source) for row in summary.reasons],
        searched=Searched(source.kind, str(source.root), shlex.quote(str(store.folder))),
        categories={name: f"{count:,}" for name, count in summary.categories.items()},
        settings=_flat(manifest.job["settings"]),
        provenance=_provenance(store, summary),
        limits=_flat(asdict(looks.limits)),
        look_first=_look_first(store, looks, source),
        pages=pages,
    )


def _numbers(summary: Summary, looks: Looks) -> dict[str, str]:
    done = summary.images - summary.quarantined
    return {
        "images annotated": f"{done:,}",
        "masks": f"{summary.masks:,}",
        "masks per image": f"{summary.masks / done:.1f}" if done else "–",
        "images that deserve a look": f"{looks.doubtful_images:,}",
        "images quarantined": f"{summary.quarantined:,}",
        "seconds per image and process": f"{summary.seconds / done:.2f}" if done else "–",
    }


def _provenance(store: AnnotationStore, summary: Summary) -> dict[str, str]:
    manifest = store.manifest
    checkpoint = manifest.job["checkpoint"]
    return {
        "checkpoint": checkpoint["name"],
        "SHA-256 of its file": checkpoint.get("sha256") or "no file",
        "licence of the weights": checkpoint.get("licence") or "unknown",
        "images": f"{manifest.job['source']['root']} ({summary.size_bytes / 1e9:,.3f} GB)",
        "samara": manifest.samara,
        **manifest.versions,
        "begun": manifest.created,
    }


def _look_first(store: AnnotationStore, looks: Looks, source: Source) -> LookFirst:
    masks = looks.masks()
    of_image: dict[int, list[MaskLook]] = {}
    for look in masks:
        of_image.setdefault(look.image_id, []).append(look)
    cards: dict[tuple[int, int], LookCard] = {}
    for image in read_images(store, source, set(of_image)):
        link = link_to(source.path_of(image.row.image.path), store.folder)
        for look in of_image[image.row.image.image_id]:
            cards[look.image_id, look.number] = LookCard(look, image.row.image.path, link, image.around(look))
    return LookFirst(
        cards=[cards[look.image_id, look.number] for look in masks],
        masks=looks.doubtful_masks,
        images=looks.doubtful_images,
        by_reason={title: count for title, count in looks.by_reason.items() if count},
        unknown=looks.unknown(),
        corrected=looks.masks_of_people,
    )


def _image_pages(store: AnnotationStore, looks: Looks) -> list[PageLink]:
    """Write the pages of all images, and find out meanwhile what deserves a look."""
    folder, source, images = store.folder / REPORT_PAGES, source_of(store), store.manifest.plan.images

    def lines(some: list[ImageLook]) -> list[ImageLine]:
        uris: dict[int, str | None] = {}
        if images <= MAX_DRAWN:
            ids = {look.row.image_id for look in some if look.row.status == "done"}
            uris = {one.row.image.image_id: one.small() for one in read_images(store, source, ids)}
        return [
            ImageLine(look, link_to(source.path_of(look.row.path), folder), uris.get(look.row.image_id))
            for look in some
        ]

    every = (looks.add(row, table) for row, table in store.tables())
    return write_image_pages(folder, store.folder.resolve().name, every, images, lines)


def _quarantined(row: ImageRow, source: Source) -> Quarantined:
    path = source.path_of(row.path)
    return Quarantined(row.path, row.reason or "", None if path is None else str(path), _exists(path))


def _exists(path: Path | None) -> bool:
    try:
        return path is not None and path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _flat(facts: Mapping[str, Any]) -> dict[str, str]:  # Any: JSON
    """Flatten nested settings, without those that are not set."""
    found: dict[str, str] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            found |= _flat(value)
        elif value is not None and value is not False:
            found[name] = value if isinstance(value, str) else json.dumps(value)[:80]
    return found


def _bars(summary: Summary) -> Iterator[Bars]:
    edges = [f"{edge:,.0f}" for edge in summary.masks_per_image.edges[:-1]]
    labels = [*edges[:-1], f"{edges[-1].removesuffix(',000')}k+"]  # narrow, as its bar is
    yield _histogram("Masks per image", summary.masks_per_image, labels, "{:,.0f}")
    yield _histogram(
        "Area of masks, as a share of the image",
        summary.area_fraction,
        ("0.0001 %", "0.01 %", "1 %", "100 %"),
        "{:.3g} %",
        100,
    )
    for title, histogram in (
        ("Predicted IoU", summary.predicted_iou),
        ("Stability score", summary.stability_score),
    ):
        if histogram.number:
            yield _histogram(title, histogram, ("0", "0.25", "0.5", "0.75", "1"), "{:.2f}")


def _histogram(title: str, histogram: Histogram, labels: Sequence[str], form: str, scale: float = 1) -> Bars:
    mean = histogram.mean
    edges = (scale * histogram.edges).tolist()
    return Bars(
        title=title,
        note="" if mean is None else f"mean {form.format(scale * mean)}",
        labels=labels,
        counts=histogram.counts.tolist(),
        tips=[
            f"{form.format(low)} to {form.format(high)}: {count:,}"
            for low, high, count in zip(edges, edges[1:], histogram.counts.tolist(), strict=False)
        ],
    )


def _galleries(store: AnnotationStore, summary: Summary, source: Source) -> Iterator[Gallery]:
    """Yield a gallery of random images, and one for each kind of suspicious images that occurs."""
    duplicates = {image_id for pair in summary.duplicates.pairs for image_id in pair}
    kinds = (
        ("Random images", "A random sample, the same on every run.", summary.random, False),
        ("Images without a mask", "{} in all.", summary.empty, True),
        ("Images with very many masks", "{} in all, most masks first.", summary.crowded, True),
        ("Masks of a whole image", "{} images with a mask of at least 95 % of their area.", summary.full_frame, True),
    )
    wanted = {row.image_id for _, _, chosen, _ in kinds for row in chosen.examples} | duplicates
    drawn = dict(_shown(store, source, wanted))
    for title, note, chosen, is_suspicious in kinds:
        if chosen.examples:
            yield Gallery(title, note.format(f"{chosen.count:,}"), _images(chosen, drawn), is_suspicious)
    if summary.duplicates.count:
        how = "look exactly" if summary.duplicates.is_exact else "look nearly"
        yield Gallery(
            "Near duplicates",
            f"{summary.duplicates.count:,} images {how} like an earlier one, shown before each.",
            [drawn[image_id] for pair in summary.duplicates.pairs for image_id in pair if image_id in drawn],
        )


def _images(chosen: Chosen, drawn: Mapping[int, Shown]) -> list[Shown]:
    return [drawn[row.image_id] for row in chosen.examples if row.image_id in drawn]


def _shown(store: AnnotationStore, source: Source, image_ids: set[int]) -> Iterator[tuple[int, Shown]]:
    """Draw images with their masks."""
    for image in read_images(store, source, image_ids):
        row = image.row.image
        link = link_to(source.path_of(row.path), store.folder)
        yield row.image_id, Shown(row.path, _detail(row), image.whole(), link)


def _detail(row: ImageRow) -> str:
    return f"{counted(row.masks, 'mask')}, {row.width} × {row.height} pixels, {row.seconds:.2f} s"
