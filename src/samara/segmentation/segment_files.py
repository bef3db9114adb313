"""Segmentation of image files into overlays and annotations: the implementation of `samara segment`."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from samara.checkpoints.licences import licence_of
from samara.engines.loaded import Loaded
from samara.errors import SamaraError, SettingsError
from samara.images.paths import Given
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.masks.mask_set import MaskSet
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.segmentation.capabilities import check_capabilities, check_everything
from samara.segmentation.file_settings import FileSettings, MasksPerPrompt
from samara.segmentation.instances.settings import InstanceSettings
from samara.segmentation.open import open_segmenter
from samara.segmentation.prompts import Prompt
from samara.segmentation.results import Results, Saving, Segmented
from samara.segmentation.segmenter import Segmenter
from samara.system.progress import Progress, under_name

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failed:
    """One failed image and the reason."""

    path: Path
    reason: str


@dataclass(frozen=True)
class SegmentationOutcome:
    """Result of a call.

    Attributes:
        done: images that were segmented.
        failed: images that were not.
        annotations: path of the COCO file; None if none was asked for.
        sheets: paths of contact sheets.
        outdated: files and folders of earlier calls that show masks which this call replaced.
    """

    done: tuple[Segmented, ...]
    failed: tuple[Failed, ...]
    annotations: Path | None
    sheets: tuple[Path, ...]
    outdated: tuple[Path, ...]


def segment_files(
    paths: Sequence[Path],
    loaded: Loaded,
    saving: Saving,
    *,
    prompts: Sequence[Prompt] = (),
    settings: AutomaticSettings | InstanceSettings | None = None,
    answer: MasksPerPrompt = FileSettings.answer,
    reading: ImageReading = AS_THEY_ARE,
    notes: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Progress | None = None,
) -> SegmentationOutcome:
    """Segment images; a failed image is reported in the outcome and does not stop the others.

    Finished images are written even if the work is interrupted or a later image cannot be written. If no image
    succeeds, nothing is written.

    Args:
        paths: image files; duplicates are ignored.
        loaded: the checkpoint.
        saving: what is written, and where. Existing annotations are kept, except those of the same images, which are
            replaced.
        prompts: prompts for every image; if empty, everything in the image is segmented.
        settings: settings of automatic masks.
        answer: masks per prompt.
        reading: options for reading images.
        notes: further keys of an image's entry in the COCO file, by the image's path.
        progress: called with the image's name, the steps done and the total steps.

    Raises:
        SettingsError: No image was given, or the settings do not fit the checkpoint.
        PromptError: The checkpoint does not support the prompts.
        OutputError: The folder cannot be created, or its `annotations.json` cannot be extended.
    """
    if not paths:
        raise SettingsError("no image was given; name at least one file")
    given = Given.of(map(str, paths))
    images: dict[str, Path] = {}
    for place, path in zip(given.paths, paths, strict=True):
        images.setdefault(os.path.realpath(place), path)
    segmenter = open_segmenter(loaded, settings)
    for prompt in prompts:
        check_capabilities(prompt, loaded.variant)
    if not prompts:
        check_everything(loaded.variant)
    info = description(segmenter, prompts) | reading.facts()
    results = Results(saving, given, info, prompts=prompts, answer=answer, notes=notes)
    failed: list[Failed] = []
    try:
        for path in images.values():
            try:
                image, masks = _read_and_segment(path, segmenter, prompts, answer, reading, progress)
            except SamaraError as error:
                failed.append(Failed(path, str(error)))
            else:
                results.add(path, image, masks)
    finally:
        results.finish()
    annotations = saving.annotations if "json" in saving.kinds else None
    return SegmentationOutcome(tuple(results.done), tuple(failed), annotations, results.sheets, tuple(results.outdated))


def _read_and_segment(
    path: Path,
    segmenter: Segmenter[Any],  # Any: each kind sees its own
    prompts: Sequence[Prompt],
    answer: MasksPerPrompt,
    reading: ImageReading,
    progress: Progress | None,
) -> tuple[npt.NDArray[np.uint8], MaskSet]:
    started = time.perf_counter()
    image = reading.pixels(path)
    read = time.perf_counter()
    masks = _segment(image, segmenter, prompts, answer, under_name(progress, path.name))
    _log.info(
        "%s: %d × %d pixels, read in %.2f s, %d masks in %.2f s",
        *(path, image.shape[1], image.shape[0], read - started, len(masks), time.perf_counter() - read),
    )
    return image, masks


def _segment(
    image: npt.NDArray[np.uint8],
    segmenter: Segmenter[Any],  # Any: each kind sees its own
    prompts: Sequence[Prompt],
    answer: MasksPerPrompt,
    progress: Progress | None,
) -> MaskSet:
    if not prompts:
        return segmenter.generate(image, progress=progress)
    size_hw = (image.shape[0], image.shape[1])
    for prompt in prompts:  # before running the network
        prompt.check_inside(size_hw)
    seen = segmenter.embed(image)
    if answer == "best":
        masks = segmenter.best(seen, prompts)
    else:
        masks = segmenter.answer(seen, prompts, multimask=answer == "three")
    if progress is not None:
        progress("prompts", 1, 1)
    return masks


def description(segmenter: Segmenter[Any], prompts: Sequence[Prompt]) -> dict[str, Any]:
    """Return a description of how the masks were made, for the annotation file."""
    loaded = segmenter.loaded
    facts: dict[str, Any] = {
        "checkpoint": loaded.name,
        "weights": loaded.provenance.weights,
        "licence_of_weights": loaded.provenance.licence,
        "variant": loaded.variant.name,
        "input_size": loaded.input_size,
        "precision": loaded.precision,
        "engine": loaded.engine,
    }
    if loaded.provenance.weights == "file":
        facts["licence_means"] = licence_of(loaded.provenance.licence).consequence
    if loaded.hq_token_only:
        facts["hq_token_only"] = True
    if loaded.variant.preset is not None:
        facts["preset"] = loaded.variant.preset
    if prompts:
        return facts | {"prompts": [_described(prompt) for prompt in prompts]}
    return facts | {"settings": segmenter.described_settings()}


def _described(prompt: Prompt) -> dict[str, Any]:
    return {
        "points": prompt.points_xy.tolist(),
        "labels": prompt.point_labels.tolist(),
        "box": None if prompt.box_xyxy is None else prompt.box_xyxy.tolist(),
    }
