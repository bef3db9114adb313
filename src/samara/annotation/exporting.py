"""From the store to annotation formats, one image after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from samara.annotation.rows import AnnotatedRow
from samara.annotation.store import Store
from samara.datasets.annotated import AnnotatedImage, GeoReference
from samara.datasets.formats import convert
from samara.datasets.writing import Losses, WriterOptions
from samara.errors import AnnotationStopped

UNNAMED = "object"
"""Category of masks of which nothing is known, where others of the same image have one."""


def export_store(
    store: Store, formats: Sequence[str], out: Path, *, overwrite: bool = False, is_partial: bool = False
) -> dict[str, Losses]:
    """Write the annotations of a store in other formats, in one pass and in bounded memory.

    Args:
        store: its quarantined images are left out.
        formats: names, see `samara.datasets.formats.WRITERS`.
        out: folder for the results.
        overwrite: replace what is there, if it is ours.
        is_partial: also export a store that is not complete.

    Returns:
        For each format what it could not keep.

    Raises:
        AnnotationStopped: the store is not complete.
        SettingsError: an unknown format.
        OutputError: see `samara.datasets.formats.convert`.
    """
    if not is_partial and not store.is_complete:
        raise AnnotationStopped(
            f"{store.folder} is not complete; go on with `samara annotate ... --resume` first, or export what is there "
            "with --partial"
        )
    options = WriterOptions(overwrite=overwrite, info=export_facts(store))
    return convert(annotated_images(store), list(formats), out, options)


def export_facts(store: Store) -> dict[str, Any]:
    """What made the annotations, for formats that have a place for it."""
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


def annotated_images(store: Store) -> Iterator[AnnotatedImage]:
    """The images of a store that are done, as the writers take them."""
    root = Path(store.manifest.job["source"]["root"])
    has_files = store.manifest.job["source"]["kind"] != "archive"
    for row in store.masks():
        place = json.loads(row.image.georeference or "{}")
        yield AnnotatedImage(
            file_name=row.image.path,
            masks=row.masks,
            image_id=row.image.image_id,
            categories=_categories(row),
            path=root / row.image.path if has_files else None,
            georeference=GeoReference(tuple(place["transform"]), place["crs"]) if "transform" in place else None,
            misplaced=place.get("misplaced"),
        )


def _categories(row: AnnotatedRow) -> tuple[str, ...] | None:
    if all(category is None for category in row.categories):
        return None
    return tuple(category or UNNAMED for category in row.categories)
