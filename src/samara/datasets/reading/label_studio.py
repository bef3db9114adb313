"""Label Studio's JSON export: what people made of the tasks, as brush strokes or polygons.

Source: labelstud.io, "Label Studio JSON format of annotated tasks".
"""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from samara.datasets.reading.brush_rle import mask_of_brush
from samara.datasets.reviewed import IMAGE_ID, Reviewed, ReviewedImage, ReviewedMask
from samara.datasets.writing.label_studio import percents_of
from samara.errors import DatasetError, SettingsError
from samara.masks.polygons import rasterise_polygons
from samara.masks.rle import Rle

_EXPECTED = (
    'export the project as "JSON" (not "JSON-MIN" or "CSV"): a list of tasks, each with "data" and "annotations"'
)
_LABELS = ("brushlabels", "polygonlabels", "labels")
# Label Studio puts eight characters before the name of an uploaded file.
_UPLOADED = re.compile(r"^.*/upload/\d+/[0-9a-f]{8}-")
# Names of regions that samara wrote: image and mask.
_OURS = re.compile(r"(\d+)-(\d+)")
_PERCENT = 100.0
_DECIMALS = 6


def read_label_studio(path: Path) -> Reviewed:
    """Read an export. The latest annotation of a task that was not cancelled counts.

    Args:
        path: the JSON file.

    Raises:
        DatasetError: the file is no export of tasks, or damaged.
    """
    images, unseen, skipped = [], 0, 0
    for number, task in enumerate(_tasks(path), start=1):
        where = f"Task {number} of {str(path)!r}"
        if not isinstance(task, Mapping) or not isinstance(task.get("data"), Mapping) or "annotations" not in task:
            raise DatasetError(f"{where} has no data or no annotations; {_EXPECTED}.")
        annotations = [one for one in task["annotations"] or () if isinstance(one, Mapping)]
        kept = [one for one in annotations if not one.get("was_cancelled")]
        if kept:
            images.append(_image(task["data"], max(kept, key=_time)))
        unseen, skipped = unseen + (not annotations), skipped + bool(annotations and not kept)
    return Reviewed(tuple(images), unseen, skipped)


def is_label_studio(path: Path) -> bool:
    """Return whether a JSON file is a list, as exports of Label Studio are; COCO files are objects."""
    with path.open("rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


def _tasks(path: Path) -> Sequence[Any]:  # Any: JSON
    try:
        tasks = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DatasetError(f"{str(path)!r} cannot be read as JSON ({error!s:.80}); {_EXPECTED}.") from error
    if not isinstance(tasks, list):
        raise DatasetError(f"{str(path)!r} is no list of tasks; {_EXPECTED}.")
    return tasks


def _time(annotation: Mapping[str, Any]) -> tuple[str, int]:  # Any: JSON
    number = annotation.get("id")
    return str(annotation.get("updated_at") or ""), number if isinstance(number, int) else 0


def _image(data: Mapping[str, Any], annotation: Mapping[str, Any]) -> ReviewedImage:  # Any: JSON
    masks: list[ReviewedMask] = []
    refused: list[str] = []
    sizes: set[tuple[int, int]] = set()
    for name, parts in _regions(annotation.get("result") or ()).items():
        try:
            masks.append(_mask(name, parts, data.get(IMAGE_ID)))
            sizes.add((masks[-1].rle.height, masks[-1].rle.width))
        except (DatasetError, SettingsError) as error:
            refused.append(f"region {name!r:.40}: {error}")
    if len(sizes) > 1:
        refused.append(f"its masks have different sizes: {sorted(sizes)}")
    address = next((value for key, value in data.items() if key == "image" and isinstance(value, str)), "")
    return ReviewedImage(name_of_address(address), next(iter(sizes), None), tuple(masks), tuple(refused), data)


def name_of_address(address: str) -> str:
    """Return the part of an image's address that can be the end or the beginning of its name."""
    if "?d=" in address:  # local files
        return unquote(address.partition("?d=")[2])
    is_url = address.startswith(("/", "http:", "https:"))
    return _UPLOADED.sub("", unquote(address) if is_url else address)


def _regions(results: Sequence[Any]) -> dict[str, list[Mapping[str, Any]]]:  # Any: JSON
    """Group the results by region: its outline and its class can be separate."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for number, result in enumerate(results):
        if isinstance(result, Mapping) and result.get("type") != "relation" and "to_name" in result:
            found.setdefault(str(result.get("id", f"#{number}")), []).append(result)
    return {name: parts for name, parts in found.items() if any(_is_shape(part) for part in parts)}


def _is_shape(part: Mapping[str, Any]) -> bool:  # Any: JSON
    """Return whether a result has a place in the image; ratings and texts about it have none."""
    return "original_width" in part


def _mask(name: str, parts: Sequence[Mapping[str, Any]], image_id: object) -> ReviewedMask:  # Any: JSON
    shapes = [(part, part["value"]) for part in parts if isinstance(part.get("value"), Mapping)]
    outlined = [(part, value) for part, value in shapes if "rle" in value or "points" in value]
    if not outlined:
        kinds = ", ".join(sorted({str(part.get("type")) for part in parts}))
        raise DatasetError(f"it is of the kind {kinds}, but only brush strokes and polygons have a mask")
    part, value = outlined[0]
    if part.get("image_rotation"):
        raise DatasetError(f"the image was rotated by {part['image_rotation']} degrees in the tool; turn it back")
    height, width = (_whole(part.get(f"original_{side}"), side) for side in ("height", "width"))
    category = next((label for _, one in shapes for label in _labels(one)), None)
    ours = _OURS.fullmatch(name)
    number = int(ours[2]) if ours and image_id in (None, int(ours[1])) else None
    if "rle" in value:
        return ReviewedMask(mask_of_brush(value["rle"], height, width), category, number, name)
    return ReviewedMask(mask_of_polygon(value["points"], height, width), category, number, name, as_polygon)


def mask_of_polygon(points: object, height: int, width: int) -> Rle:
    """Draw a polygon.

    Args:
        points: list of corners as x and y in per cent of width and height.
        height: H of the image.
        width: W of the image.

    Raises:
        DatasetError: it is no such list.
        SettingsError: it is no polygon.
    """
    try:
        corners = np.asarray(points, np.float64)
    except (TypeError, ValueError):
        corners = np.zeros(0)
    if corners.ndim != 2 or corners.shape[1] != 2:
        raise DatasetError(f"the polygon {reprlib.repr(points)} is no list of points")
    return rasterise_polygons([(corners * (width, height) / _PERCENT).round(_DECIMALS).ravel()], height, width)


def as_polygon(rle: Rle) -> Rle:
    """Return what a mask is after it was written as a polygon and read again, unedited."""
    points = percents_of(rle).tolist()
    return mask_of_polygon(points, rle.height, rle.width) if points else rle


def _labels(value: Mapping[str, Any]) -> Iterator[str]:  # Any: JSON
    for key in _LABELS:
        yield from (label for label in value.get(key) or () if isinstance(label, str))


def _whole(value: object, side: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise DatasetError(f"it has no original {side}")
    return value
