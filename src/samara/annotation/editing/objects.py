"""The objects of one image as a person edits them, and as rows of the store."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from samara.annotation.editing.classes import require_classes
from samara.annotation.store.plan import Asked
from samara.annotation.store.rows import HUMAN, ImageRow, arrow, likeness_columns, mask_schema
from samara.errors import SettingsError
from samara.masks.hierarchy import parents
from samara.masks.likeness import twin_iou
from samara.masks.rle import Rle

if TYPE_CHECKING:
    import pyarrow as pa

NOTHING_ASKED = Asked()

# The scores of a mask for which nobody stated any, as of one that a person drew: nothing that filters removes it.
_CERTAIN = 1.0
_CONTAINMENT = 0.95
# Columns that say what an object is; the others follow from them, or from the image.
_OF_OBJECT = (
    *("counts", "category", "predicted_iou", "stability_score", "checkpoint"),
    *("prompt_points", "prompt_labels", "prompt_box"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedObject:
    """One object of an image.

    Attributes:
        name: name that is unique in the image and stays with the object.
        rle: its mask, at the size of the image, not empty.
        category: class name; None if it has none.
        predicted_iou: predicted IoU, which some checkpoints let exceed 1; None for 1, as of a mask that a person drew.
        stability: stability score in [0, 1]; None for 1.
        asked: prompt from which the mask was made.
        checkpoint: name of the checkpoint that made it; None for that of the store, or if nobody said.
        made_by: `HUMAN` for what a person drew or accepted, None for a proposal. Whatever is saved is `HUMAN`.
    """

    name: str
    rle: Rle
    category: str | None = None
    predicted_iou: float | None = None
    stability: float | None = None
    asked: Asked = NOTHING_ASKED
    checkpoint: str | None = None
    made_by: str | None = None


def require_objects(objects: Sequence[EditedObject], size_hw: tuple[int, int]) -> None:
    """Check the objects of one image.

    Raises:
        SettingsError: a name is there twice, a class has no proper name, or a mask is empty or has another size.
    """
    require_classes(tuple({one.category for one in objects if one.category is not None}))
    twice = [name for name, count in Counter(one.name for one in objects).items() if count > 1]
    if twice:
        raise SettingsError(f"two objects are called {twice[0]!r:.80}; give each object of an image its own name")
    for one in objects:
        if (one.rle.height, one.rle.width) != size_hw:
            height, width = size_hw
            raise SettingsError(
                f"the mask of {one.name!r:.80} has {one.rle.height} x {one.rle.width} pixels, the image has "
                f"{height} x {width} (height x width); give masks at the size of the image"
            )
        if not one.rle.area:
            raise SettingsError(f"the mask of {one.name!r:.80} is empty; leave the object out instead")


def objects_of(table: pa.Table) -> tuple[EditedObject, ...]:
    """Convert the rows of one image's masks to objects, in the order of the rows."""
    return tuple(
        EditedObject(
            name=_name(row),
            rle=Rle(row["height"], row["width"], row["counts"]),
            category=row["category"],
            predicted_iou=row["predicted_iou"],
            stability=row["stability_score"],
            asked=_asked(row),
            checkpoint=row["checkpoint"],
            made_by=row["made_by"],
        )
        for row in table.to_pylist()
    )


def edited_rows(
    image: ImageRow, table: pa.Table, objects: Sequence[EditedObject], first_number: int
) -> tuple[ImageRow, pa.Table]:
    """Convert all objects of an image to its new rows.

    Args:
        image: its row.
        table: the rows of its masks so far; an object of the same name continues its row.
        objects: its objects, see `require_objects`.
        first_number: number of the first new mask; no mask of the image ever had it or a higher one.

    Returns:
        The new row of the image, and those of its masks, in the order of the objects.
    """
    known = {_name(row): row for row in table.to_pylist()}
    has_hierarchy = any(row["parent"] is not None for row in known.values())
    rows: list[dict[str, Any]] = []  # Any: the values of a row
    for one in objects:
        old = known.get(one.name)
        if old is None:
            old = _new(image, first_number)
            first_number += 1
        rows.append(_edited(old, one))
    return replace(image, masks=len(rows)), _with_neighbours(rows, [one.rle for one in objects], has_hierarchy)


def revision_of(table: pa.Table, *, is_edited: bool) -> str:
    """Return a name for the state of an image: equal for equal objects, in the same order.

    Args:
        table: the rows of its masks.
        is_edited: whether a person has saved the image.
    """
    rows = [[_name(row), *(_plain(row[column]) for column in _OF_OBJECT)] for row in table.to_pylist()]
    return hashlib.sha256(json.dumps([is_edited, rows]).encode()).hexdigest()[:32]


def _name(row: dict[str, Any]) -> str:
    return row["review_id"] or f"m{row['mask_index']}"


def _plain(value: Any) -> Any:  # Any: JSON
    return value.decode("ascii") if isinstance(value, bytes) else value


def _asked(row: dict[str, Any]) -> Asked:
    points = np.array(row["prompt_points"] or [], np.float64).reshape(-1, 2).tolist()
    box = row["prompt_box"]
    return Asked(
        points=tuple((x, y) for x, y in points),
        labels=tuple(row["prompt_labels"] or ()),
        box=None if box is None else (box[0], box[1], box[2], box[3]),
    )


def _new(image: ImageRow, number: int) -> dict[str, Any]:
    known = {"image_id": image.image_id, "image_sha256": image.sha256, "mask_index": number, "prompt_index": -1}
    return dict.fromkeys(mask_schema().names) | known | {"height": image.height, "width": image.width}


def _edited(row: dict[str, Any], one: EditedObject) -> dict[str, Any]:
    """Return a row with the object's own columns, and those that follow from its mask alone."""
    own = {"category": one.category, "checkpoint": one.checkpoint, "made_by": HUMAN, "review_id": one.name}
    row = row | own | _scores(one)
    if one.asked != _asked(row):
        row |= {
            "prompt_kind": one.asked.kind or None,
            "prompt_points": [number for point in one.asked.points for number in point],
            "prompt_labels": list(one.asked.labels),
            "prompt_box": None if one.asked.box is None else list(one.asked.box),
        }
    if row["counts"] == one.rle.counts:
        return row
    likeness = likeness_columns([one.rle], [one.asked.box])
    return (
        row
        | {"counts": one.rle.counts, "area": one.rle.area, "answer_iou": None}
        | dict(zip(("x0", "y0", "x1", "y1"), one.rle.box_xyxy, strict=True))
        | {name: values[0] for name, values in likeness.items()}
    )


def _scores(one: EditedObject) -> dict[str, float]:
    return {
        "predicted_iou": _CERTAIN if one.predicted_iou is None else one.predicted_iou,
        "stability_score": _CERTAIN if one.stability is None else one.stability,
    }


def _with_neighbours(rows: list[dict[str, Any]], rles: Sequence[Rle], has_hierarchy: bool) -> pa.Table:
    """Build the table, with what depends on several masks."""
    columns: dict[str, Sequence[Any]] = {"twin_iou": twin_iou(rles).tolist()}
    if has_hierarchy:
        numbers = [row["mask_index"] for row in rows]
        columns["parent"] = [-1 if one < 0 else numbers[one] for one in parents(rles, _CONTAINMENT)]
    for name, values in columns.items():
        rows = [
            row | {name: float(value) if name == "twin_iou" else value} for row, value in zip(rows, values, strict=True)
        ]
    return arrow().Table.from_pylist(rows, schema=mask_schema())
