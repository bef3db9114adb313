"""A COCO instances file without its masks: images, categories, and the image of each annotation.

Programs write COCO loosely: whole numbers as 60.0, ids as text, no sizes. Unambiguous deviations are accepted;
everything else is an error that names the entry. Images are opened only to find a missing size.
"""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any, TypeAlias

from samara.datasets.reading.findings import Findings
from samara.datasets.reading.image_names import ImageFolder
from samara.datasets.reading.sa1b import as_coco, is_sa1b
from samara.datasets.reviewed import TASK_KEYS
from samara.errors import DatasetError, ImageError
from samara.images.settings import AS_THEY_ARE, ImageReading

# Type of COCO ids; some programs use text.
Identifier: TypeAlias = int | str

# Shortens a value for a message, however long or deep it is.
_abridged = reprlib.Repr()
_abridged.maxstring = _abridged.maxother = 80
short = _abridged.repr

_EXPECTED = 'a COCO instances file has the lists "images" and "annotations"'

# A number in JSON notation, so that "007" stays a name.
_WRITTEN_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")

REPEATED_ROWS = "annotations are exact duplicates of others and were counted once"
SHARED_IDS = "annotations share their id with another one; all were used"
OF_LEFT_OUT_IMAGES = "annotations belong to images that were left out, and were left out too"
SIZES_FROM_IMAGES = "images have no width and height in the file; the sizes of the images themselves were used"


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of the list of images; `facts` are the keys that samara's tasks for people have."""

    name: str
    size_hw: tuple[int, int]
    collection: str | None
    facts: Mapping[str, Any]  # Any: JSON values


@dataclass(frozen=True)
class CocoDocument:
    """The contents of a file apart from its masks.

    Attributes:
        file: its name in messages.
        rows: the annotations as in the file.
        images: images by id, in the order of the file.
        refused: ids of listed images that cannot be used; each has already been reported.
        categories: names by id; None if the file has no list of categories.
    """

    file: str
    rows: tuple[Any, ...]  # Any: JSON values
    images: dict[Identifier, Listed]
    refused: set[Identifier]
    categories: Mapping[Identifier, str] | None

    def annotations(self, findings: Findings) -> Iterator[tuple[str, Mapping[str, Any], Identifier]]:
        """Yield every annotation of a usable image: its name for messages, the annotation, and the image's id."""
        seen: dict[Identifier, Mapping[str, Any]] = {}
        for where, row in entries(self.rows, "Annotation", self.file, findings):
            with findings.entry():
                image_id = identifier(row.get("image_id"), f"{where} has as image_id")
                if image_id in self.refused:
                    findings.leave_out(OF_LEFT_OUT_IMAGES)
                    continue
                if image_id not in self.images:
                    raise DatasetError(f"{where} belongs to image {short(image_id)}, which the file does not list.")
                own_id = row.get("id")
                if isinstance(own_id, (int, str)):
                    if row == seen.setdefault(own_id, row) and row is not seen[own_id]:
                        findings.note(REPEATED_ROWS)
                        continue
                    findings.note(SHARED_IDS, int(row is not seen[own_id]))
                yield where, row, image_id


def read_document(
    annotations: Path, findings: Findings, folder: Path | None, reading: ImageReading = AS_THEY_ARE
) -> CocoDocument:
    """Read everything except masks and boxes.

    Args:
        annotations: the file, or the folder of an SA-1B data set.
        findings: collects problems.
        folder: folder of the images, for sizes that the file lacks; None if unknown.
        reading: how the images are read, which affects their sizes.

    Raises:
        DatasetError: it is not such a file.
    """
    file = findings.source
    document = open_document(annotations, file)
    categories = category_names(document.get("categories"), file, findings)
    images, refused = listed_images(
        document["images"], file, findings, None if folder is None else ImageFolder(folder), reading
    )
    return CocoDocument(file, tuple(document["annotations"]), images, refused, categories)


def open_document(annotations: Path, file: str) -> Mapping[str, Any]:
    """Parse a file, or the files of an SA-1B folder, and check that it has both lists."""
    if annotations.is_dir():
        found = sorted(annotations.glob("*.json"))
        parsed = [parse_json(path, repr(str(path))) for path in found]
        wrong = [path.name for path, document in zip(found, parsed, strict=True) if not is_sa1b(document)]
        if wrong or not found:
            what = f"{wrong[0]!r} in it is not one" if wrong else "it has no .json file"
            raise DatasetError(
                f"{file} cannot be read as a folder of SA-1B files: {what}; give a COCO file, or a YOLO data set."
            )
        return as_coco(parsed)
    document = parse_json(annotations, file)
    if is_sa1b(document):
        return as_coco([document])
    if instead := _instead(document):
        raise DatasetError(f"{file} is {instead}; {_EXPECTED}.")
    if not isinstance(document, dict):
        raise DatasetError(f"{file} contains a JSON {type(document).__name__}, but {_EXPECTED}.")
    for key in ("images", "annotations"):
        if not isinstance(document.get(key), list):
            raise DatasetError(f'{file} has no list "{key}", but {_EXPECTED}.')
    return document


def parse_json(path: Path, file: str) -> Any:  # Any: JSON is made of what it finds
    """Parse a file, with or without a byte order mark.

    Raises:
        DatasetError: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{file} cannot be read ({error.strerror or error}); check the path.") from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{file} is not JSON ({str(error)[:80]}); {_EXPECTED}.") from error


def _instead(document: object) -> str | None:
    """Recognise another program's JSON and say how to convert it; None if unknown."""
    first = document[0] if isinstance(document, list) and document else document
    keys = set(first) if isinstance(first, dict) else set()
    if {"shapes", "imagePath"} <= keys:
        return "a labelme file, which describes one image; convert its folder to COCO, for example with labelme2coco"
    if "data" in keys and keys & {"annotations", "predictions"}:
        return "a Label Studio export in its own format; export as COCO or YOLO instead"
    if isinstance(document, list) and {"image_id", "category_id"} <= keys:
        return "a list of annotations without images, such as COCO results; use the instances file that it belongs to"
    if keys & {"_via_img_metadata", "regions"}:
        return "a VIA project; export it as COCO"
    if "samples" in keys:
        return "a FiftyOne data set in its own format; export it as COCODetectionDataset"
    return None


def entries(
    rows: Iterable[Any],
    kind: str,
    file: str,
    findings: Findings,  # Any: JSON values
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each row with its name for messages; a row that is not an object is an error."""
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            findings.fault(f"{kind} number {number} in {file} is {short(row)}, not an object with keys.")
            continue
        # The index in the list is a poor name, but every row has one.
        yield f"{kind} {short(row['id']) if 'id' in row else f'number {number}'} in {file}", row


def listed_images(
    rows: Iterable[Any],
    file: str,
    findings: Findings,
    images: ImageFolder | None,  # Any: JSON values
    reading: ImageReading = AS_THEY_ARE,
) -> tuple[dict[Identifier, Listed], set[Identifier]]:
    """Read the list of images; return the usable ones by id, and the ids of the others."""
    seen: dict[Identifier, Mapping[str, Any]] = {}
    listed: dict[Identifier, Listed] = {}
    refused: set[Identifier] = set()
    for where, row in entries(rows, "Image", file, findings):
        with findings.entry():
            image_id = identifier(row.get("id"), f"{where} has as id")
            if row is not seen.setdefault(image_id, row):
                if row != seen[image_id]:  # annotations could belong to either
                    refused.add(image_id)
                    listed.pop(image_id, None)
                raise DatasetError(f"{where} is listed twice; ids must be unique.")
            refused.add(image_id)  # until the whole entry has been read
            name = safe_name(row.get("file_name"), where)
            collection = row.get("source")
            listed[image_id] = Listed(
                name,
                _size(row, name, where, findings, images, reading),
                collection if isinstance(collection, str) and collection else None,
                {key: row[key] for key in TASK_KEYS if key in row},
            )
            refused.remove(image_id)
    return listed, refused


def _size(
    row: Mapping[str, Any],
    name: str,
    where: str,
    findings: Findings,
    images: ImageFolder | None,
    reading: ImageReading,
) -> tuple[int, int]:
    """Return (H, W) from the file, or else from the image."""
    sides = {side: row.get(side) for side in ("height", "width")}
    numbers = [whole_number(value) for value in sides.values()]
    for (side, value), number in zip(sides.items(), numbers, strict=True):
        if value not in (None, 0) and (number is None or number < 1):
            raise DatasetError(f"{where} has the {side} {short(value)}; it must be a whole number of pixels.")
    height, width = numbers
    if height and width:
        return height, width
    lacking = next(f"{short(value)} as {side}" for side, value in sides.items() if not whole_number(value))
    path = None if images is None else images.find(name)
    if path is None:
        raise DatasetError(f"{where} has {lacking}, and its image, which would have the size, was not found.")
    try:
        size_hw = reading.size_hw(path)
    except ImageError as error:
        raise DatasetError(f"{where} has {lacking}, and its image's size cannot be read: {error}") from error
    findings.note(SIZES_FROM_IMAGES)
    return size_hw


def whole_number(value: object) -> int | None:
    """Convert 60, 60.0 or "60" to a whole number; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str):
        return int(value) if _WRITTEN_NUMBER.fullmatch(value) else None
    return value if isinstance(value, int) else None


def identifier(value: object, what: str) -> Identifier:
    """Check an id; `what` starts the message. A number as text becomes that number, so that both match."""
    number = whole_number(value)
    if number is not None:
        return number
    if isinstance(value, str):
        return value
    raise DatasetError(f"{what} {short(value)}; it must be a number.")


def safe_name(name: object, where: str) -> str:
    """Return the file_name with "/" between its parts.

    Raises:
        DatasetError: it is not a name, or leads out of the folder on any operating system.
    """
    if not isinstance(name, str) or not name or "\0" in name:
        raise DatasetError(f"{where} has the file_name {short(name)}; it must be the name of an image.")
    as_windows = PureWindowsPath(name)
    if as_windows.anchor or ".." in as_windows.parts:
        raise DatasetError(
            f"{where} has the file_name {short(name)}, which leads out of the image folder; it must be relative "
            "and without '..'."
        )
    return as_windows.as_posix()


def category_names(rows: object, file: str, findings: Findings) -> dict[Identifier, str] | None:
    """Read the names of the categories by id; None if there is no list."""
    if rows is None:
        return None
    if not isinstance(rows, list):
        raise DatasetError(f'{file} has {short(rows)} as "categories"; it must be a list.')
    names: dict[Identifier, str] = {}
    for where, row in entries(rows, "Category", file, findings):
        with findings.entry():
            category_id, name = identifier(row.get("id"), f"{where} has as id"), row.get("name")
            if not isinstance(name, str):
                raise DatasetError(f"{where} has the name {short(name)}; it must be text.")
            if names.setdefault(category_id, name) != name:
                # Annotations could belong to either, so neither can be left out.
                raise DatasetError(
                    f"{where} is listed twice, as {short(names[category_id])} and {short(name)}; ids must be unique."
                )
    return names


def category_of(value: object, categories: Mapping[Identifier, str] | None, where: str) -> str | None:
    """Return the name of an annotation's category; None if it has none or the file lists none."""
    if value is None or categories is None:
        return None
    category_id = identifier(value, f"{where} has as category_id")
    if category_id not in categories:
        raise DatasetError(f"{where} is of category {short(category_id)}, which the file does not list.")
    return categories[category_id]


def is_crowd(row: Mapping[str, Any], where: str) -> bool:
    """Return whether an annotation is a crowd, by its iscrowd."""
    value = row.get("iscrowd")
    flag = int(value) if isinstance(value, bool) else 0 if value is None else whole_number(value)
    if flag not in (0, 1):
        raise DatasetError(f"{where} has iscrowd {short(value)}; it must be 0 or 1.")
    return flag == 1
