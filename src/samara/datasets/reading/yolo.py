"""YOLO's outlines, read: one text file of normalised polygons beside each image.

Source: the Ultralytics documentation on segmentation data sets (the format only).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from samara.datasets.ground_truth import DataSet, Instance, LabelledImage
from samara.datasets.reading.findings import USUAL, Findings, Notice, ReadingRules
from samara.datasets.reading.text_files import read_text
from samara.datasets.reading.yolo_layout import ImageAndLabel, Layout, find_layout
from samara.datasets.reading.yolo_names import Description, name_of_class
from samara.errors import DatasetError, ImageError, SettingsError
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.masks.polygons import rasterise_polygons
from samara.masks.rle import Rle

# Outlines at the border come out as 1.0000001, and from some programs as a pixel beyond it.
TOLERANCE = 0.01

REPEATED_LINES = "lines stand in their label file twice; they count once"


def open_yolo(
    data: Path,
    images: Path | None = None,
    rules: ReadingRules = USUAL,
    notice: Notice | None = None,
    reading: ImageReading = AS_THEY_ARE,
) -> DataSet:
    """Read a YOLO segmentation data set.

    Of every image only the header is read. An image without a label file, or with an empty one, has no
    instances, as YOLO means it.

    Args:
        data: its yaml, whose `path`, `train`, `val`, `test` and `names` are obeyed; or its folder, where such a yaml
            may lie. Without one, the folder has `images/` and `labels/`, each with the same tree (`train/`, `val/`,
            `test/` or any other) inside; or `train/images/` and `train/labels/` and so on. Labels are lines
            `class x1 y1 x2 y2 ...` with fractions of the width and height of the upright image.
        images: folder of the images, with the tree of the labels, where they do not lie in the data set.
        rules: what becomes of bad entries.
        notice: called with a sentence for each kind of thing that was left out or mended.
        reading: how the images are read; of a file with several frames, the size is that of the one that is meant.

    Returns:
        The images, by folders sorted by name; the name is the path relative to the data set, such as
        "images/train/a.jpg". `category` is the class name, or else the class number as text.

    Raises:
        DatasetError: no such data set; a yaml that cannot be obeyed; labels without an image or shared by two; an
            image that cannot be read; lines that are no outlines, but for example boxes.
    """
    data = Path(data)
    findings = Findings(repr(str(data)), rules)
    layout = find_layout(data, images, findings)
    labelled = {image.name: image for image in _labelled(layout, findings, reading)}
    findings.settle(notice)
    if any(pair.label is not None for pair in layout.pairs) and findings.faults:
        findings.require_some(sum(len(image.instances) for image in labelled.values()), "outlines")
    parts = {
        part: tuple(image for name, image in labelled.items() if name in names) for part, names in layout.parts.items()
    }
    return DataSet(tuple(labelled.values()), parts)


def _labelled(layout: Layout, findings: Findings, reading: ImageReading) -> Iterator[LabelledImage]:
    for pair in layout.pairs:
        with findings.entry():
            size_hw = size_of(pair, reading)
            instances = tuple(_instances(pair.label, size_hw, layout.description, findings)) if pair.label else ()
            source = None if pair.label is None else str(pair.label)
            yield LabelledImage(pair.image, size_hw, instances, pair.name, source, reading=reading)


def size_of(pair: ImageAndLabel, reading: ImageReading = AS_THEY_ARE) -> tuple[int, int]:
    """H, W of an image, or of the frame that is meant.

    Raises:
        DatasetError: it cannot be read.
    """
    try:
        return reading.size_hw(pair.image)
    except ImageError as error:
        of = "of the data set" if pair.label is None else f"of {str(pair.label)!r}"
        raise DatasetError(f"The image {of} cannot be used: {error}") from error


def label_lines(label: Path, findings: Findings) -> Iterator[tuple[str, list[float]]]:
    """The lines of a label file that say something: what messages call each, and its numbers."""
    seen: set[str] = set()
    for number, line in enumerate(read_text(label).splitlines(), start=1):
        where, text = f"Line {number} of {str(label)!r}", " ".join(line.split())
        if not text:
            continue
        if text in seen:
            findings.note(REPEATED_LINES)
            continue
        seen.add(text)
        with findings.entry():
            yield where, _numbers(text, where)


def _numbers(text: str, where: str) -> list[float]:
    try:
        return [float(field) for field in text.split()]
    except ValueError as error:
        raise DatasetError(f"{where} holds something that is no number ({str(error)[:80]}).") from error


def _instances(
    label: Path, size_hw: tuple[int, int], description: Description | None, findings: Findings
) -> Iterator[Instance]:
    for where, (kind, *fractions) in label_lines(label, findings):
        with findings.entry():
            category = category_of(kind, description, where, findings)
            yield Instance(_outline(fractions, size_hw, where), category)


def _outline(fractions: list[float], size_hw: tuple[int, int], where: str) -> Rle:
    height, width = size_hw
    if len(fractions) == 4:
        raise DatasetError(f"{where} is a box, not a mask; segmentation needs outlines, class x1 y1 x2 y2 x3 y3 ...")
    if not all(-TOLERANCE <= fraction <= 1 + TOLERANCE for fraction in fractions):  # NaN is neither
        raise DatasetError(f"{where} has a coordinate outside 0..1; YOLO's are fractions of the width and height.")
    pixels = [fraction * side for fraction, side in zip(fractions, (width, height) * len(fractions), strict=False)]
    try:
        return rasterise_polygons([pixels], height, width)
    except SettingsError as error:
        raise DatasetError(f"{where} is not understood: {error}") from error


def category_of(kind: float, description: Description | None, where: str, findings: Findings) -> str:
    """Name of a class by the number that begins a line.

    Raises:
        DatasetError: it is no number of a class, or that class has no name where others have.
    """
    # Some programs write the class as 3.0.
    if not math.isfinite(kind) or kind < 0 or kind != int(kind):
        raise DatasetError(f"{where} begins with {kind:g}; the number of a class, from 0, is needed.")
    return name_of_class(int(kind), description, where, findings)
