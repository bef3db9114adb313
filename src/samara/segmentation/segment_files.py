"""Segmentation of image files into overlays and annotations: the implementation of `samara segment`."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from samara.checkpoints.licences import licence_of
from samara.datasets.writing.coco_adding import NewImage, addable, read_addable
from samara.engines.loaded import Loaded
from samara.errors import OutputError, SamaraError, SettingsError
from samara.images.encode import png_bytes
from samara.images.paths import Given, absolute
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.masks.mask_set import MaskSet
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.segmentation.drawing.overlay import draw_masks
from samara.segmentation.file_settings import FileSettings, MasksPerPrompt
from samara.segmentation.instances.settings import InstanceSettings
from samara.segmentation.open import open_segmenter
from samara.segmentation.predictor import check_capabilities, check_everything
from samara.segmentation.prompts import Prompt
from samara.segmentation.segmenter import Segmenter
from samara.system.files import locked, require_file, require_folder, write_atomically
from samara.system.progress import Progress, under_name

ANNOTATIONS = "annotations.json"


@dataclass(frozen=True)
class Segmented:
    """One segmented image."""

    path: Path
    overlay: Path
    masks: MaskSet


@dataclass(frozen=True)
class Failed:
    """One failed image and the reason."""

    path: Path
    reason: str


@dataclass(frozen=True)
class SegmentationOutcome:
    """Result of a call."""

    done: tuple[Segmented, ...]
    failed: tuple[Failed, ...]
    annotations: Path


def segment_files(
    paths: Sequence[Path],
    loaded: Loaded,
    out: Path,
    *,
    prompts: Sequence[Prompt] = (),
    settings: AutomaticSettings | InstanceSettings | None = None,
    answer: MasksPerPrompt = FileSettings.answer,
    overwrite: bool = False,
    reading: ImageReading = AS_THEY_ARE,
    progress: Progress | None = None,
) -> SegmentationOutcome:
    """Segment images; a failed image is reported in the outcome and does not stop the others.

    Finished images are written even if the work is interrupted or a later image cannot be written. If no image
    succeeds, nothing is written.

    Args:
        paths: image files; duplicates are ignored.
        loaded: the checkpoint.
        out: folder for `<file name>.png` overlays and `annotations.json`, created if necessary. Existing annotations
            are kept, except those of the same images, which are replaced.
        prompts: prompts for every image; if empty, everything in the image is segmented.
        settings: settings of automatic masks.
        answer: masks per prompt.
        overwrite: replace an existing `annotations.json` and overlays.
        reading: options for reading images.
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
    results = Results(out, given, overwrite=overwrite)
    failed: list[Failed] = []
    try:
        for path in images.values():
            try:
                image = reading.pixels(path)
                masks = _segment(image, segmenter, prompts, answer, under_name(progress, path.name))
            except OutputError:
                raise
            except SamaraError as error:
                failed.append(Failed(path, str(error)))
            else:
                results.add(path, masks, png_bytes(draw_masks(image, masks, prompts)))
    finally:
        results.save(description(segmenter, prompts) | reading.facts())
    return SegmentationOutcome(tuple(results.done), tuple(failed), results.annotations)


class Results:
    """Output folder of a call.

    Attributes:
        annotations: path of the COCO file.
        done: images segmented so far.

    Raises:
        OutputError: The folder cannot be written, or its COCO file cannot be extended.
    """

    def __init__(self, out: Path, given: Given, *, overwrite: bool = False) -> None:
        require_folder(out)
        self.out, self.given, self.overwrite = out, given, overwrite
        self.annotations = out / ANNOTATIONS
        self.done: list[Segmented] = []
        require_file(self.annotations)
        self._images = [Path(path) for path in given.paths]
        before = read_addable(self.annotations, self._images, overwrite=overwrite)
        # Overlays that may be replaced: those recorded in the file for the same images.
        self._own = {
            os.path.realpath(image): str(row.get("overlay", overlay_name(image, 1)))
            for image in self._images
            if (row := before.image_of(image)) is not None
        }

    def add(self, path: Path, masks: MaskSet, overlay: bytes) -> None:
        """Write the overlay of an image and keep its masks for `save`.

        Raises:
            OutputError: The overlay cannot be written.
        """
        with locked(self.annotations):
            place = self._overlay_path(path)
            write_atomically(place, overlay)
        self.done.append(Segmented(path, place, masks))

    def save(self, info: dict[str, Any]) -> None:
        """Add the segmented images to the COCO file; do nothing if there are none.

        Raises:
            OutputError: The file cannot be extended.
        """
        if not self.done:
            return
        new = [
            NewImage(image=self._absolute(one.path), masks=one.masks, notes={"overlay": one.overlay.name})
            for one in self.done
        ]
        with addable(self.annotations, [one.image for one in new], overwrite=self.overwrite) as file:
            file.add(new, self.given.root, info)

    def _overlay_path(self, path: Path) -> Path:
        """Return the path of the image's own overlay, or an unused one; never that of another file."""
        own = self._own.get(os.path.realpath(path))
        taken = {os.path.realpath(image) for image in self._images}
        taken |= {os.path.realpath(one.overlay) for one in self.done}

        def is_free(place: Path) -> bool:
            may_be_replaced = own == place.name or self.overwrite or not os.path.lexists(place)
            return may_be_replaced and os.path.realpath(place) not in taken

        return overlay_paths([path], self.out, is_free)[0]

    def _absolute(self, path: Path) -> Path:
        return Path(absolute(str(path), Path.cwd()))


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


def overlay_paths(paths: Sequence[Path], out: Path, is_free: Callable[[Path], bool] = lambda place: True) -> list[Path]:
    """Return an overlay path for each image: its name plus .png, numbered if names repeat or are taken."""
    chosen: list[Path] = []
    for path in paths:
        places = (out / overlay_name(path, number) for number in itertools.count(1))
        chosen.append(next(place for place in places if place not in chosen and is_free(place)))
    return chosen


def overlay_name(path: Path, number: int) -> str:
    """Return the name of an image's overlay: its name plus .png, numbered if names repeat."""
    return f"{path.name}{f'-{number}' if number > 1 else ''}.png"


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
