"""The images to annotate, and the prompts for each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from samara.annotation.inputs.prompt_entries import Prompts, open_coco, open_prompts
from samara.annotation.inputs.sources import Source, open_source
from samara.datasets.reading.findings import USUAL, Notice, ReadingRules
from samara.errors import SettingsError
from samara.images.settings import AS_THEY_ARE, ImageReading

_LISTS_WITH_BOXES = (".json", ".yaml", ".yml")


def has_boxes(images: Sequence[str]) -> bool:
    """Return whether the images are given as a COCO file or YOLO data.yaml, which list images and boxes."""
    return len(images) == 1 and images[0].lower().endswith(_LISTS_WITH_BOXES)


def open_images(
    images: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    prompts: str | os.PathLike[str] | None = None,
    folder: str | os.PathLike[str] | None = None,
    rules: ReadingRules = USUAL,
    notice: Notice | None = None,
    reading: ImageReading = AS_THEY_ARE,
) -> tuple[Source, Prompts | None]:
    """Open the images, and their prompts if given.

    Args:
        images: see `samara.annotate`.
        prompts: see `samara.annotate`.
        folder: folder of the images listed in a COCO file; None for the file's own.
        rules: treatment of crowds and of bad entries.
        notice: called with one sentence per kind of entry that was left out or repaired.
        reading: how the images are read, to find sizes the files do not state.

    Raises:
        SettingsError, DatasetError: see `open_source`, `open_coco` and `open_prompts`.
    """
    named = [os.fspath(images)] if isinstance(images, (str, os.PathLike)) else [os.fspath(one) for one in images]
    if has_boxes(named):
        if prompts is not None:
            raise SettingsError(f"{named[0]} brings its own boxes; give the folder of its images and `prompts` instead")
        return open_coco(Path(named[0]), None if folder is None else Path(folder), rules, notice, reading)
    source = open_source(named)
    return source, None if prompts is None else open_prompts(Path(prompts), source, rules, notice, reading)
