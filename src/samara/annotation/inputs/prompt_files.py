"""Prompts from files: boxes drawn by a detector or a person, points clicked by a person.

An invalid entry raises an error that names the line or the annotation; with `ReadingRules.skip_bad` it is left out
and counted. Nothing is left out silently.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from samara.datasets.annotated import require_category
from samara.datasets.reading.coco import mask_of
from samara.datasets.reading.coco_document import category_of, is_crowd, read_document, short
from samara.datasets.reading.coco_document import safe_name as checked_name
from samara.datasets.reading.findings import CROWDS_HINT, USUAL, Findings, Notice, ReadingRules
from samara.datasets.reading.text_files import read_text
from samara.datasets.reading.yolo import TOLERANCE, label_lines, size_of
from samara.datasets.reading.yolo import category_of as class_of
from samara.datasets.reading.yolo_layout import Layout, find_apart, find_layout, is_whole
from samara.datasets.reading.yolo_names import YAML_SUFFIXES, Description, find_description
from samara.errors import DatasetError, PromptError
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.segmentation.prompts import TOLERANCE_PX, Prompt

_KINDS = (
    "a COCO file (.json), a table of points (.csv), or a YOLO data set (its .yaml, a label file .txt, or a folder of "
    "them)"
)
_NEEDED_COLUMNS = ("file", "x", "y")
_COLUMNS = (*_NEEDED_COLUMNS, "label", "class", "object")
_CLASS_AND_BOX, _BOX_AND_CONFIDENCE, _MIN_OUTLINE = 5, 6, 7

LEFT_OUT_CROWDS = f"annotations were left out as {CROWDS_HINT}"
CUT_BOXES = "boxes extend a few pixels beyond their images and were clipped"
BOXES_OF_MASKS = "annotations have a mask but no box; the bounding box of the mask was used"
UNCLASSED = "objects have no class although others in their image have one; they were left out"

# A box may extend beyond its image by this much and is clipped: pixels, or a fraction of the side.
_SLACK_PX, _SLACK = 5.0, 0.01


@dataclass(frozen=True, eq=False)
class ImagePrompts:
    """The prompts of one image.

    Attributes:
        prompts: one per object; empty if a file lists an image without objects.
        categories: class name of each object, or None if the file has none.
    """

    prompts: tuple[Prompt, ...]
    categories: tuple[str, ...] | None


FilePrompts: TypeAlias = dict[str, ImagePrompts]
"""Prompts by image name, relative to the image folder, with "/"."""

_Asked: TypeAlias = tuple[Prompt, str | None]


def read_prompts(
    path: Path,
    images: Path | None = None,
    rules: ReadingRules = USUAL,
    notice: Notice | None = None,
    reading: ImageReading = AS_THEY_ARE,
) -> FilePrompts:
    """Read prompts from a file of any supported kind.

    Args:
        path: path of the file, see `read_coco_boxes`, `read_points` and `read_yolo_boxes`.
        images: folder of the images; needed for YOLO labels, unless the data set has its images, and for COCO
            files that do not state their sizes.
        rules: treatment of crowds and of bad entries.
        notice: called with one sentence per kind of entry that was left out or repaired.
        reading: how the images are read; a file with several frames has the size of the selected one.

    Raises:
        DatasetError: the file is of none of these kinds or damaged, or everything was left out; see those functions.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".json":
        return read_coco_boxes(path, images, rules, notice, reading)
    if suffix == ".csv":
        return read_points(path, rules, notice)
    if suffix in (".txt", *YAML_SUFFIXES) or path.is_dir():
        return read_yolo_boxes(path, images, rules, notice, reading)
    raise DatasetError(f"{str(path)!r} is not a supported prompt file; use {_KINDS}.")


def read_coco_boxes(
    annotations: Path,
    images: Path | None = None,
    rules: ReadingRules = USUAL,
    notice: Notice | None = None,
    reading: ImageReading = AS_THEY_ARE,
) -> FilePrompts:
    """Read the boxes of a COCO instances file; annotations without a box get that of their mask.

    Args:
        annotations: file with `images`, `annotations` (`bbox` as x, y, width, height in pixels) and, for the names,
            `categories`. Boxes that extend a few pixels beyond their image are clipped.
        images: folder of the images, needed if the file does not state their sizes.
        rules: reading rules; crowds are left out unless read as objects, since their boxes contain many objects.
        notice: see `read_prompts`.
        reading: see `read_prompts`.

    Returns:
        All listed images, including those without boxes.

    Raises:
        DatasetError: the file is missing, an image is listed twice, boxes are damaged, have no area or leave their
            image, or there are only crowds.
    """
    findings = Findings(repr(str(annotations)), rules)
    document = read_document(Path(annotations), findings, images, reading)
    found: dict[str, list[_Asked]] = {}
    for image_id, image in list(document.images.items()):
        if image.name in found:
            findings.fault(f"{image.name!r} is listed twice in {document.file}; give each image one entry.")
            document.refused.add(image_id)
            del document.images[image_id]
            continue
        found[image.name] = []
    for where, row, image_id in document.annotations(findings):
        with findings.entry():
            if is_crowd(row, where) and rules.crowds == "ignore":
                findings.leave_out(LEFT_OUT_CROWDS)
                continue
            image = document.images[image_id]
            category = category_of(row.get("category_id"), document.categories, where)
            found[image.name].append((_box(row, image.size_hw, where, findings), category))
    return _all(found, findings, notice)


def _box(row: Mapping[str, Any], size_hw: tuple[int, int], where: str, findings: Findings) -> Prompt:
    """Convert the box of an annotation to a prompt."""
    box = row.get("bbox")
    if not box and row.get("segmentation"):
        rle = mask_of(row, size_hw, where, findings)
        if not rle.area:
            raise DatasetError(f"{where} has no bbox, and its mask is empty.")
        findings.note(BOXES_OF_MASKS)
        return _prompt(where, size_hw, box=rle.box_xyxy)
    if (
        not isinstance(box, list)
        or len(box) != 4
        or not all(isinstance(side, (int, float)) and not isinstance(side, bool) for side in box)
    ):
        raise DatasetError(f"{where} has the bbox {short(box)}; it must be x, y, width and height in pixels.")
    x, y, width, height = box
    if not all(map(math.isfinite, box)):
        raise DatasetError(
            f"{where} has the bbox {short(box)}, with NaN or infinity; coordinates must be finite pixels."
        )
    if width <= 0 or height <= 0:
        raise DatasetError(f"{where} has the bbox {short(box)} (x, y, width, height), which has no area.")
    return _prompt(where, size_hw, box=_cut([x, y, x + width, y + height], size_hw, where, findings))


def _cut(box_xyxy: Sequence[float], size_hw: tuple[int, int], where: str, findings: Findings) -> Sequence[float]:
    """Clip a box that extends a few pixels beyond the image; less than one pixel is tolerated, as everywhere."""
    limits = (0.0, 0.0, float(size_hw[1]), float(size_hw[0]))
    x0, y0, x1, y1 = box_xyxy
    beyond = max(-x0, -y0, x1 - limits[2], y1 - limits[3])
    if beyond <= TOLERANCE_PX:
        return box_xyxy
    slack = max(_SLACK_PX, _SLACK * max(size_hw))
    if beyond > slack:
        raise DatasetError(
            f"{where} has a box that extends {beyond:g} pixels beyond the image: x {x0:g} to {x1:g}, y {y0:g} to "
            f"{y1:g} in {size_hw[1]} x {size_hw[0]} (width x height); at most {slack:g} are clipped."
        )
    findings.note(CUT_BOXES)
    return max(x0, 0.0), max(y0, 0.0), min(x1, limits[2]), min(y1, limits[3])


def read_yolo_boxes(
    labels: Path,
    images: Path | None = None,
    rules: ReadingRules = USUAL,
    notice: Notice | None = None,
    reading: ImageReading = AS_THEY_ARE,
) -> FilePrompts:
    """Read YOLO labels as boxes: lines `class x_centre y_centre width height [confidence]`, or outlines.

    Args:
        labels: a label file, a folder of them, or a folder with `labels/` in it; or a whole data set, by its yaml or
            its folder. Class names come from the yaml or class list in the folder or above it; otherwise the numbers
            are used.
        images: folder of the images, with the same tree as the labels; only headers are read. A yaml names its own.
        rules: treatment of bad entries.
        notice: see `read_prompts`.
        reading: see `read_prompts`.

    Returns:
        The images that have a label file, including an empty one.

    Raises:
        DatasetError: the folder is missing, labels match no image or several, or a line is not a box.
    """
    labels = Path(labels)
    findings = Findings(repr(str(labels)), rules)
    layout, root = _labelled_images(labels, images, findings)
    found: dict[str, list[_Asked]] = {}
    for pair in layout.pairs:
        if pair.label is None:
            continue
        name = pair.name
        if root is not None and pair.image.is_relative_to(root):
            name = pair.image.relative_to(root).as_posix()
        with findings.entry():
            size_hw = size_of(pair, reading)
            found[name] = list(_yolo_lines(pair.label, size_hw, layout.description, findings))
    return _all(found, findings, notice)


def _labelled_images(labels: Path, images: Path | None, findings: Findings) -> tuple[Layout, Path | None]:
    """Match label files with images; return the folder that names are relative to, None for the data set's own."""
    if labels.suffix in YAML_SUFFIXES or is_whole(labels, with_images=images is None):
        return find_layout(labels, None, findings), images
    if images is None:
        raise DatasetError(f"{str(labels)!r} contains fractions of the image size; pass the image folder as well.")
    root = labels.parent if labels.is_file() else labels
    description = find_description(root) or find_description(root.parent)
    return find_apart(labels, images, description, findings), None


def _yolo_lines(
    label: Path, size_hw: tuple[int, int], description: Description | None, findings: Findings
) -> Iterator[_Asked]:
    for where, values in label_lines(label, findings):
        with findings.entry():
            box = _yolo_box(values, where)
            pixels = [min(max(side, 0.0), 1.0) * length for side, length in zip(box, size_hw[::-1] * 2, strict=True)]
            yield _prompt(where, size_hw, box=pixels), class_of(values[0], description, where, findings)


def _yolo_box(values: list[float], where: str) -> list[float]:
    """Return left, top, right and bottom as fractions."""
    if len(values) in (_CLASS_AND_BOX, _BOX_AND_CONFIDENCE):
        x, y, width, height = values[1:5]
        if width <= 0 or height <= 0:
            raise DatasetError(f"{where} has a box of width {width:g} and height {height:g}, which has no area.")
        box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    elif len(values) >= _MIN_OUTLINE and len(values) % 2:
        box = [min(values[1::2]), min(values[2::2]), max(values[1::2]), max(values[2::2])]
    else:
        raise DatasetError(f"{where} has {len(values)} numbers; it must have a class and x, y, width, height.")
    if not all(-TOLERANCE <= side <= 1 + TOLERANCE for side in box):  # NaN is neither
        raise DatasetError(f"{where} has a box outside 0..1; YOLO boxes are fractions of the image width and height.")
    return box


def read_points(table: Path, rules: ReadingRules = USUAL, notice: Notice | None = None) -> FilePrompts:
    """Read points from a CSV table.

    Args:
        table: CSV in UTF-8 whose first line names the columns: `file`, `x`, `y` (pixels of the upright image), and
            optionally `label` (1 foreground, 0 background), `class` (the object's name) and `object`. Rows of one file
            with the same `object` belong to one object; without that column every row is its own object.
        rules: what becomes of bad entries.
        notice: see `read_prompts`.

    Returns:
        Prompts of the named files, objects in the order of their first rows.

    Raises:
        DatasetError: a column is missing or unknown, a value is invalid, an object has several classes or no
            foreground point, or only some objects have a class.
    """
    table = Path(table)
    findings = Findings(repr(str(table)), rules)
    clicks: dict[str, dict[str, list[_Click]]] = {}
    for click in _clicks(table, findings):
        # A row without an object is its own object: no other row has its line number.
        key = f"object {click.name}" if click.name else f"row {click.line}"
        clicks.setdefault(click.file, {}).setdefault(key, []).append(click)
    found: dict[str, list[_Asked]] = {file: [] for file in clicks}
    for file, objects in clicks.items():
        for rows in objects.values():
            with findings.entry():
                found[file].append(_object(rows, table))
    if not clicks and not findings.faults:
        raise DatasetError(f"{str(table)!r} has no points.")
    return _all(found, findings, notice)


@dataclass(frozen=True, slots=True)
class _Click:
    """A row of a table of points."""

    line: int
    file: str
    point_xy: tuple[float, float]
    label: int
    category: str | None
    name: str


def _clicks(table: Path, findings: Findings) -> Iterator[_Click]:
    reader = csv.DictReader(io.StringIO(read_text(table), newline=""), strict=True, skipinitialspace=True)
    try:
        columns = [name.strip() for name in reader.fieldnames or ()]
        if not set(_NEEDED_COLUMNS) <= set(columns) or not set(columns) <= set(_COLUMNS):
            raise DatasetError(
                f"Line 1 of {str(table)!r} names the columns {columns!r:.80}; file, x and y are required, label, "
                "class and object optional, separated by commas."
            )
        reader.fieldnames = columns
        for row in reader:
            where = f"Line {reader.line_num} of {str(table)!r}"
            with findings.entry():
                # csv puts surplus values under the key None, and gives missing ones the value None.
                if None in row or None in row.values():
                    raise DatasetError(f"{where} has a different number of values than line 1 has columns.")
                yield _click({key: value.strip() for key, value in row.items()}, reader.line_num, where)
    except csv.Error as error:
        raise DatasetError(f"Line {reader.line_num} of {str(table)!r} is not valid CSV ({error}).") from error


def _click(row: Mapping[str, str], line: int, where: str) -> _Click:
    try:
        point_xy = float(row["x"]), float(row["y"])
    except ValueError as error:
        raise DatasetError(f"{where} has a coordinate that is not a number ({str(error)[:80]}).") from error
    label = row.get("label", "") or "1"
    if label not in ("0", "1"):
        raise DatasetError(f"{where} has the label {label!r:.80}; labels must be 1 (foreground) or 0 (background).")
    name = row.get("object", "")
    if label == "0" and not name:
        raise DatasetError(
            f"{where} is a background point without an object; add the column object to group the points of an object."
        )
    return _Click(line, checked_name(row["file"] or None, where), point_xy, int(label), row.get("class") or None, name)


def _object(rows: list[_Click], table: Path) -> tuple[Prompt, str | None]:
    where = f"Line {rows[0].line} of {str(table)!r}"
    categories = {row.category for row in rows if row.category}
    if len(categories) > 1:
        raise DatasetError(
            f"{where} starts an object with the classes {sorted(categories)}; an object has only one class."
        )
    if not any(row.label for row in rows):
        raise DatasetError(f"{where} starts an object with background points only; add at least one foreground point.")
    prompt = _prompt(where, None, points=[row.point_xy for row in rows], labels=[row.label for row in rows])
    return prompt, next(iter(categories), None)


def _prompt(
    where: str, size_hw: tuple[int, int] | None, **given: Sequence[float] | Sequence[tuple[float, float]]
) -> Prompt:
    try:
        prompt = Prompt(**given)
        if size_hw is not None:
            prompt.check_inside(size_hw)
    except PromptError as error:
        raise DatasetError(f"{where} is not valid: {error}") from error
    return prompt


def _all(found: Mapping[str, list[_Asked]], findings: Findings, notice: Notice | None) -> FilePrompts:
    """Build the prompts of every image, after reporting the findings.

    Raises:
        DatasetError: there are errors, or everything was left out.
    """
    prompts: FilePrompts = {}
    for name, objects in found.items():
        with findings.entry():
            prompts[name] = _of_image(objects, name, findings)
    findings.settle(notice)
    findings.require_some(sum(len(one.prompts) for one in prompts.values()), "prompts")
    return prompts


def _of_image(objects: list[_Asked], name: str, findings: Findings) -> ImagePrompts:
    categories = [category for _, category in objects if category is not None]
    for category in dict.fromkeys(categories):
        require_category(category, f"An object in {name!r}")
    if categories and len(categories) < len(objects):
        if not findings.rules.skip_bad:
            raise DatasetError(
                f"{name!r} has {len(objects)} objects, but classes for only {len(categories)}; give all of them a "
                "class, or none."
            )
        findings.leave_out(UNCLASSED, len(objects) - len(categories))
        objects = [one for one in objects if one[1] is not None]
    return ImagePrompts(tuple(prompt for prompt, _ in objects), tuple(categories) if categories else None)
