"""Base of all annotation writers: a target that appears atomically, and an account of losses."""

from __future__ import annotations

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from samara._version import __version__
from samara.datasets.annotated import AnnotatedImage
from samara.datasets.writing.image_files import MARKER
from samara.datasets.writing.json_list import json_text
from samara.datasets.writing.options import WriterOptions
from samara.errors import OutputError

CONTRIBUTOR = "samara"


@dataclass(frozen=True, slots=True)
class Losses:
    """The losses of a format.

    Attributes:
        masks: number of masks written.
        changed: number of masks that read back with different pixels, including those left out.
        left_out: number of masks that are not in the format at all: empty ones, or covered by others.
        mean_iou: mean IoU between each non-empty mask and its read-back version; 1 if there are none.
        worst_iou: the smallest such IoU.
        worst: location of that mask, as "FILE NAME, mask INDEX"; None while nothing changed.
        unplaced: number of images with pixel coordinates in a format for geographic ones.
    """

    masks: int = 0
    changed: int = 0
    left_out: int = 0
    mean_iou: float = 1.0
    worst_iou: float = 1.0
    worst: str | None = None
    unplaced: int = 0


class LossMeter:
    """Accumulates losses, mask by mask."""

    def __init__(self) -> None:
        self._masks = self._changed = self._left_out = self._with_pixels = 0
        self._sum = 0.0
        self._worst_iou = 1.0
        self._worst: str | None = None
        self._unplaced = 0

    def add_unplaced(self) -> None:
        """Count an image with pixel coordinates instead of geographic ones."""
        self._unplaced += 1

    def add(self, image: AnnotatedImage, index: int, iou: float, *, left_out: bool = False) -> None:
        """Count a mask.

        Args:
            image: image of the mask.
            index: index of the mask in its image.
            iou: IoU between the mask and its read-back version; ignored for an empty mask.
            left_out: whether the format does not contain the mask at all.
        """
        has_pixels = image.masks.rles[index].area > 0
        self._masks += 1
        self._left_out += left_out
        self._changed += left_out or iou < 1
        if has_pixels:
            self._with_pixels += 1
            self._sum += iou
            if iou < self._worst_iou:
                self._worst_iou, self._worst = iou, f"{image.file_name}, mask {index}"

    @property
    def losses(self) -> Losses:
        """Losses so far."""
        mean = self._sum / self._with_pixels if self._with_pixels else 1.0
        return Losses(self._masks, self._changed, self._left_out, mean, self._worst_iou, self._worst, self._unplaced)


class StagedWriter(ABC):
    """A writer whose target is moved into place at `close`, from a hidden folder next to it.

    A format implements `_add` and `_finish`; an image that `_add` refuses must leave no trace.
    """

    is_folder: ClassVar[bool]

    @classmethod
    def file_of(cls, file_name: str) -> Path | None:
        """Return the file within the target with the annotations of a single image.

        Called before the work, when only the name of an image is known.

        Args:
            file_name: name of the image.

        Returns:
            None if the format has no such files and accepts any name.

        Raises:
            OutputError: the format does not support this name.
        """
        return None

    @classmethod  # noqa: B027 - most formats accept any
    def require_categories(cls, names: Iterable[str]) -> None:
        """Check that the format supports these categories together.

        Raises:
            OutputError: it does not.
        """

    def __init__(self, target: Path, options: WriterOptions | None = None) -> None:
        """Start writing.

        Args:
            target: the file or folder to create; missing parents are created.
            options: options of the writer; None for the defaults.

        Raises:
            OutputError: the target exists and must not be overwritten, or its parent cannot be created.
        """
        self._target = Path(target)
        self.options = WriterOptions() if options is None else options
        self.meter = LossMeter()
        self._is_open = True
        require_free(self._target, is_folder=self.is_folder, overwrite=self.options.overwrite)
        with _told(self._target):
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._room = Path(
                tempfile.mkdtemp(prefix=f".{self._target.name}.", suffix=".part", dir=self._target.parent)
            )
            # What becomes the target; other files in the staging folder are temporary.
            self.staged = self._room / self._target.name
            if self.is_folder:
                self.staged.mkdir()

    @abstractmethod
    def _add(self, image: AnnotatedImage) -> None:
        """Add an image."""

    @abstractmethod
    def _finish(self) -> None:
        """Complete `staged`."""

    @property
    def target(self) -> Path:
        """The file or folder that is written."""
        return self._target

    @property
    def losses(self) -> Losses:
        """Losses of the images so far."""
        return self.meter.losses

    @property
    def provenance(self) -> dict[str, Any]:
        """Provenance of the export."""
        return {"contributor": CONTRIBUTOR, "version": __version__, **self.options.info}

    def scaffold(self, name: str) -> Path:
        """Return a path for a temporary file."""
        return self._room / f"{name}.scaffold"

    def add(self, image: AnnotatedImage) -> None:
        """Add an image; see `AnnotationWriter`."""
        if not self._is_open:
            raise OutputError(f"{self._target} is closed; nothing more can be added")
        try:
            self._add(image)
        except OutputError:
            raise
        except OSError as error:
            # The image may be half written: the files are unusable.
            self.discard()
            raise _failure(self._target, error) from error

    def close(self) -> None:
        """Move the complete result into place; see `AnnotationWriter`."""
        if not self._is_open:
            return
        try:
            with _told(self._target):
                self._finish()
                if self.is_folder:
                    marker = self.provenance | {"losses": asdict(self.losses)}
                    (self.staged / MARKER).write_text(json_text(marker) + "\n", encoding="ascii")
                self._publish()
        finally:
            self.discard()

    def discard(self) -> None:
        """Discard the result; see `AnnotationWriter`."""
        self._is_open = False
        self._release()
        shutil.rmtree(self._room, ignore_errors=True)

    def _release(self) -> None:  # noqa: B027 - most formats keep none open
        """Close files that are still open."""

    def _publish(self) -> None:
        # Another process may have created it since the start.
        require_free(self._target, is_folder=self.is_folder, overwrite=self.options.overwrite)
        if not (self.is_folder and self._target.exists()):
            os.replace(self.staged, self._target)
            return
        # A non-empty folder cannot be replaced atomically: the old one is kept in the staging folder until the new one
        # is in place.
        old = self._room / "old"
        os.replace(self._target, old)
        try:
            os.replace(self.staged, self._target)
        except OSError:
            os.replace(old, self._target)
            raise

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, or discard after an error."""
        if error is None:
            self.close()
        else:
            self.discard()


@contextmanager
def _told(target: Path) -> Iterator[None]:
    """Convert operating system errors to a message."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise _failure(target, error) from error


def _failure(target: Path, error: OSError) -> OutputError:
    return OutputError(f"{target} cannot be written: {error.strerror or error}")


def require_free(target: Path, *, is_folder: bool, overwrite: bool) -> None:
    """Check that a target may be created.

    Args:
        target: the file or folder to create.
        is_folder: whether it is a folder.
        overwrite: replace an existing target if samara wrote it.

    Raises:
        OutputError: it exists and must not be overwritten.
    """
    if not os.path.lexists(target):
        return
    if not overwrite:
        raise OutputError(f"{target} exists; choose another path, or allow overwriting")
    if is_folder != target.is_dir():
        raise OutputError(
            f"{target} is a {'file' if is_folder else 'folder'} and would be replaced by the other kind; choose "
            "another path"
        )
    if is_folder and not (target / MARKER).is_file() and any(target.iterdir()):
        raise OutputError(f"{target} contains something that samara did not write; choose another path, or remove it")
