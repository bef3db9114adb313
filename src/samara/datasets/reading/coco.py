"""Reading of COCO instance annotations: polygons, run lengths, crowds and categories.

Silently dropped annotations would corrupt training and evaluation. An invalid entry raises an error that names the
annotation; with `ReadingRules.skip_bad` it is left out and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from samara.datasets.ground_truth import Instance, LabelledImage
from samara.datasets.reading.coco_document import (
    CocoDocument,
    Identifier,
    category_of,
    is_crowd,
    read_document,
    short,
    whole_number,
)
from samara.datasets.reading.findings import USUAL, Findings, Notice, ReadingRules
from samara.datasets.reading.image_names import ImageFolder
from samara.errors import DatasetError, SettingsError
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.masks.polygons import rasterise_polygons
from samara.masks.rle import Rle

FLAT_POLYGONS = "polygons lack the enclosing list; each was read as the whole outline of its object"
CUT_OUTLINES = "outlines extend more than a pixel beyond their images and were clipped"
# Outlines may touch the border, and rounding may move them slightly beyond it.
_BORDER_PX = 1.0


def read_coco(
    annotations: Path,
    images: Path,
    rules: ReadingRules = USUAL,
    notice: Notice | None = None,
    reading: ImageReading = AS_THEY_ARE,
) -> list[LabelledImage]:
    """Read a COCO instances file.

    Masks are polygons (several parts are united), or run lengths, compressed or not. Images are searched by `file_name`
    in the folder, see `ImageFolder`; never outside the folder, except through links in it.

    Args:
        annotations: the JSON file, or a folder of SA-1B files. Its widths and heights are those of the upright image,
            see `LabelledImage.check_size`; missing ones are read from the image.
        images: folder of the images.
        rules: treatment of crowds and of bad entries.
        notice: called with one sentence per kind of entry that was left out or repaired.
        reading: how the images are read; a file with several frames has the size of the selected one.

    Returns:
        All listed images, in that order, including those without annotations. `category` is None for annotations
        without a category_id, and for all if the file has no list of categories. `collection` is an image's `source`, a
        non-COCO key that merged data sets often have.

    Raises:
        DatasetError: the file is not a COCO instances file; an image is missing, listed twice or outside the folder;
            annotations are damaged, have no mask, belong to no image or have a mask of another size. All are counted,
            and the first is named.
    """
    annotations, images = Path(annotations), Path(images)
    findings = Findings(repr(str(annotations)), rules)
    document = read_document(annotations, findings, images, reading)
    paths = _paths(document, images, findings)
    instances: dict[Identifier, list[Instance]] = {image_id: [] for image_id in document.images}
    for where, annotation, image_id in document.annotations(findings):
        with findings.entry():
            size_hw = document.images[image_id].size_hw
            instances[image_id].append(_instance(annotation, size_hw, document.categories, where, findings))
    findings.settle(notice)
    if document.rows:
        findings.require_some(sum(map(len, instances.values())), "annotations")
    return [
        LabelledImage(
            paths[image_id],
            image.size_hw,
            tuple(instances[image_id]),
            image.name,
            str(annotations),
            image.collection,
            reading,
        )
        for image_id, image in document.images.items()
    ]


def _paths(document: CocoDocument, images: Path, findings: Findings) -> dict[Identifier, Path]:
    """Find every image file; entries without a file, or with the same file, are moved to the refused.

    Raises:
        DatasetError: no image was found.
    """
    if not images.is_dir():
        raise DatasetError(f"{str(images)!r} is not a folder; pass the folder with the images of {document.file}.")
    folder = ImageFolder(images)
    paths: dict[Identifier, Path] = {}
    names: dict[Path, str] = {}
    missing: list[str] = []
    for image_id, image in list(document.images.items()):
        path = folder.find(image.name)
        if path is not None and path not in names:
            names[path] = image.name
            paths[image_id] = path
            continue
        document.refused.add(image_id)
        del document.images[image_id]
        if path is None:
            missing.append(image.name)
        else:
            findings.fault(
                f"{str(path)!r} is listed twice in {document.file}, as {short(names[path])} and as "
                f"{short(image.name)}; each image must be listed once, with all its annotations."
            )
    if missing:
        sentence = folder.lacks(missing, len(missing) + len(paths), document.file)
        if not paths:
            raise DatasetError(f"{sentence}; pass their folder with `images`.")
        findings.fault(f"{sentence}.", len(missing))
    return paths


def _instance(
    annotation: Mapping[str, Any],
    size_hw: tuple[int, int],
    categories: Mapping[Identifier, str] | None,
    where: str,
    findings: Findings,
) -> Instance:
    is_group = is_crowd(annotation, where) and findings.rules.crowds == "ignore"
    category = category_of(annotation.get("category_id"), categories, where)
    rle = mask_of(annotation, size_hw, where, findings)
    return Instance(rle, category, is_group)


def mask_of(row: Mapping[str, Any], size_hw: tuple[int, int], where: str, findings: Findings) -> Rle:
    """Return the mask of an annotation.

    Raises:
        DatasetError: it has none, or a damaged one.
    """
    segmentation = row.get("segmentation")
    if not segmentation and not isinstance(segmentation, dict) and row.get("bbox"):
        raise DatasetError(f"{where} has a box but no segmentation; `samara.annotate(...)` can turn boxes into masks.")
    polygons = _polygons(segmentation, findings)
    if polygons is not None:
        findings.note(CUT_OUTLINES, int(any(_leaves(part, size_hw) for part in polygons)))
        segmentation = polygons
    try:
        return _mask(segmentation, size_hw, where)
    except SettingsError as error:
        raise DatasetError(f"{where} is not understood: {error}") from error


def _polygons(segmentation: object, findings: Findings) -> list[Any] | None:
    """Return the list of polygons, converting a single one or one of points; None if it is not a list."""
    if not isinstance(segmentation, list) or not segmentation:
        return None
    if all(_is_number(number) for number in segmentation):
        findings.note(FLAT_POLYGONS)
        return [segmentation]
    if len(segmentation) > 2 and all(_is_point(point) for point in segmentation):
        findings.note(FLAT_POLYGONS)
        return [[number for point in segmentation for number in point]]
    return segmentation


def _is_point(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _leaves(part: object, size_hw: tuple[int, int]) -> bool:
    """Return whether a polygon leaves its image by more than rounding; False for non-polygons, reported later."""
    if not isinstance(part, list) or len(part) < 2 or not all(map(_is_number, part)):
        return False
    height, width = size_hw
    (x0, x1), (y0, y1) = ((min(part[first::2]), max(part[first::2])) for first in (0, 1))
    return bool(min(x0, y0) < -_BORDER_PX or x1 > width + _BORDER_PX or y1 > height + _BORDER_PX)


def _mask(segmentation: object, size_hw: tuple[int, int], where: str) -> Rle:
    height, width = size_hw
    if isinstance(segmentation, dict):
        rle = Rle.from_coco(_with_whole_numbers(segmentation))
        if (rle.height, rle.width) != size_hw:
            raise DatasetError(
                f"{where} has a mask of {rle.height} x {rle.width} pixels, but its image has {height} x {width} "
                "(height x width); both must be equal."
            )
        return rle
    if not segmentation:
        raise DatasetError(f"{where} has no segmentation; boxes and key points without a mask cannot be used.")
    if not isinstance(segmentation, list):
        raise DatasetError(f"{where} has the segmentation {short(segmentation)}; use polygons or run lengths.")
    return rasterise_polygons(segmentation, height, width)


def _with_whole_numbers(coco: Mapping[str, object]) -> Mapping[str, object]:
    """Convert run lengths whose numbers were written as 60.0."""
    return {key: _whole(value) if key in ("size", "counts") else value for key, value in coco.items()}


def _whole(value: object) -> object:
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        return value
    return [number if isinstance(number, int) else _or_itself(whole_number(number), number) for number in value]


def _or_itself(number: int | None, value: object) -> object:
    return value if number is None else number
