"""The report page of an annotation store: its numbers, its images with their masks, suspicious images."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from samara.annotation.inputs.sources import Source
from samara.annotation.report.page import AnnotationReport, Bars, Gallery, Shown, thumbnail, write_annotation_report
from samara.annotation.report.summary import Chosen, Histogram, Summary, summarise
from samara.annotation.store.rows import ImageRow
from samara.annotation.store.store import REPORT, AnnotationStore
from samara.errors import ImageError
from samara.images.settings import ImageReading

MAX_PIXELS = 100_000_000
"""Larger images are not decoded for a thumbnail."""

_SUSPICIONS = ("images without a mask", "images with very many masks", "masks of a whole image", "near duplicates")


def write_report(store: AnnotationStore) -> Path:
    """Write the report page of a store into the store.

    Raises:
        MissingExtra: jinja2 is not installed.
        OutputError: the file cannot be written.
    """
    path = store.folder / REPORT
    write_annotation_report(path, annotation_report(store))
    return path


def annotation_report(store: AnnotationStore) -> AnnotationReport:
    """Collect what the page shows."""
    summary, manifest = summarise(store), store.manifest
    done = summary.images - summary.quarantined
    checkpoint = manifest.job["checkpoint"]
    galleries = list(_galleries(store, summary))
    titles = " ".join(gallery.title.lower() for gallery in galleries)
    return AnnotationReport(
        title=store.folder.resolve().name,
        summary=f"{summary.masks:,} masks in {done:,} images, made by {manifest.checkpoint}.",
        numbers={
            "images annotated": f"{done:,}",
            "masks": f"{summary.masks:,}",
            "masks per image": f"{summary.masks / done:.1f}" if done else "–",
            "images quarantined": f"{summary.quarantined:,}",
            "seconds per image and process": f"{summary.seconds / done:.2f}" if done else "–",
        },
        bars=list(_bars(summary)),
        galleries=galleries,
        checked=[name for name in _SUSPICIONS if name not in titles],
        quarantined=summary.quarantined,
        reasons=[(row.path, row.reason or "") for row in summary.reasons],
        categories={name: f"{count:,}" for name, count in summary.categories.items()},
        settings=_flat(manifest.job["settings"]),
        provenance={
            "checkpoint": checkpoint["name"],
            "SHA-256 of its file": checkpoint.get("sha256") or "no file",
            "licence of the weights": checkpoint.get("licence") or "unknown",
            "images": f"{manifest.job['source']['root']} ({summary.size_bytes / 1e9:,.3f} GB)",
            "samara": manifest.samara,
            **manifest.versions,
            "begun": manifest.created,
        },
    )


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
    labels = [*edges[:-1], f"{edges[-1]}+"]
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


def _galleries(store: AnnotationStore, summary: Summary) -> Iterator[Gallery]:
    """Yield a gallery of random images, and one for each kind of suspicious images that occurs."""
    duplicates = {image_id for pair in summary.duplicates.pairs for image_id in pair}
    kinds = (
        ("Random images", "A random sample, the same on every run.", summary.random, False),
        ("Images without a mask", "{} in all.", summary.empty, True),
        ("Images with very many masks", "{} in all, most masks first.", summary.crowded, True),
        ("Masks of a whole image", "{} images with a mask of at least 95 % of their area.", summary.full_frame, True),
    )
    wanted = {row.image_id for _, _, chosen, _ in kinds for row in chosen.examples} | duplicates
    drawn = dict(_drawn(store, wanted))
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


def _drawn(store: AnnotationStore, image_ids: set[int]) -> Iterator[tuple[int, Shown]]:
    """Read images again and draw their masks."""
    facts = store.manifest.job["source"]
    source = Source(facts["kind"], Path(facts["root"]))
    reading = ImageReading.from_facts(store.manifest.job["settings"])
    entries = {entry.image_id: entry for entry in store.entries_of(image_ids)}
    for row in store.masks_of(image_ids):
        uri = None
        try:
            encoded = source.read(entries[row.image.image_id])
            if encoded.sha256 == row.image.sha256:  # otherwise the file has changed since
                uri = thumbnail(reading.pixels(encoded.data, max_pixels=MAX_PIXELS), row.masks)
        except ImageError:
            uri = None  # moved or too large
        yield row.image.image_id, Shown(row.image.path, _detail(row.image), uri)


def _detail(row: ImageRow) -> str:
    masks = f"{row.masks:,} mask{'' if row.masks == 1 else 's'}"
    return f"{masks}, {row.width} × {row.height} pixels, {row.seconds:.2f} s"
