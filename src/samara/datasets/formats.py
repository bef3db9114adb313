"""The annotation formats, as a table. A new one is a file of its own, a row here, and its test.

Importing this module loads no writer, so that the command line can list them at once.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from samara.errors import SettingsError

if TYPE_CHECKING:
    from samara.datasets.annotated import AnnotatedImage
    from samara.datasets.writing import Losses, WriterOptions


class AnnotationWriter(Protocol):
    """Takes images one by one, and keeps none of them.

    Nothing stands at the target before `close`. As a context manager it closes at the end, and discards after an
    error.
    """

    def add(self, image: AnnotatedImage) -> None:
        """Take an image.

        Raises:
            OutputError: the format has no way to say this (see docs/formats.md), or the disk does not take it.
        """

    def close(self) -> None:
        """Put the complete result in place; a second call does nothing.

        Raises:
            OutputError: that is not possible; what was there before is unharmed.
        """

    def discard(self) -> None:
        """Leave everything as it was; a call after `close` does nothing."""

    @property
    def target(self) -> Path:
        """The file or folder that is written."""

    @property
    def losses(self) -> Losses:
        """What the format could not keep of the images so far."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Format:
    """A row of the table.

    Attributes:
        name: as users call it.
        target: file or folder within the output folder that it makes.
        summary: one line: what it is, and what it keeps.
        writer: class with the parameters (target, options), as "module:name".
    """

    name: str
    target: str
    summary: str
    writer: str

    def open(self, out: Path, options: WriterOptions | None = None) -> AnnotationWriter:
        """Begin to write.

        Args:
            out: folder that `target` is made in; made if need be.
            options: defaults if left out.

        Raises:
            OutputError: the target exists and may not be overwritten, or the folder cannot be made.
        """
        module, name = self.writer.split(":")
        writer: AnnotationWriter = getattr(importlib.import_module(module), name)(out / self.target, options)
        return writer


_FORMATS = (
    Format(
        "coco",
        "coco.json",
        "COCO instances with run lengths, one JSON file; lossless",
        "samara.datasets.coco:CocoWriter",
    ),
    Format(
        "coco-polygons",
        "coco-polygons.json",
        "COCO instances with polygons, one JSON file; exact by COCO's rule",
        "samara.datasets.coco:CocoPolygonWriter",
    ),
    Format(
        "yolo",
        "yolo",
        "YOLO segmentation labels, a text file per picture; one polygon per mask, loss measured",
        "samara.datasets.yolo_writing:YoloWriter",
    ),
    Format(
        "voc",
        "voc",
        "Pascal VOC tree: class and object pictures, boxes as XML; no overlap, smaller on top",
        "samara.datasets.voc:VocWriter",
    ),
    Format(
        "label-studio",
        "label-studio",
        "Label Studio tasks with brush strokes; lossless",
        "samara.datasets.label_studio:LabelStudioBrushWriter",
    ),
    Format(
        "label-studio-polygons",
        "label-studio-polygons",
        "Label Studio tasks with polygons that can be edited; one per mask, loss measured",
        "samara.datasets.label_studio:LabelStudioPolygonWriter",
    ),
    Format(
        "png",
        "png",
        "Label maps, a grey PNG per picture in 8 or 16 bits; no overlap, smaller on top",
        "samara.datasets.png:PngWriter",
    ),
    Format(
        "geojson",
        "geojson",
        "GeoJSON per picture, polygons with holes on the ground or in pixels; lossless",
        "samara.datasets.geojson:GeoJsonWriter",
    ),
    Format(
        "sa-1b",
        "sa-1b",
        "SA-1B's JSON per picture, run lengths; lossless",
        "samara.datasets.sa1b:Sa1bWriter",
    ),
)

WRITERS: Mapping[str, Format] = {row.name: row for row in _FORMATS}
"""Every format by its name."""


def chosen(names: Sequence[str]) -> list[Format]:
    """Look formats up by name.

    Raises:
        SettingsError: a name is unknown or repeated, or there is none.
    """
    unknown = [name for name in names if name not in WRITERS]
    if unknown or not names or len(set(names)) < len(names):
        given = ", ".join(names) or "nothing"
        raise SettingsError(f"formats: {given} is not accepted; give each at most once, out of {', '.join(WRITERS)}")
    return [WRITERS[name] for name in names]


def convert(
    images: Iterable[AnnotatedImage], formats: Sequence[str], out: Path | str, options: WriterOptions | None = None
) -> dict[str, Losses]:
    """Write images in several formats, in one pass and without keeping them.

    Args:
        images: read once.
        formats: names out of `WRITERS`.
        out: folder; each format makes its `target` in it.
        options: the same for all formats.

    Returns:
        For each format what it could not keep.

    Raises:
        SettingsError: an unknown format.
        OutputError: a target exists and may not be overwritten, a format has no way to say something, or the disk
            does not take it. No format is then left half-written.
    """
    with ExitStack() as stack:
        writers = {row.name: stack.enter_context(row.open(Path(out), options)) for row in chosen(formats)}
        for image in images:
            for writer in writers.values():
                writer.add(image)
        for writer in writers.values():
            writer.close()
    return {name: writer.losses for name, writer in writers.items()}
