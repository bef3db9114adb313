"""Opening the store of some images for editing: an existing one, or a new one that `samara.annotate` can continue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from samara.annotation.editing.editor import StoreEditor
from samara.annotation.exporting import source_of
from samara.annotation.inputs.prefetch import Reading
from samara.annotation.inputs.sources import Source, open_source
from samara.annotation.run.job import AnnotationJob
from samara.annotation.run.settings import AnnotationSettings
from samara.annotation.store.store import MANIFEST, AnnotationStore, create_store, open_store
from samara.checkpoints.choice import Choice
from samara.engines.loaded import Loaded
from samara.errors import SettingsError
from samara.images.settings import AS_THEY_ARE, ImageReading


def open_editor(images: Sequence[str], out: Path, loaded: Loaded, reading: ImageReading = AS_THEY_ARE) -> StoreEditor:
    """Open the store of some images for editing.

    A new store is the one that `samara.annotate` with this checkpoint and no other settings would make, so that it can
    segment everything in the images that nobody has edited, with `resume`.

    Args:
        images: see `samara.annotate`; a folder, files, a list, a tar archive.
        out: folder of the store, created if it does not exist.
        loaded: checkpoint that a new store is of.
        reading: how images are read; an existing store has its own way.

    Raises:
        SettingsError: there is no image, or the store is of other images.
        OutputError: the store cannot be written.
        DatasetError: the store is damaged.
    """
    source = open_source(images)
    if (out / MANIFEST).exists():
        store = open_store(out)
        _require_same_images(store, source)
    else:
        settings = AnnotationSettings(asking="everything", value_range=reading.value_range, frame=reading.frame)
        job = AnnotationJob(choice=Choice(), settings=settings, source=source)
        store = create_store(out, job.facts(loaded), source.entries(leave_out=out), if_there="resume")
    return StoreEditor(store, _reading(store, reading))


def _require_same_images(store: AnnotationStore, source: Source) -> None:
    root = source_of(store).root
    if root != source.root:
        raise SettingsError(
            f"{store.folder} is a store of the images in {root}, not of those in {source.root}; choose another `out`, "
            "or give those images"
        )


def _reading(store: AnnotationStore, asked: ImageReading) -> Reading:
    """Return how the images of a store are read, for its masks and for people who look at them."""
    facts = store.manifest.job["settings"]
    own = ImageReading.from_facts(facts)
    if asked not in (AS_THEY_ARE, own):
        raise SettingsError(
            f"{store.folder} was made with {own.facts() or 'neither value_range nor frame'}; leave them out, or choose "
            "another `out`"
        )
    return Reading(source_of(store).read, facts.get("max_pixels"), 0, own.value_range, own.frame)
