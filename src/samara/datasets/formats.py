"""The annotation formats, as a table. A new one needs its own file, a row here, and a test.

Importing this module loads no writer, so that the command line can list the formats quickly.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from samara.datasets.writing.options import USUAL_FORMAT
from samara.errors import OutputError, SettingsError

if TYPE_CHECKING:
    from samara.datasets.annotated import AnnotatedImage
    from samara.datasets.writing.options import WriterOptions
    from samara.datasets.writing.staged_writer import Losses, StagedWriter


W = TypeVar("W")


class FormatsRefused(OutputError):
    """Some annotation formats could not be written; the others were.

    Attributes:
        losses: losses of each format that was written.
    """

    def __init__(self, sentence: str, losses: Mapping[str, Losses]) -> None:
        """See the class."""
        super().__init__(sentence)
        self.losses = losses


class AnnotationWriter(Protocol):
    """A writer that takes images one by one and keeps none of them.

    The target does not exist before `close`. As a context manager it closes at the end, and discards after an error.
    """

    def add(self, image: AnnotatedImage) -> None:
        """Add an image.

        Raises:
            OutputError: the format cannot represent it (see docs/formats.md), or it cannot be written.
        """

    def close(self) -> None:
        """Move the complete result into place; a second call does nothing.

        Raises:
            OutputError: that is not possible; the previous files are unchanged.
        """

    def discard(self) -> None:
        """Discard the result and leave everything unchanged; a call after `close` does nothing."""

    @property
    def target(self) -> Path:
        """The file or folder that is written."""

    @property
    def losses(self) -> Losses:
        """Losses of the images so far."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class AnnotationFormat:
    """A row of the table.

    Attributes:
        name: name of the format for users.
        target: file or folder that it creates in the output folder.
        summary: one line: what it is, and what it preserves.
        writer: class with the parameters (target, options), as "module:name".
        takes: format-specific options that it supports.
    """

    name: str
    target: str
    summary: str
    writer: str
    takes: frozenset[str] = frozenset()

    def writer_class(self) -> type[StagedWriter]:
        """Load the writer."""
        module, name = self.writer.split(":")
        writer: type[StagedWriter] = getattr(importlib.import_module(module), name)
        return writer

    def open(self, out: Path, options: WriterOptions | None = None) -> AnnotationWriter:
        """Start writing.

        Args:
            out: folder in which `target` is created; created if missing.
            options: options of the writer; None for the defaults.

        Raises:
            OutputError: the target exists and must not be overwritten, or the folder cannot be created.
        """
        return self.writer_class()(out / self.target, options)


# Fields of `WriterOptions` that only some formats take.
_NOT_FOR_ALL = ("images", "split", "image_url_prefix")
_DIVIDED_WITH_IMAGES = frozenset({"images", "split"})
_WITH_ADDRESSES = frozenset({"image_url_prefix"})

_FORMATS = (
    AnnotationFormat(
        "coco",
        "coco.json",
        "COCO instances with run lengths, one JSON file; lossless",
        "samara.datasets.writing.coco:CocoWriter",
    ),
    AnnotationFormat(
        "coco-polygons",
        "coco-polygons.json",
        "COCO instances with polygons, one JSON file; exact by COCO's rule",
        "samara.datasets.writing.coco:CocoPolygonWriter",
    ),
    AnnotationFormat(
        "yolo",
        "yolo",
        "YOLO segmentation labels, a text file per image; one polygon per mask, loss measured",
        "samara.datasets.writing.yolo:YoloWriter",
        _DIVIDED_WITH_IMAGES,
    ),
    AnnotationFormat(
        "voc",
        "voc",
        "Pascal VOC tree: class and object images, boxes as XML; no overlap, smaller on top",
        "samara.datasets.writing.voc:VocWriter",
        _DIVIDED_WITH_IMAGES,
    ),
    AnnotationFormat(
        "label-studio",
        "label-studio",
        "Label Studio tasks with brush strokes; lossless",
        "samara.datasets.writing.label_studio:LabelStudioBrushWriter",
        _WITH_ADDRESSES,
    ),
    AnnotationFormat(
        "label-studio-polygons",
        "label-studio-polygons",
        "Label Studio tasks with polygons that can be edited; one per mask, loss measured",
        "samara.datasets.writing.label_studio:LabelStudioPolygonWriter",
        _WITH_ADDRESSES,
    ),
    AnnotationFormat(
        "png",
        "png",
        "Label maps, a grey PNG per image in 8 or 16 bits; no overlap, smaller on top",
        "samara.datasets.writing.png:PngWriter",
    ),
    AnnotationFormat(
        "geojson",
        "geojson",
        "GeoJSON per image, polygons with holes on the ground or in pixels; lossless",
        "samara.datasets.writing.geojson:GeoJsonWriter",
    ),
    AnnotationFormat(
        "sa-1b",
        "sa-1b",
        "SA-1B's JSON per image, run lengths; lossless",
        "samara.datasets.writing.sa1b:Sa1bWriter",
    ),
)

WRITERS: Mapping[str, AnnotationFormat] = {row.name: row for row in _FORMATS}
"""Every format by name."""


def chosen(names: Sequence[str]) -> list[AnnotationFormat]:
    """Look up formats by name.

    Raises:
        SettingsError: a name is unknown or repeated, or there is none.
    """
    unknown = [name for name in names if name not in WRITERS]
    if unknown or not names or len(set(names)) < len(names):
        given = ", ".join(names) or "nothing"
        raise SettingsError(f"formats: {given} is not accepted; use each of {', '.join(WRITERS)} at most once")
    return [WRITERS[name] for name in names]


def require_taken(rows: Sequence[AnnotationFormat], options: WriterOptions) -> None:
    """Check that every option that was set applies to at least one of the formats.

    Raises:
        SettingsError: an option would have no effect.
    """
    for option in _NOT_FOR_ALL:
        if getattr(options, option) in (None, "", "none") or any(option in row.takes for row in rows):
            continue
        takers = ", ".join(row.name for row in _FORMATS if option in row.takes)
        raise SettingsError(
            f"`WriterOptions({option}=...)` applies only to {takers}, which are not written; add one to `formats`, or "
            "leave it out"
        )


class Demands:
    """Requirements of formats on images, checked image by image before the work instead of after it.

    Attributes:
        refused: reason for each format that is already known to be impossible.
    """

    def __init__(self, formats: Sequence[str], out: Path | str, options: WriterOptions) -> None:
        """Start with requirements that do not depend on images.

        Args:
            formats: names from `WRITERS`; may be empty.
            out: folder in which each format creates its `target`.
            options: options for all formats.

        Raises:
            SettingsError: a format is unknown, or an option applies to none of them.
        """
        from samara.datasets.writing.staged_writer import require_free

        rows = chosen(formats) if formats else []
        require_taken(rows, options)
        self.refused: dict[str, str] = {}
        self._writers = {row.name: row.writer_class() for row in rows}
        self._files: dict[str, set[str]] = {row.name: set() for row in rows}
        self._categories = dict.fromkeys(options.categories)
        for row in rows:
            with _noted(self.refused, row.name):
                is_folder = self._writers[row.name].is_folder
                require_free(Path(out) / row.target, is_folder=is_folder, overwrite=options.overwrite)
                self._writers[row.name].require_categories(self._categories)

    def add(self, file_name: str, categories: Iterable[str] = ()) -> None:
        """Check one image.

        Args:
            file_name: its future `AnnotatedImage.file_name`.
            categories: future categories of its masks, as far as known.
        """
        new = [name for name in categories if name not in self._categories]
        self._categories.update(dict.fromkeys(new))
        for name, writer in _willing(self._writers, self.refused):
            with _noted(self.refused, name):
                _require_own_file(writer, file_name, self._files[name])
                if new:
                    writer.require_categories(self._categories)

    def require_met(self) -> None:
        """Raise if a format would refuse.

        Raises:
            OutputError: a format would refuse.
        """
        if self.refused:
            reasons = "; ".join(f"{name} could not be written: {why}" for name, why in self.refused.items())
            raise OutputError(f"{reasons} (or leave {' and '.join(self.refused)} out)")


def _require_own_file(writer: type[StagedWriter], image: str, files: set[str]) -> None:
    """Check that an image's file in a format differs from the known ones, and record it."""
    from samara.datasets.writing.image_files import shared_file

    file = writer.file_of(image)
    if file is None:
        return
    if str(file) in files:
        raise OutputError(shared_file(image, file))
    files.add(str(file))


def write_annotations(
    images: Iterable[AnnotatedImage],
    *,
    out: str | os.PathLike[str],
    formats: str | Sequence[str] = (USUAL_FORMAT,),
    options: WriterOptions | None = None,
) -> dict[str, Losses]:
    """Write images in several formats, in one pass, without keeping them in memory.

    Args:
        images: images to write; iterated once.
        out: folder in which each format creates its `target`.
        formats: names from `WRITERS`.
        options: options for all formats.

    Returns:
        The losses of each format.

    Raises:
        SettingsError: a format is unknown, or an option applies to none of them.
        FormatsRefused: a target exists and must not be overwritten, a format cannot represent something, or it cannot
            be written. Such a format leaves everything unchanged; the others are written.
    """
    rows = chosen((formats,) if isinstance(formats, str) else formats)
    if options is not None:
        require_taken(rows, options)
    refused: dict[str, str] = {}
    writers: dict[str, AnnotationWriter] = {}
    with ExitStack() as stack:
        for row in rows:
            with _noted(refused, row.name):
                writers[row.name] = stack.enter_context(row.open(Path(out), options))
        for image in images if writers else ():
            for name, writer in _willing(writers, refused):
                with _noted(refused, name):
                    writer.add(image)
            if refused.keys() >= writers.keys():
                break
        for name in refused.keys() & writers.keys():
            writers[name].discard()
        for name, writer in _willing(writers, refused):
            with _noted(refused, name):
                writer.close()
    losses = {name: writer.losses for name, writer in writers.items() if name not in refused}
    if refused:
        others = f" ({' and '.join(losses)} {'was' if len(losses) == 1 else 'were'} written)" if losses else ""
        raise FormatsRefused(
            "; ".join(f"{name} is not written: {why}" for name, why in refused.items()) + others, losses
        )
    return losses


def _willing(writers: Mapping[str, W], refused: Collection[str]) -> list[tuple[str, W]]:
    """Return the writers that have refused nothing so far."""
    return [(name, writer) for name, writer in writers.items() if name not in refused]


@contextmanager
def _noted(refused: dict[str, str], name: str) -> Iterator[None]:
    """Record what a format refuses, so that the others continue."""
    try:
        yield
    except OutputError as error:
        refused[name] = str(error)
