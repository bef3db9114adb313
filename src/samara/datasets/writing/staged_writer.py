"""What all annotation writers share: a target that appears complete or not at all, and an account of losses."""

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
    """What a format could not keep.

    Attributes:
        masks: how many were given.
        changed: of these, how many are read back with other pixels, those left out included.
        left_out: of these, how many are not in the format at all: empty ones, or covered by others.
        mean_iou: between mask and what is read back, over all that have pixels; 1 if there are none.
        worst_iou: the smallest such IoU.
        worst: where that is, as "FILE NAME, mask INDEX"; None while nothing changed.
        unplaced: images whose coordinates are pixels, in a format that means places on Earth.
    """

    masks: int = 0
    changed: int = 0
    left_out: int = 0
    mean_iou: float = 1.0
    worst_iou: float = 1.0
    worst: str | None = None
    unplaced: int = 0


class LossMeter:
    """Adds up losses, mask by mask."""

    def __init__(self) -> None:
        self._masks = self._changed = self._left_out = self._with_pixels = 0
        self._sum = 0.0
        self._worst_iou = 1.0
        self._worst: str | None = None
        self._unplaced = 0

    def add_unplaced(self) -> None:
        """Count an image whose coordinates are pixels instead of places on Earth."""
        self._unplaced += 1

    def add(self, image: AnnotatedImage, index: int, iou: float, *, left_out: bool = False) -> None:
        """Count a mask.

        Args:
            image: that it belongs to.
            index: of the mask in its image.
            iou: between the mask and what is read back; without effect for an empty mask.
            left_out: the format does not hold the mask at all.
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
        """The account so far."""
        mean = self._sum / self._with_pixels if self._with_pixels else 1.0
        return Losses(self._masks, self._changed, self._left_out, mean, self._worst_iou, self._worst, self._unplaced)


class StagedWriter(ABC):
    """A writer whose target appears at `close`, out of a hidden folder beside it.

    A format implements `_add` and `_finish`; an image that `_add` refuses must leave no trace.
    """

    is_folder: ClassVar[bool]

    @classmethod
    def file_of(cls, file_name: str) -> Path | None:
        """The file, within the target, that holds the annotations of one image alone.

        What is known of an image before the work is its name, so this is asked then.

        Args:
            file_name: of the image.

        Returns:
            None if the format has no such files, and takes any name.

        Raises:
            OutputError: the format cannot have an image of this name.
        """
        return None

    @classmethod  # noqa: B027 - most formats take any
    def require_categories(cls, names: Iterable[str]) -> None:
        """Make sure that the format can have these categories together.

        Raises:
            OutputError: it cannot.
        """

    def __init__(self, target: Path, options: WriterOptions | None = None) -> None:
        """Begin.

        Args:
            target: the file or folder to make; its parents are made if need be.
            options: defaults if left out.

        Raises:
            OutputError: the target exists and may not be overwritten, or its parent cannot be made.
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
            # What becomes the target; other files of the room are scaffolding.
            self.staged = self._room / self._target.name
            if self.is_folder:
                self.staged.mkdir()

    @abstractmethod
    def _add(self, image: AnnotatedImage) -> None:
        """Take an image."""

    @abstractmethod
    def _finish(self) -> None:
        """Complete `staged`."""

    @property
    def target(self) -> Path:
        """The file or folder that is written."""
        return self._target

    @property
    def losses(self) -> Losses:
        """What the format could not keep of the images so far."""
        return self.meter.losses

    @property
    def provenance(self) -> dict[str, Any]:
        """Who wrote this, with what."""
        return {"contributor": CONTRIBUTOR, "version": __version__, **self.options.info}

    def scaffold(self, name: str) -> Path:
        """A path for something that is needed on the way only."""
        return self._room / f"{name}.scaffold"

    def add(self, image: AnnotatedImage) -> None:
        """Take an image; see `AnnotationWriter`."""
        if not self._is_open:
            raise OutputError(f"{self._target} is closed; nothing can be added to it any more")
        try:
            self._add(image)
        except OutputError:
            raise
        except OSError as error:
            # Half of the image may be in the files: what is left of them cannot be used.
            self.discard()
            raise _failure(self._target, error) from error

    def close(self) -> None:
        """Put the complete result in place; see `AnnotationWriter`."""
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
        """Leave everything as it was; see `AnnotationWriter`."""
        self._is_open = False
        self._release()
        shutil.rmtree(self._room, ignore_errors=True)

    def _release(self) -> None:  # noqa: B027 - most formats keep none open
        """Close files that are still open."""

    def _publish(self) -> None:
        # Somebody may have made it since we began.
        require_free(self._target, is_folder=self.is_folder, overwrite=self.options.overwrite)
        if not (self.is_folder and self._target.exists()):
            os.replace(self.staged, self._target)
            return
        # A folder with content cannot be replaced in one step: the old one waits in the room until the new one stands.
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
    """Turn what the operating system says into a sentence."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise _failure(target, error) from error


def _failure(target: Path, error: OSError) -> OutputError:
    return OutputError(f"{target} cannot be written: {error.strerror or error}")


def require_free(target: Path, *, is_folder: bool, overwrite: bool) -> None:
    """Make sure that a target may be made.

    Args:
        target: the file or folder to make.
        is_folder: which of the two.
        overwrite: replace what is there, if it is ours.

    Raises:
        OutputError: it exists and may not be overwritten.
    """
    if not os.path.lexists(target):
        return
    if not overwrite:
        raise OutputError(f"{target} exists; choose another place, or overwrite it on purpose")
    if is_folder != target.is_dir():
        raise OutputError(f"{target} is a {'file' if is_folder else 'folder'}, and would be replaced by the other")
    if is_folder and not (target / MARKER).is_file() and any(target.iterdir()):
        raise OutputError(f"{target} holds something that samara did not write; choose another place, or remove it")
