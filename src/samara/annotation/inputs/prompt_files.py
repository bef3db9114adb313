"""Prompts from files: boxes that a detector or a person drew, points that somebody clicked.

Whatever does not fit is an error that names the line or the annotation; with `ReadingRules.skip_bad` it is left out
and counted. Nothing is left out quietly.
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
CUT_BOXES = "boxes leave their images by a few pixels; what is outside was cut off"
BOXES_OF_MASKS = "annotations have a mask and no box; the box around the mask was taken"
UNCLASSED = "objects have no class where others of their image have one; they were left out"

# A box may leave its image by so much and is cut: pixels, or a share of the side.
_SLACK_PX, _SLACK = 5.0, 0.01


@dataclass(frozen=True, eq=False)
class ImagePrompts:
    """What one image is asked for.

    Attributes:
        prompts: one for each object; may be empty, where a file lists an image without objects.
        categories: the name of each object, or None if the file has none.
    """

    prompts: tuple[Prompt, ...]
    categories: tuple[str, ...] | None


FilePrompts: TypeAlias = dict[str, ImagePrompts]
"""By the image's name, relative to the folder of the images, with "/"."""

_Asked: TypeAlias = tuple[Prompt, str | None]


def read_prompts(
    path: Path,
    images: Path | None = None,
    rules: ReadingRules = USUAL,
    notice: Notice | None = None,
    reading: ImageReading = AS_THEY_ARE,
) -> FilePrompts:
    """Read prompts from whatever kind of file it is.

    Args:
        path: see `read_coco_boxes`, `read_points` and `read_yolo_boxes`.
        images: folder of the images; needed for YOLO labels, unless the data set has its images, and for COCO
            files that do not state their sizes.
        rules: what becomes of crowds and of bad entries.
        notice: called with a sentence for each kind of thing that was left out or mended.
        reading: how the images are read; of a file with several frames, the size is that of the one that is meant.

    Raises:
        DatasetError: of none of these kinds, or damaged; everything was left out. See there.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".json":
        return read_coco_boxes(path, images, rules, notice, reading)
    if suffix == ".csv":
        return read_points(path, rules, notice)
    if suffix in (".txt", *YAML_SUFFIXES) or path.is_dir():
        return read_yolo_boxes(path, images, rules, notice, reading)
    raise DatasetError(f"{str(path)!r} holds no prompts that are understood; give {_KINDS}.")


def read_coco_boxes(
    annotations: Path,
    images: Path | None = None,
    rules: ReadingRules = USUAL,
    notice: Notice | None = None,
    reading: ImageReading = AS_THEY_ARE,
) -> FilePrompts:
    """Read the boxes of a COCO instances file; of annotations without one, those around their masks.

    Args:
        annotations: with `images`, `annotations` (`bbox` as x, y, width, height in pixels) and, for the names,
            `categories`. Boxes that leave their image by a few pixels are cut.
        images: their folder, where the file does not state their sizes.
        rules: crowds are left out unless they are taken as objects: their boxes hold many of these.
        notice: see `read_prompts`.
        reading: likewise.

    Returns:
        All images listed, also those without boxes.

    Raises:
        DatasetError: no such file, an image listed twice, or boxes that are damaged, have no area or leave their
            image; nothing but crowds.
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
    """The box of an annotation as a prompt."""
    box = row.get("bbox")
    if not box and row.get("segmentation"):
        rle = mask_of(row, size_hw, where, findings)
        if not rle.area:
            raise DatasetError(f"{where} has no bbox, and a mask that covers no pixel.")
        findings.note(BOXES_OF_MASKS)
        return _prompt(where, size_hw, box=rle.box_xyxy)
    if (
        not isinstance(box, list)
        or len(box) != 4
        or not all(isinstance(side, (int, float)) and not isinstance(side, bool) for side in box)
    ):
        raise DatasetError(f"{where} has {short(box)} as bbox; x, y, width and height in pixels are needed.")
    x, y, width, height = box
    if not all(map(math.isfinite, box)):
        raise DatasetError(f"{where} has the bbox {short(box)}, with NaN or infinity; finite pixels are needed.")
    if width <= 0 or height <= 0:
        raise DatasetError(f"{where} has the bbox {short(box)}, x, y, width and height, which has no area.")
    return _prompt(where, size_hw, box=_cut([x, y, x + width, y + height], size_hw, where, findings))


def _cut(box_xyxy: Sequence[float], size_hw: tuple[int, int], where: str, findings: Findings) -> Sequence[float]:
    """Cut what leaves the image by a few pixels; less than one is let be, as everywhere."""
    limits = (0.0, 0.0, float(size_hw[1]), float(size_hw[0]))
    x0, y0, x1, y1 = box_xyxy
    beyond = max(-x0, -y0, x1 - limits[2], y1 - limits[3])
    if beyond <= TOLERANCE_PX:
        return box_xyxy
    slack = max(_SLACK_PX, _SLACK * max(size_hw))
    if beyond > slack:
        raise DatasetError(
            f"{where} has a box that leaves the image by {beyond:g} pixels: x {x0:g} to {x1:g}, y {y0:g} to {y1:g} in "
            f"{size_hw[1]} x {size_hw[0]} (width x height); up to {slack:g} would be cut off."
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
            its folder. Names of classes are those of the yaml or list of classes in the folder or above it, else
            their numbers.
        images: folder of the images, with the tree of the labels; of each the header is read. A data set by its
            yaml has its own.
        rules: what becomes of bad entries.
        notice: see `read_prompts`.
        reading: likewise.

    Returns:
        The images that have a label file, also an empty one.

    Raises:
        DatasetError: no such folder, labels without an image or with several, or lines that are no box.
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
    """Which label file belongs to which image, and the folder that names are relative to; None for the data set's."""
    if labels.suffix in YAML_SUFFIXES or is_whole(labels, with_images=images is None):
        return find_layout(labels, None, findings), images
    if images is None:
        raise DatasetError(f"{str(labels)!r} has fractions of the images' sizes; give the folder of the images too.")
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
    """Left, top, right and bottom as fractions."""
    if len(values) in (_CLASS_AND_BOX, _BOX_AND_CONFIDENCE):
        x, y, width, height = values[1:5]
        if width <= 0 or height <= 0:
            raise DatasetError(f"{where} has a box of width {width:g} and height {height:g}, which has no area.")
        box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    elif len(values) >= _MIN_OUTLINE and len(values) % 2:
        box = [min(values[1::2]), min(values[2::2]), max(values[1::2]), max(values[2::2])]
    else:
        raise DatasetError(f"{where} has {len(values)} numbers; a class and x, y, width, height are needed.")
    if not all(-TOLERANCE <= side <= 1 + TOLERANCE for side in box):  # NaN is neither
        raise DatasetError(f"{where} has a box outside 0..1; YOLO's are fractions of the width and height.")
    return box


def read_points(table: Path, rules: ReadingRules = USUAL, notice: Notice | None = None) -> FilePrompts:
    """Read points from a table.

    Args:
        table: CSV in UTF-8 whose first line names the columns: `file`, `x`, `y` (pixels of the upright image),
            and where wanted `label` (1 foreground, 0 background), `class` (the object's name) and `object`. Rows of
            one file with the same `object` belong to one object; without it every row is an object of its own.
        rules: what becomes of bad entries.
        notice: see `read_prompts`.

    Returns:
        The files named, objects in the order of their first rows.

    Raises:
        DatasetError: a column is missing or unknown, a value makes no sense, an object has several classes or no
            foreground point, or only some objects have a class.
    """
    table = Path(table)
    findings = Findings(repr(str(table)), rules)
    clicks: dict[str, dict[str, list[_Click]]] = {}
    for click in _clicks(table, findings):
        # A row without an object is one: no other row has its number.
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
                f"Line 1 of {str(table)!r} names the columns {columns!r:.80}; file, x and y are needed, and label, "
                "class and object possible, with commas between them."
            )
        reader.fieldnames = columns
        for row in reader:
            where = f"Line {reader.line_num} of {str(table)!r}"
            with findings.entry():
                # What is beyond the columns has the key None; what is missing the value None.
                if None in row or None in row.values():
                    raise DatasetError(f"{where} has not as many values as line 1 has columns.")
                yield _click({key: value.strip() for key, value in row.items()}, reader.line_num, where)
    except csv.Error as error:
        raise DatasetError(f"Line {reader.line_num} of {str(table)!r} is no CSV ({error}).") from error


def _click(row: Mapping[str, str], line: int, where: str) -> _Click:
    try:
        point_xy = float(row["x"]), float(row["y"])
    except ValueError as error:
        raise DatasetError(f"{where} has a coordinate that is no number ({str(error)[:80]}).") from error
    label = row.get("label", "") or "1"
    if label not in ("0", "1"):
        raise DatasetError(f"{where} has the label {label!r:.80}; accepted are 1 (foreground) and 0 (background).")
    name = row.get("object", "")
    if label == "0" and not name:
        raise DatasetError(
            f"{where} is a background point of no object; the column object must say which points belong together."
        )
    return _Click(line, checked_name(row["file"] or None, where), point_xy, int(label), row.get("class") or None, name)


def _object(rows: list[_Click], table: Path) -> tuple[Prompt, str | None]:
    where = f"Line {rows[0].line} of {str(table)!r}"
    categories = {row.category for row in rows if row.category}
    if len(categories) > 1:
        raise DatasetError(f"{where} begins an object with the classes {sorted(categories)}; an object has one.")
    if not any(row.label for row in rows):
        raise DatasetError(f"{where} begins an object with background points only; at least one must lie in it.")
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
        raise DatasetError(f"{where} is not accepted: {error}") from error
    return prompt


def _all(found: Mapping[str, list[_Asked]], findings: Findings, notice: Notice | None) -> FilePrompts:
    """The prompts of every image, once what was found on the way is told.

    Raises:
        DatasetError: there are faults, or everything was left out.
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
                f"{name!r} has {len(objects)} objects and classes for {len(categories)}; name all or none."
            )
        findings.leave_out(UNCLASSED, len(objects) - len(categories))
        objects = [one for one in objects if one[1] is not None]
    return ImagePrompts(tuple(prompt for prompt, _ in objects), tuple(categories) if categories else None)
