"""What the options of `samara annotate` mean: settings, images and prompts from texts and paths."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from samara.errors import SettingsError

if TYPE_CHECKING:
    from samara.annotation.inputs.prompt_entries import Prompts
    from samara.annotation.inputs.sources import Source
    from samara.annotation.run.settings import AnnotationSettings
    from samara.annotation.store.store import IfThere
    from samara.cli.options import DataReading
    from samara.datasets.reading.findings import Notice

DEFAULT_CHECKPOINT = "samara_mini"


def read_settings(
    profile: str | None,
    automatic: dict[str, Any],  # Any: values of the fields of the settings, here and below
    *,
    cleaning: dict[str, Any],
    reading: dict[str, Any],
    asking: str,
) -> tuple[AnnotationSettings, str]:
    """Put settings together, those of a profile first; returns the profile's checkpoint as well.

    Raises:
        SettingsError: a value is not accepted.
    """
    from samara.annotation.run.settings import AnnotationSettings, Cleaning, with_changes
    from samara.annotation.run.settings import profile as profile_of
    from samara.segmentation.automatic.settings import AutomaticSettings

    chosen = None if profile is None else profile_of(profile)
    base = AutomaticSettings() if chosen is None else chosen.automatic
    settings = AnnotationSettings(
        asking="prompts" if asking == "prompts" else "everything",
        automatic=with_changes(base, **automatic),
        cleaning=Cleaning(**cleaning),
        **reading,
    )
    return settings, DEFAULT_CHECKPOINT if chosen is None else chosen.checkpoint


def is_coco(images: list[str]) -> bool:
    """Whether IMAGES is a COCO file, or the yaml of a YOLO data set: both list images and have boxes."""
    return len(images) == 1 and images[0].lower().endswith((".json", ".yaml", ".yml"))


def read_images(
    images: list[str], prompts: Path | None, folder: Path | None, reading: DataReading, notice: Notice
) -> tuple[Source, Prompts | None]:
    """The images, and their prompts if there are any.

    Raises:
        SettingsError, DatasetError: see `open_source`, `open_coco` and `open_prompts`.
    """
    from samara.annotation.inputs.prompt_entries import open_coco, open_prompts
    from samara.annotation.inputs.sources import open_source

    rules, how = reading
    if is_coco(images):
        if prompts is not None:
            raise SettingsError(f"{images[0]} brings its own boxes; give the folder of folder with --prompts instead")
        return open_coco(Path(images[0]), folder, rules, notice, how)
    source = open_source(images)
    return source, None if prompts is None else open_prompts(prompts, source, rules, notice, how)


def choose_if_there(*, resume: bool, overwrite: bool) -> IfThere:
    """What to do with a store that exists.

    Raises:
        SettingsError: both were asked for.
    """
    if resume and overwrite:
        raise SettingsError("--resume goes on with the store and --overwrite deletes it; choose one")
    return "resume" if resume else "overwrite" if overwrite else "refuse"
