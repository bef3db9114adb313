"""Exports of a store to annotation formats, image by image."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from samara.annotation.inputs.sources import Source
from samara.annotation.store.rows import AnnotatedRow
from samara.annotation.store.store import AnnotationStore, open_store
from samara.datasets.annotated import AnnotatedImage, GeoReference
from samara.datasets.formats import write_annotations
from samara.datasets.writing.category_choice import CategoryChoice, category_choice
from samara.datasets.writing.category_numbers import UNNAMED
from samara.datasets.writing.options import USUAL_FORMAT, WriterOptions
from samara.datasets.writing.staged_writer import Losses
from samara.errors import AnnotationStopped, SettingsError

_ARCHIVE = "archive"


def export_store(
    store: AnnotationStore,
    formats: Sequence[str],
    out: Path,
    options: WriterOptions | None = None,
    *,
    categories: CategoryChoice | None = None,
    is_partial: bool = False,
) -> dict[str, Losses]:
    """Export the annotations of a store to other formats, in one pass and in bounded memory.

    Args:
        store: the store; its quarantined images are left out.
        formats: names from `samara.datasets.formats.WRITERS`.
        out: folder for the results.
        options: options of the writers; the provenance of the masks is added to `info`.
        categories: chosen categories with their names and numbers; None for those of the store. Counts what it leaves
            out.
        is_partial: export an incomplete store as far as it goes.

    Returns:
        What each format lost.

    Raises:
        AnnotationStopped: the store is incomplete.
        SettingsError: a format is unknown, or an option applies to none of the formats.
        OutputError: see `samara.datasets.formats.write_annotations`.
    """
    if not is_partial and not store.is_complete:
        raise AnnotationStopped(
            f"{store.folder} is incomplete; finish it with `samara.annotate(..., resume=True)`, or export the finished "
            "part with `partial=True`"
        )
    options = WriterOptions() if options is None else options
    require_images(store.manifest.job["source"]["kind"], options)
    options = replace(options, info={**export_facts(store), **options.info})
    images = annotated_images(store)
    if categories is not None:
        options = replace(options, categories=categories.in_order)
        images = categories.apply(images)
    return write_annotations(images, out=out, formats=list(formats), options=options)


def export_annotations(
    store: str | os.PathLike[str] | AnnotationStore,
    *,
    out: str | os.PathLike[str],
    formats: str | Sequence[str] = (USUAL_FORMAT,),
    options: WriterOptions | None = None,
    categories: CategoryChoice | Mapping[str, str] | Iterable[str] | None = None,
    partial: bool = False,
) -> dict[str, Losses]:
    """Export the annotations of a store to other formats, in one pass and in bounded memory.

    Args:
        store: folder written by `samara.annotate`, or result of `samara.open_store`; its quarantined images are left
            out.
        out: folder for the results.
        formats: "coco", "coco-polygons", "yolo", "voc", "label-studio", "label-studio-polygons", "png", "geojson",
            "sa-1b".
        options: options of the writers.
        categories: names in the order of their numbers, or a mapping of old names to new; others follow, unless a
            `CategoryChoice` leaves them out. None for those of the store.
        partial: export an incomplete store as far as it goes.

    Returns:
        What each format lost.

    Raises:
        SamaraError: see `export_store`; `FormatsRefused` names the formats that were not written; the others were.
    """
    opened = store if isinstance(store, AnnotationStore) else open_store(store)
    named = (formats,) if isinstance(formats, str) else formats
    return export_store(opened, named, Path(out), options, categories=category_choice(categories), is_partial=partial)


def require_images(kind: str, options: WriterOptions) -> None:
    """Check that the images can be linked or copied, if requested.

    Args:
        kind: kind of the source, see `samara.annotation.inputs.sources.Source`.
        options: options of the export.

    Raises:
        SettingsError: the images are in an archive.
    """
    if kind == _ARCHIVE and options.images != "none":
        raise SettingsError(
            f"the images are in an archive, so there are no files to {options.images}; unpack the archive first, or "
            "leave `WriterOptions(images=...)` out"
        )


def export_facts(store: AnnotationStore) -> dict[str, Any]:
    """Return the provenance of the annotations, for formats that can store it."""
    manifest = store.manifest
    checkpoint = manifest.job["checkpoint"]
    return {
        "checkpoint": checkpoint["name"],
        "sha256_of_checkpoint": checkpoint.get("sha256"),
        "licence_of_weights": checkpoint.get("licence"),
        "weights": checkpoint.get("weights"),
        "settings": manifest.job["settings"],
        "created": manifest.created,
    }


def annotated_images(store: AnnotationStore) -> Iterator[AnnotatedImage]:
    """Yield the finished images of a store in the form the writers take."""
    source = source_of(store)
    return (annotated_image(row, source) for row in store.masks())


def source_of(store: AnnotationStore) -> Source:
    """Return the source of the images of a store."""
    facts = store.manifest.job["source"]
    return Source(facts["kind"], Path(facts["root"]))


def annotated_image(row: AnnotatedRow, source: Source, facts: Mapping[str, Any] | None = None) -> AnnotatedImage:
    """Convert an image of a store to the form the writers take; `facts` are for formats that can keep them."""
    place = json.loads(row.image.georeference or "{}")
    return AnnotatedImage(
        file_name=row.image.path,
        masks=row.masks,
        image_id=row.image.image_id,
        categories=_categories(row),
        path=source.path_of(row.image.path),
        georeference=GeoReference(tuple(place["transform"]), place["crs"]) if "transform" in place else None,
        misplaced=place.get("misplaced"),
        numbers=row.numbers,
        made_by=row.made_by,
        facts=facts or {},
    )


def _categories(row: AnnotatedRow) -> tuple[str, ...] | None:
    if all(category is None for category in row.categories):
        return None
    return tuple(category or UNNAMED for category in row.categories)
