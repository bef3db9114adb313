"""The folder of results of `samara segment`: annotations that are added to, and images that show them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from samara.datasets.writing.coco_adding import CocoFile, NewImage, addable, read_addable
from samara.images.encode import png_bytes
from samara.images.paths import Given, absolute
from samara.masks.drawing.style import OverlayStyle
from samara.masks.file_kinds import FILE_KINDS, PER_MASK, USUAL_KINDS, FileKind, place_of
from samara.masks.mask_set import MaskSet
from samara.masks.saving import covered_by_others, mask_files
from samara.segmentation.contact_sheet import SheetWriter
from samara.segmentation.drawing.overlay import draw_answers, draw_styled
from samara.segmentation.file_settings import MasksPerPrompt, Saved
from samara.segmentation.prompts import Prompt
from samara.segmentation.result_names import names_folder, result_name
from samara.system.files import locked, require_file, require_folder, write_atomically

ANNOTATIONS = "annotations.json"
# Key of an image's entry in that file: its name among the results.
RESULTS = "results"
# Images wait to be written until this many pixels are waiting, or writing costs little beside the work in between.
_WAITING_PIXELS = 64 << 20
_SHARE_OF_TIME = 0.1


@dataclass(frozen=True, kw_only=True)
class Saving:
    """What is written, and how.

    Attributes:
        out: folder of the results.
        kinds: what is written.
        style: how masks are drawn.
        overwrite: whether an existing `annotations.json` and other files are replaced.
    """

    out: Path
    kinds: Sequence[Saved] = USUAL_KINDS
    style: OverlayStyle = field(default_factory=OverlayStyle)
    overwrite: bool = False

    @property
    def annotations(self) -> Path:
        """Path of the COCO file."""
        return self.out / ANNOTATIONS

    @property
    def file_kinds(self) -> tuple[FileKind, ...]:
        """The kinds of files that each image has."""
        return tuple(kind for kind in FILE_KINDS if kind in self.kinds and kind != "json")

    def read_before(self, images: Sequence[Path]) -> CocoFile:
        """Read what is in the COCO file already; nothing if it is not to be written."""
        return read_addable(self.annotations, images, overwrite=self.overwrite or "json" not in self.kinds)


@dataclass(frozen=True, kw_only=True)
class Segmented:
    """One segmented image.

    Attributes:
        path: the image file.
        masks: its masks.
        ids: their numbers: annotation ids if there is a COCO file, or else counted from 1.
        files: by kind what was written: a PNG, or for masks and cutouts a folder.
        covered: number of masks that have no pixel in the label map, 0 if there is none.
    """

    path: Path
    masks: MaskSet
    ids: tuple[int, ...]
    files: Mapping[FileKind, Path]
    covered: int = 0

    @property
    def overlay(self) -> Path | None:
        """Path of the overlay, if there is one."""
        return self.files.get("overlay")


@dataclass(frozen=True, eq=False)
class _Waiting:
    path: Path
    image: npt.NDArray[np.uint8]
    masks: MaskSet


def require_results(saving: Saving, images: Sequence[Path]) -> None:
    """Check before the work whether its results can be written; leaves nothing behind.

    Raises:
        OutputError: the folder cannot be written, or its COCO file cannot be added to.
    """
    require_folder(saving.out)
    require_file(saving.annotations)
    saving.read_before(images)


class Results:
    """Results of a call, written as they come.

    Attributes:
        done: images that were written so far.
        outdated: files and folders of earlier calls, of kinds that are not written now, whose masks were replaced.
    """

    def __init__(
        self,
        saving: Saving,
        given: Given,
        info: Mapping[str, Any],
        *,
        prompts: Sequence[Prompt] = (),
        answer: MasksPerPrompt = "best",
        notes: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Prepare to write.

        Args:
            saving: what is written, and how.
            given: the images of the call.
            info: how the masks are made, for the COCO file.
            prompts: prompts to draw.
            answer: masks per prompt.
            notes: further keys of an image's entry in the COCO file, by the image's path.

        Raises:
            OutputError: see `require_results`.
        """
        self.saving, self.given, self.info, self.prompts, self.answer = saving, given, info, prompts, answer
        self.notes = notes or {}
        self.done: list[Segmented] = []
        self.outdated: list[Path] = []
        self._images = [Path(path) for path in given.paths]
        require_results(saving, self._images)
        self._sheet = SheetWriter(saving.out, overwrite=saving.overwrite) if "sheet" in saving.kinds else None
        self._waiting: list[_Waiting] = []
        self._names: dict[str, str] = {}  # real path of the image by name
        self._is_first, self._last, self._cost = True, time.monotonic(), 0.0

    @property
    def sheets(self) -> tuple[Path, ...]:
        """Contact sheets that were written."""
        return () if self._sheet is None else tuple(self._sheet.written)

    def add(self, path: Path, image: npt.NDArray[np.uint8], masks: MaskSet) -> None:
        """Take an image; it is written now or soon.

        Raises:
            OutputError: see `save`.
        """
        self._waiting.append(_Waiting(path, image, masks))
        pixels = sum(one.image.shape[0] * one.image.shape[1] for one in self._waiting)
        passed = time.monotonic() - self._last
        if pixels > _WAITING_PIXELS or self._cost < _SHARE_OF_TIME * passed:
            self.save()

    def save(self) -> None:
        """Write the images that wait: first the annotations, which the numbers in the images refer to.

        Raises:
            OutputError: something cannot be written; annotations that were there are kept.
        """
        if not self._waiting:
            return
        started = time.monotonic()
        waiting, self._waiting = self._waiting, []
        with locked(self.saving.annotations) if "json" not in self.saving.kinds else nullcontext():
            for one, name, ids, before in self._numbered(waiting):
                self._write(one, name, ids, before)
        self._is_first, self._last = False, time.monotonic()
        self._cost = self._last - started

    def finish(self) -> None:
        """Write what waits, and the last contact sheet.

        Raises:
            OutputError: see `save`.
        """
        self.save()
        if self._sheet is not None:
            self._sheet.finish()

    def _numbered(self, waiting: Sequence[_Waiting]) -> list[tuple[_Waiting, str, Sequence[int], Sequence[int]]]:
        """Name the images and number their masks, in the COCO file if there is one.

        Returns:
            For each image its name, the numbers of its masks, and the numbers of those that they replace.
        """
        paths = [Path(absolute(str(one.path), Path.cwd())) for one in waiting]
        if "json" not in self.saving.kinds:
            names = [self._name(path, CocoFile(self.saving.annotations)) for path in paths]
            return [(one, name, range(1, len(one.masks) + 1), ()) for one, name in zip(waiting, names, strict=True)]
        overwrite = self.saving.overwrite and self._is_first
        with addable(self.saving.annotations, paths, overwrite=overwrite) as file:
            before = [file.ids_of(path) for path in paths]
            names = [self._name(path, file) for path in paths]
            new = [
                NewImage(image=path, masks=one.masks, notes={RESULTS: name} | dict(self.notes.get(str(one.path), {})))
                for one, path, name in zip(waiting, paths, names, strict=True)
            ]
            ids = file.add(new, self.given.root, self.info)
        return list(zip(waiting, names, ids, before, strict=True))

    def _name(self, path: Path, file: CocoFile) -> str:
        """Choose the name of an image's results: the one it has already, or a new one."""
        row = file.image_of(path)
        real = os.path.realpath(path)
        taken = {name: image for name, image in (file.by_note(RESULTS) | self._names).items() if image != real}
        own = None if row is None else row.get(RESULTS)
        if isinstance(own, str) and self._is_allowed(own):
            name = own
        else:
            name = result_name(path, names_folder(self._images), taken, self._is_free)
        self._names[name] = real
        return name

    def _is_free(self, name: str) -> bool:
        places = [place_of(self.saving.out, kind, name) for kind in self.saving.file_kinds]
        return self._is_allowed(name) and (self.saving.overwrite or not any(map(os.path.lexists, places)))

    def _is_allowed(self, name: str) -> bool:
        """Return whether no image of the call is in the way, which is never replaced."""
        images = {os.path.realpath(image) for image in self._images}
        places = (place_of(self.saving.out, kind, name) for kind in self.saving.file_kinds)
        return not any(os.path.realpath(place) in images for place in places)

    def _write(self, one: _Waiting, name: str, ids: Sequence[int], before: Sequence[int]) -> None:
        out, kinds = self.saving.out, self.saving.file_kinds
        if "overlay" in kinds:
            write_atomically(place_of(out, "overlay", name), png_bytes(self._drawn(one, ids)))
        if self._sheet is not None:
            caption, style = f"{name}: {len(one.masks)} masks", self.saving.style
            self._sheet.add(caption, one.image, one.masks, self.prompts, ids=ids, style=style)
        for path, data in mask_files(out, name, kinds, one.masks.rles, ids, size_hw=one.masks.size_hw, image=one.image):
            write_atomically(path, data)
        for number in set(before) - set(ids):  # of masks that were replaced
            for kind in PER_MASK:
                (place_of(out, kind, name) / f"{number}.png").unlink(missing_ok=True)
        if before:
            others = [place_of(out, kind, name) for kind in FILE_KINDS if kind not in (*kinds, "json")]
            self.outdated += [place for place in others if place.exists()]
        files = {kind: place for kind in kinds if (place := place_of(out, kind, name)).exists()}
        covered = covered_by_others(one.masks.rles) if "labels" in kinds else 0
        self.done.append(Segmented(path=one.path, masks=one.masks, ids=tuple(ids), files=files, covered=covered))

    def _drawn(self, one: _Waiting, ids: Sequence[int]) -> npt.NDArray[np.uint8]:
        style = self.saving.style
        if self.prompts and self.answer == "three":
            return draw_answers(one.image, one.masks, self.prompts, ids=ids, style=style)
        return draw_styled(one.image, one.masks, self.prompts, ids=ids, style=style)
