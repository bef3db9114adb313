"""COCO instance annotations, read: polygons, run lengths, crowds and categories.

A ground truth that is only half understood would be half learned. Whatever does not fit is an error that names the
annotation, and nothing is left out quietly. No picture is opened.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any, TypeAlias

from samara.datasets.ground_truth import Instance, LabelledImage
from samara.datasets.picture_names import PictureFolder
from samara.errors import DatasetError, SettingsError
from samara.masks.polygons import rasterise_polygons
from samara.masks.rle import Rle

# What COCO numbers with; some programs use text.
Identifier: TypeAlias = int | str

# What a file holds, for a message, however long or deep it is.
_abridged = reprlib.Repr()
_abridged.maxstring = _abridged.maxother = 80
_short = _abridged.repr

_EXPECTED = 'a COCO instances file has the lists "images" and "annotations"'


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of the list of images."""

    name: str
    size_hw: tuple[int, int]
    collection: str | None


def read_coco(annotations: Path, images: Path) -> list[LabelledImage]:
    """Read a COCO instances file.

    Masks are polygons (several parts are united), or run lengths, compressed or not. A picture is looked for under
    its `file_name` in the folder, see `PictureFolder`; never outside the folder, unless by links within it.

    Args:
        annotations: the JSON file. Its widths and heights are taken for those of the upright picture; see
            `LabelledImage.check_size`.
        images: folder of the pictures.

    Returns:
        All images listed, in that order, also those without annotations. `category` is None for annotations
        without a category_id, and for all if the file has no list of categories. `collection` is an image's
        `source`, a key that COCO does not have and merged data sets often do.

    Raises:
        DatasetError: not a COCO instances file; a picture that is missing, listed twice or outside the folder; an
            annotation that is damaged, has no mask, or belongs to no image or to a mask of another size.
    """
    annotations, images = Path(annotations), Path(images)
    file = repr(str(annotations))
    document = open_document(annotations, file)
    listed = listed_images(document["images"], file)
    paths = _paths(listed, images, file)
    categories = category_names(document.get("categories"), file)
    instances: dict[Identifier, list[Instance]] = {image_id: [] for image_id in listed}
    for where, annotation in entries(document["annotations"], "Annotation", file):
        image_id = identifier(annotation.get("image_id"), f"{where} has as image_id")
        if image_id not in listed:
            raise DatasetError(f"{where} belongs to image {_short(image_id)}, which the file does not list.")
        instances[image_id].append(_instance(annotation, listed[image_id].size_hw, categories, where))
    return [
        LabelledImage(
            paths[image_id], image.size_hw, tuple(instances[image_id]), image.name, str(annotations), image.collection
        )
        for image_id, image in listed.items()
    ]


def open_document(annotations: Path, file: str) -> Mapping[str, Any]:
    """Parse a file and make sure that it has both lists; `file` is what messages call it."""
    try:
        document = json.loads(annotations.read_bytes())
    except OSError as error:
        raise DatasetError(f"{file} cannot be read ({error.strerror or error}); check the path.") from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{file} is not JSON ({str(error)[:80]}); {_EXPECTED}.") from error
    if not isinstance(document, dict):
        raise DatasetError(f"{file} holds a JSON {type(document).__name__}, but {_EXPECTED}.")
    for key in ("images", "annotations"):
        if not isinstance(document.get(key), list):
            raise DatasetError(f'{file} has no list "{key}", but {_EXPECTED}.')
    return document


def entries(rows: Iterable[Any], kind: str, file: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each row with what messages call it."""
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise DatasetError(f"{kind} number {number} in {file} is {_short(row)}, not an object with keys.")
        # The number within the list is a poor name, but one that every row has.
        yield f"{kind} {_short(row['id']) if 'id' in row else f'number {number}'} in {file}", row


def listed_images(rows: Iterable[Any], file: str) -> dict[Identifier, Listed]:
    """Read the list of images, by their ids."""
    listed: dict[Identifier, Listed] = {}
    for where, row in entries(rows, "Image", file):
        image_id = identifier(row.get("id"), f"{where} has as id")
        if image_id in listed:
            raise DatasetError(f"{where} is listed twice; ids must be unique.")
        height, width = (_side(row.get(side), side, where) for side in ("height", "width"))
        collection = row.get("source")
        listed[image_id] = Listed(
            safe_name(row.get("file_name"), where),
            (height, width),
            collection if isinstance(collection, str) and collection else None,
        )
    return listed


def _side(value: object, side: str, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise DatasetError(f"{where} has {_short(value)} as {side}; a whole number of pixels is needed.")
    return value


def safe_name(name: object, where: str) -> str:
    """The file_name with "/" between its parts.

    Raises:
        DatasetError: it is no name, or leads out of the folder on any system, not only on this one.
    """
    if not isinstance(name, str) or not name or "\0" in name:
        raise DatasetError(f"{where} has {_short(name)} as file_name; the name of a picture is needed.")
    as_windows = PureWindowsPath(name)
    if as_windows.anchor or ".." in as_windows.parts:
        raise DatasetError(
            f"{where} has file_name {_short(name)}, which leads out of the folder of pictures; it must be relative "
            "and without '..'."
        )
    return as_windows.as_posix()


def _paths(listed: Mapping[Identifier, Listed], images: Path, file: str) -> dict[Identifier, Path]:
    """Find every picture.

    Raises:
        DatasetError: some are not there, or two entries mean the same picture.
    """
    if not images.is_dir():
        raise DatasetError(f"{str(images)!r} is no folder; give the folder with the pictures of {file}.")
    folder = PictureFolder(images)
    paths: dict[Identifier, Path] = {}
    names: dict[Path, str] = {}
    missing: list[str] = []
    for image_id, image in listed.items():
        path = folder.find(image.name)
        if path is None:
            missing.append(image.name)
            continue
        if path in names:
            raise DatasetError(
                f"{str(path)!r} is listed twice in {file}, as {_short(names[path])} and as {_short(image.name)}; each "
                "picture must be listed once, with all its annotations."
            )
        names[path] = image.name
        paths[image_id] = path
    if missing:
        raise DatasetError(f"{folder.lacks(missing, len(listed), file)}; give the folder that holds them.")
    return paths


def category_names(rows: object, file: str) -> dict[Identifier, str] | None:
    """Read the list of categories, by their ids; None if there is no list."""
    if rows is None:
        return None
    if not isinstance(rows, list):
        raise DatasetError(f'{file} has {_short(rows)} as "categories"; a list is needed.')
    names: dict[Identifier, str] = {}
    for where, row in entries(rows, "Category", file):
        category_id, name = identifier(row.get("id"), f"{where} has as id"), row.get("name")
        if not isinstance(name, str):
            raise DatasetError(f"{where} has {_short(name)} as name; text is needed.")
        if category_id in names:
            raise DatasetError(f"{where} is listed twice; ids must be unique.")
        names[category_id] = name
    return names


def _instance(
    annotation: Mapping[str, Any], size_hw: tuple[int, int], categories: Mapping[Identifier, str] | None, where: str
) -> Instance:
    is_crowd = annotation.get("iscrowd", 0)
    if is_crowd not in (0, 1):
        raise DatasetError(f"{where} has {_short(is_crowd)} as iscrowd; accepted are 0 and 1.")
    category = category_of(annotation.get("category_id"), categories, where)
    try:
        rle = _mask(annotation.get("segmentation"), size_hw, where)
    except SettingsError as error:
        raise DatasetError(f"{where} is not understood: {error}") from error
    return Instance(rle, category, bool(is_crowd))


def category_of(value: object, categories: Mapping[Identifier, str] | None, where: str) -> str | None:
    """Name of an annotation's category, None if it has none or the file names none."""
    if value is None or categories is None:
        return None
    category_id = identifier(value, f"{where} has as category_id")
    if category_id not in categories:
        raise DatasetError(f"{where} is of category {_short(category_id)}, which the file does not list.")
    return categories[category_id]


def _mask(segmentation: object, size_hw: tuple[int, int], where: str) -> Rle:
    height, width = size_hw
    if isinstance(segmentation, dict):
        rle = Rle.from_coco(segmentation)
        if (rle.height, rle.width) != size_hw:
            raise DatasetError(
                f"{where} has a mask of {rle.height} x {rle.width} pixels, its image {height} x {width} "
                "(height x width); both must be the same."
            )
        return rle
    if not segmentation:
        raise DatasetError(f"{where} has no segmentation; boxes and key points without a mask cannot be used.")
    if not isinstance(segmentation, list):
        raise DatasetError(
            f"{where} has {_short(segmentation)} as segmentation; accepted are polygons and run lengths."
        )
    return rasterise_polygons(segmentation, height, width)


def identifier(value: object, what: str) -> Identifier:
    """Check an id; `what` has it."""
    if isinstance(value, (int, str)):
        return value
    raise DatasetError(f"{what} {_short(value)}; a number is needed.")
