"""Prompts from files: boxes that a detector or a person drew, points that somebody clicked.

Whatever does not fit is an error that names the line or the annotation; nothing is left out quietly.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from samara.datasets.annotated import require_category
from samara.datasets.coco_reading import category_names, category_of, entries, identifier, listed_images, open_document
from samara.datasets.coco_reading import safe_name as checked_name
from samara.datasets.yolo import NO_LABELS, PICTURE_SUFFIXES, TOLERANCE, class_names, files_below, read_text
from samara.datasets.yolo import category_of as class_of
from samara.errors import DatasetError, ImageError, PromptError
from samara.images import picture_size
from samara.prompts import Prompt

_KINDS = "a COCO file (.json), a table of points (.csv), or YOLO labels (a .txt file or a folder of them)"
_NEEDED_COLUMNS = ("file", "x", "y")
_COLUMNS = (*_NEEDED_COLUMNS, "label", "class", "object")
_CLASS_AND_BOX, _BOX_AND_CONFIDENCE, _LEAST_OUTLINE = 5, 6, 7


@dataclass(frozen=True, eq=False)
class ImagePrompts:
    """What one picture is asked for.

    Attributes:
        prompts: one for each object; may be empty, where a file lists a picture without objects.
        categories: the name of each object, or None if the file has none.
    """

    prompts: tuple[Prompt, ...]
    categories: tuple[str, ...] | None


FilePrompts: TypeAlias = dict[str, ImagePrompts]
"""By the picture's name, relative to the folder of the pictures, with "/"."""


def read_prompts(path: Path, pictures: Path | None = None) -> FilePrompts:
    """Read prompts from whatever kind of file it is, by its suffix.

    Args:
        path: see `read_coco_boxes`, `read_points` and `read_yolo_boxes`.
        pictures: folder of the pictures; needed for YOLO.

    Raises:
        DatasetError: of none of these kinds, or damaged; see there.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".json":
        return read_coco_boxes(path)
    if suffix == ".csv":
        return read_points(path)
    if suffix != ".txt" and not path.is_dir():
        raise DatasetError(f"{str(path)!r} holds no prompts that are understood; give {_KINDS}.")
    if pictures is None:
        raise DatasetError(f"{str(path)!r} has fractions of the pictures' sizes; give the folder of the pictures too.")
    return read_yolo_boxes(path, pictures)


def read_coco_boxes(annotations: Path) -> FilePrompts:
    """Read the boxes of a COCO instances file; masks in it are not looked at.

    Crowds are left out: their boxes hold many objects.

    Args:
        annotations: with `images`, `annotations` (`bbox` as x, y, width, height in pixels) and, for the names,
            `categories`.

    Returns:
        All images listed, also those without boxes.

    Raises:
        DatasetError: no such file, a picture listed twice, or a box that is damaged, has no area or leaves its image.
    """
    file = repr(str(annotations))
    document = open_document(Path(annotations), file)
    listed = listed_images(document["images"], file)
    names = category_names(document.get("categories"), file)
    found: dict[str, list[tuple[Prompt, str | None]]] = {}
    for image in listed.values():
        if image.name in found:
            raise DatasetError(f"{image.name!r} is listed twice in {file}; give each picture one entry.")
        found[image.name] = []
    for where, row in entries(document["annotations"], "Annotation", file):
        image_id = identifier(row.get("image_id"), f"{where} has as image_id")
        if image_id not in listed:
            raise DatasetError(f"{where} belongs to image {image_id!r:.80}, which the file does not list.")
        if row.get("iscrowd") == 1:
            continue
        image, box = listed[image_id], row.get("bbox")
        if not isinstance(box, list) or len(box) != 4 or not all(isinstance(side, (int, float)) for side in box):
            raise DatasetError(f"{where} has {box!r:.80} as bbox; x, y, width and height in pixels are needed.")
        x, y, width, height = box
        prompt = _prompt(where, image.size_hw, box=[x, y, x + width, y + height])
        found[image.name].append((prompt, category_of(row.get("category_id"), names, where)))
    return {name: _of_image(objects, name) for name, objects in found.items()}


def read_yolo_boxes(labels: Path, pictures: Path) -> FilePrompts:
    """Read YOLO labels as boxes: lines `class x_centre y_centre width height [confidence]`, or outlines.

    Args:
        labels: a label file, a folder of them, or a folder with `labels/` in it. Names of classes are those of
            `data.yaml` in it or above it, else their numbers.
        pictures: folder of the pictures, with the tree of the labels; of each the header is read.

    Returns:
        The pictures that have a label file, also an empty one.

    Raises:
        DatasetError: no such folder, a label without a picture or with several, or a line that is no box.
    """
    labels, pictures = Path(labels), Path(pictures)
    if not pictures.is_dir():
        raise DatasetError(f"{str(pictures)!r} is no folder; give the folder with the pictures of the labels.")
    root = labels.parent if labels.is_file() else labels / "labels" if (labels / "labels").is_dir() else labels
    files = [labels] if labels.is_file() else [path for path in files_below(root) if path.suffix == ".txt"]
    files = [path for path in files if path.name not in NO_LABELS]
    if not files:
        raise DatasetError(f"{str(labels)!r} holds no label files (.txt); give {_KINDS}.")
    names = class_names(root) or class_names(root.parent)
    by_label: dict[Path, list[Path]] = {}
    for picture in files_below(pictures):
        if picture.suffix.lower() in PICTURE_SUFFIXES:
            by_label.setdefault(picture.relative_to(pictures).with_suffix(".txt"), []).append(picture)
    found: FilePrompts = {}
    for path in files:
        candidates = by_label.get(path.relative_to(root), [])
        if len(candidates) != 1:
            count = f"{len(candidates)} pictures" if candidates else "no picture"
            raise DatasetError(f"{str(path)!r} has {count} of its name in {str(pictures)!r}; it must be one.")
        name = candidates[0].relative_to(pictures).as_posix()
        found[name] = _of_image([*_yolo_lines(path, candidates[0], names)], name)
    return found


def _yolo_lines(path: Path, picture: Path, names: Mapping[int, str] | None) -> Iterator[tuple[Prompt, str | None]]:
    try:
        size_hw = picture_size(picture)
    except ImageError as error:
        raise DatasetError(f"The picture of {str(path)!r} cannot be used: {error}") from error
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        where = f"Line {number} of {str(path)!r}"
        try:
            values = [float(field) for field in line.split()]
        except ValueError as error:
            raise DatasetError(f"{where} holds something that is no number ({str(error)[:80]}).") from error
        if values:
            box = _yolo_box(values, where)
            pixels = [min(max(side, 0.0), 1.0) * length for side, length in zip(box, size_hw[::-1] * 2, strict=True)]
            yield _prompt(where, size_hw, box=pixels), class_of(values[0], names, where)


def _yolo_box(values: list[float], where: str) -> list[float]:
    """Left, top, right and bottom as fractions."""
    if len(values) in (_CLASS_AND_BOX, _BOX_AND_CONFIDENCE):
        x, y, width, height = values[1:5]
        box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    elif len(values) >= _LEAST_OUTLINE and len(values) % 2:
        box = [min(values[1::2]), min(values[2::2]), max(values[1::2]), max(values[2::2])]
    else:
        raise DatasetError(f"{where} has {len(values)} numbers; a class and x, y, width, height are needed.")
    if not all(-TOLERANCE <= side <= 1 + TOLERANCE for side in box):  # NaN is neither
        raise DatasetError(f"{where} has a box outside 0..1; YOLO's are fractions of the width and height.")
    return box


def read_points(table: Path) -> FilePrompts:
    """Read points from a table.

    Args:
        table: CSV in UTF-8 whose first line names the columns: `file`, `x`, `y` (pixels of the upright picture),
            and where wanted `label` (1 foreground, 0 background), `class` (the object's name) and `object`. Rows of
            one file with the same `object` belong to one object; without it every row is an object of its own.

    Returns:
        The files named, objects in the order of their first rows.

    Raises:
        DatasetError: a column is missing or unknown, a value makes no sense, an object has several classes or no
            foreground point, or only some objects have a class.
    """
    table = Path(table)
    clicks: dict[str, dict[str, list[_Click]]] = {}
    for click in _clicks(table):
        # A row without an object is one: no other row has its number.
        key = f"object {click.name}" if click.name else f"row {click.line}"
        clicks.setdefault(click.file, {}).setdefault(key, []).append(click)
    if not clicks:
        raise DatasetError(f"{str(table)!r} has no points.")
    return {
        file: _of_image([_object(rows, table) for rows in objects.values()], file) for file, objects in clicks.items()
    }


@dataclass(frozen=True, slots=True)
class _Click:
    """A row of a table of points."""

    line: int
    file: str
    point_xy: tuple[float, float]
    label: int
    category: str | None
    name: str


def _clicks(table: Path) -> Iterator[_Click]:
    reader = csv.DictReader(io.StringIO(read_text(table), newline=""), strict=True, skipinitialspace=True)
    try:
        columns = [name.strip() for name in reader.fieldnames or ()]
        if not set(_NEEDED_COLUMNS) <= set(columns) or not set(columns) <= set(_COLUMNS):
            raise DatasetError(
                f"Line 1 of {str(table)!r} names the columns {columns!r:.80}; file, x and y are needed, and label, "
                "class and object possible."
            )
        reader.fieldnames = columns
        for row in reader:
            where = f"Line {reader.line_num} of {str(table)!r}"
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


def _of_image(objects: list[tuple[Prompt, str | None]], name: str) -> ImagePrompts:
    categories = [category for _, category in objects if category is not None]
    for category in dict.fromkeys(categories):
        require_category(category, f"An object in {name!r}")
    if categories and len(categories) < len(objects):
        raise DatasetError(f"{name!r} has {len(objects)} objects and classes for {len(categories)}; name all or none.")
    return ImagePrompts(tuple(prompt for prompt, _ in objects), tuple(categories) if categories else None)
