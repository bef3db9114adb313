"""What all annotation writers share: a target that appears complete or not at all, and an account of losses."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import TracebackType
from typing import IO, Any, ClassVar, Literal, Self

import samara
from samara.datasets.annotated import AnnotatedImage
from samara.errors import OutputError

CONTRIBUTOR = "samara"
# What masks without a category are called where a format must call them something.
OBJECT = "object"
# In every folder that we write: what made it, and that it is ours to replace.
MARKER = "samara.json"


@dataclass(frozen=True, kw_only=True)
class WriterOptions:
    """What a user can choose about annotations, whatever the format.

    Attributes:
        overwrite: replace an existing file, or an existing folder that samara wrote. Without it both are refused.
        info: what made the masks (checkpoint, licence, settings), for formats that have a place for it; JSON values.
        categories: all names in the order of their numbers; those not listed follow as they come. Several calls
            that shall agree about numbers need it.
        pictures: for formats whose folder holds the pictures too (yolo, voc): leave that to the user, link, or copy.
        image_url_prefix: for Label Studio: what stands before the file name in a task's address of the picture.
    """

    overwrite: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)
    categories: tuple[str, ...] = ()
    pictures: Literal["none", "link", "copy"] = "none"
    image_url_prefix: str = ""


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
    """

    masks: int = 0
    changed: int = 0
    left_out: int = 0
    mean_iou: float = 1.0
    worst_iou: float = 1.0
    worst: str | None = None


class LossMeter:
    """Adds up losses, mask by mask."""

    def __init__(self) -> None:
        self._masks = self._changed = self._left_out = self._with_pixels = 0
        self._sum = 0.0
        self._worst_iou = 1.0
        self._worst: str | None = None

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
        return Losses(self._masks, self._changed, self._left_out, mean, self._worst_iou, self._worst)


class Categories:
    """Numbers for category names, in the order in which they are first met."""

    def __init__(self, names: tuple[str, ...], first: int) -> None:
        """Start with names that have their numbers already; `first` is the number of the first."""
        self._first = first
        self._numbers = {name: number for number, name in enumerate(dict.fromkeys(names), start=first)}

    def number(self, image: AnnotatedImage, index: int) -> int:
        """The number of a mask's category, or of "object" if it has none."""
        name = category_of(image, index)
        return self._numbers.setdefault(name, self._first + len(self._numbers))

    @property
    def numbers(self) -> Mapping[str, int]:
        """Number of every name so far, ascending; never empty, since formats want at least one."""
        return self._numbers or {OBJECT: self._first}


def category_of(image: AnnotatedImage, index: int) -> str:
    """The category of a mask, "object" if nothing is known."""
    return OBJECT if image.categories is None else image.categories[index]


def json_text(value: Any) -> str:  # Any: JSON is made of what it finds
    """Write a value as one line of JSON, in ASCII, so that no reader depends on the platform's encoding.

    Raises:
        OutputError: it holds NaN or infinity, or something that JSON has no word for.
    """
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise OutputError(f"the annotations cannot be written as JSON: {error}") from error


class JsonList:
    """A JSON list in a file, written row by row."""

    def __init__(self, path: Path) -> None:
        """Begin an empty list."""
        self._file = path.open("w+b")
        self._count = 0
        self.size_bytes = 0

    def __len__(self) -> int:
        """Rows so far."""
        return self._count

    def extend(self, rows: Iterable[str]) -> None:
        """Add rows, each a value as `json_text` gives it."""
        for row in rows:
            self.size_bytes += self._file.write(b"[\n" if self._count == 0 else b",\n")
            self.size_bytes += self._file.write(row.encode("ascii"))
            self._count += 1

    def pour_into(self, document: IO[bytes]) -> None:
        """Copy the list, closed, to where a document has got to."""
        self._file.seek(0)
        shutil.copyfileobj(self._file, document, 1 << 20)
        document.write(b"\n]" if self._count else b"[]")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def relative_name(image: AnnotatedImage, suffix: str) -> Path:
    """The path of an image's annotation file within its folder: the image's own, with another suffix.

    Raises:
        OutputError: the file name leads out of the folder, or is no name.
    """
    name = image.file_name
    as_windows = PureWindowsPath(name)
    if as_windows.anchor or ".." in as_windows.parts or "\0" in name or not PurePosixPath(name).name:
        raise OutputError(
            f"{name!r} cannot name an annotation file; file names must be relative to the folder of the pictures and "
            "without '..'"
        )
    relative = Path(PurePosixPath(name).with_suffix(suffix))
    if relative == Path(MARKER):
        raise OutputError(f"{name!r} would have its annotations in {MARKER}, which samara needs itself; rename it")
    return relative


def new_file(path: Path, image: AnnotatedImage) -> Path:
    """A path to write to, its folder made.

    Raises:
        OutputError: an earlier image has the same file.
    """
    if os.path.lexists(path):
        raise OutputError(
            f"{image.file_name!r} would share {path.name} with another picture of the same name and another suffix; "
            "rename one of the two"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def require_picture(image: AnnotatedImage, options: WriterOptions) -> None:
    """Make sure that there is a picture to link or copy, if that is asked for.

    Raises:
        OutputError: there is none.
    """
    if options.pictures != "none" and (image.path is None or not image.path.is_file()):
        raise OutputError(f"{image.file_name!r} has no picture file to {options.pictures}; write without pictures")


def place_picture(image: AnnotatedImage, destination: Path, options: WriterOptions) -> None:
    """Link or copy the picture of an image, if that is asked for."""
    if options.pictures == "none" or image.path is None:
        return
    destination.parent.mkdir(parents=True, exist_ok=True)
    if options.pictures == "link":
        destination.symlink_to(image.path.resolve())
    else:
        shutil.copyfile(image.path, destination)


class StagedWriter(ABC):
    """A writer whose target appears at `close`, out of a hidden folder beside it.

    A format implements `_add` and `_finish`; an image that `_add` refuses must leave no trace.
    """

    is_folder: ClassVar[bool]

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
        _refuse_existing(self._target, is_folder=self.is_folder, overwrite=self.options.overwrite)
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
        return {"contributor": CONTRIBUTOR, "version": samara.__version__, **self.options.info}

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
        _refuse_existing(self._target, is_folder=self.is_folder, overwrite=self.options.overwrite)
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


def _refuse_existing(target: Path, *, is_folder: bool, overwrite: bool) -> None:
    if not os.path.lexists(target):
        return
    if not overwrite:
        raise OutputError(f"{target} exists; choose another place, or overwrite it on purpose")
    if is_folder != target.is_dir():
        raise OutputError(f"{target} is a {'file' if is_folder else 'folder'}, and would be replaced by the other")
    if is_folder and not (target / MARKER).is_file() and any(target.iterdir()):
        raise OutputError(f"{target} holds something that samara did not write; choose another place, or remove it")
