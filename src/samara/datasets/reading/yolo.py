"""Reading of YOLO outlines: one text file of normalised polygons per image.

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

# Outlines at the border may be 1.0000001, and from some programs a pixel beyond.
TOLERANCE = 0.01

REPEATED_LINES = "lines are duplicates in their label file and were counted once"


def open_yolo(
    data: Path,
    images: Path | None = None,
    rules: ReadingRules = USUAL,
    notice: Notice | None = None,
    reading: ImageReading = AS_THEY_ARE,
) -> DataSet:
    """Read a YOLO segmentation data set.

    Only the headers of images are read. An image without a label file, or with an empty one, has no instances, by
    YOLO's convention.

    Args:
        data: its yaml, whose `path`, `train`, `val`, `test` and `names` are used; or its folder, which may contain such
            a yaml. Without one, the folder has `images/` and `labels/`, each with the same tree (`train/`, `val/`,
            `test/` or any other) inside; or `train/images/` and `train/labels/` and so on. Labels are lines
            `class x1 y1 x2 y2 ...` with fractions of the width and height of the upright image.
        images: folder of the images, with the same tree as the labels, if they are outside the data set.
        rules: treatment of bad entries.
        notice: called with one sentence per kind of entry that was left out or repaired.
        reading: how the images are read; a file with several frames has the size of the selected one.

    Returns:
        The images by folder, sorted by name; the name is the path relative to the data set, such as
        "images/train/a.jpg". `category` is the class name, or else the class number as text.

    Raises:
        DatasetError: the data set is missing; its yaml is unusable; labels have no image or are shared by two; an image
            cannot be read; lines are not outlines but, for example, boxes.
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
    """Return (H, W) of an image, or of the selected frame.

    Raises:
        DatasetError: it cannot be read.
    """
    try:
        return reading.size_hw(pair.image)
    except ImageError as error:
        of = "of the data set" if pair.label is None else f"of {str(pair.label)!r}"
        raise DatasetError(f"The image {of} cannot be used: {error}") from error


def label_lines(label: Path, findings: Findings) -> Iterator[tuple[str, list[float]]]:
    """Yield the non-empty lines of a label file: name for messages, and numbers."""
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
        raise DatasetError(f"{where} contains something that is not a number ({str(error)[:80]}).") from error


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
        raise DatasetError(
            f"{where} has a coordinate outside 0..1; YOLO coordinates are fractions of the width and height."
        )
    pixels = [fraction * side for fraction, side in zip(fractions, (width, height) * len(fractions), strict=False)]
    try:
        return rasterise_polygons([pixels], height, width)
    except SettingsError as error:
        raise DatasetError(f"{where} is not understood: {error}") from error


def category_of(kind: float, description: Description | None, where: str, findings: Findings) -> str:
    """Return the name of a class by the number that starts a line.

    Raises:
        DatasetError: it is not a class number, or that class has no name although others do.
    """
    # Some programs write the class as 3.0.
    if not math.isfinite(kind) or kind < 0 or kind != int(kind):
        raise DatasetError(f"{where} starts with {kind:g}; it must start with a class number, counted from 0.")
    return name_of_class(int(kind), description, where, findings)
