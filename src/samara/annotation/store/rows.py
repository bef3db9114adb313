"""The rows of the store, one per image and one per mask, as Arrow tables and as values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from samara.annotation.store.plan import Asked
from samara.masks.likeness import area_in_box, count_parts, twin_iou
from samara.masks.mask_set import MaskSet
from samara.masks.rle import Rle
from samara.system.extras import require

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 1
"""Increased when a column changes its meaning; readers refuse unknown versions."""

ImageStatus = Literal["done", "quarantined"]

HUMAN = "human"
"""Value of `made_by` for masks that a person drew or corrected; null for those of the checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """One image of the store.

    Attributes:
        image_id: line of the plan, counted from 1.
        path: path as given; bytes that are not valid text are escaped.
        sha256: SHA-256 of the encoded file, 64 hexadecimal digits; None if it could not be read.
        size_bytes: size of the encoded file; None if it could not be read.
        height: H in pixels, upright; None if it could not be decoded.
        width: W in pixels, upright; None if it could not be decoded.
        status: "done", or "quarantined" with the reason.
        reason: why there are no masks; None when done.
        masks: number of masks.
        seconds: duration of its annotation, without decoding.
        difference_hash: 64-bit hash, similar for near duplicates; None if the image could not be decoded.
        georeference: JSON of `crs` and affine `transform` if the image is georeferenced, or of the reason why it is
            `misplaced`.
    """

    image_id: int
    path: str
    sha256: str | None = None
    size_bytes: int | None = None
    height: int | None = None
    width: int | None = None
    status: ImageStatus = "done"
    reason: str | None = None
    masks: int = 0
    seconds: float = 0.0
    difference_hash: int | None = None
    georeference: str | None = None

    @property
    def size_hw(self) -> tuple[int, int]:
        """(H, W); (0, 0) if it could not be decoded."""
        return self.height or 0, self.width or 0


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedRow:
    """One image with its masks, as read from the store.

    Attributes:
        image: its row.
        masks: its masks, possibly none. A mask of a person has a predicted IoU and a stability score of 1.
        categories: (M,) class names, None for masks without one.
        numbers: (M,) their `mask_index` in the store, which a correction never gives to another mask.
        made_by: (M,) `HUMAN` for masks that a person drew or corrected, else None.
    """

    image: ImageRow
    masks: MaskSet
    categories: tuple[str | None, ...]
    numbers: tuple[int, ...]
    made_by: tuple[str | None, ...]


def arrow() -> Any:  # Any: pyarrow has no types
    """Import pyarrow.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    require("pyarrow.parquet", "annotate", "an annotation store")
    import pyarrow

    return pyarrow


def image_schema() -> pa.Schema:
    """Return the columns of the image table: the fields of `ImageRow`."""
    pa = arrow()
    types = {
        "image_id": pa.int64(),
        "size_bytes": pa.int64(),
        "height": pa.int32(),
        "width": pa.int32(),
        "masks": pa.int32(),
        "seconds": pa.float32(),
        "difference_hash": pa.uint64(),
    }
    return pa.schema([(field.name, types.get(field.name, pa.string())) for field in fields(ImageRow)])


def mask_schema() -> pa.Schema:
    """Return the columns of the mask table.

    `counts` with height and width is COCO's compressed RLE. Boxes are xyxy, right and bottom exclusive, in pixels of
    the upright image. `parent` is the `mask_index` of the smallest mask of the same image that contains this one, −1 if
    there is none, null if the hierarchy was not requested.

    The last columns show which masks deserve a look; they are null in stores of earlier versions, and where they do
    not apply: the lowest IoU between two of the answers to the mask's prompt, the number of 8-connected parts, the
    share of the mask outside its prompt's box, the share of that box that it fills, the highest IoU with another mask
    of the image (0 below `TWIN_IOU`). `made_by` is `HUMAN` or null; `review_id` is the name of a mask in the tool in
    which a person changed it; `checkpoint` is the one that made a mask which a person accepted, null for that of the
    store.
    """
    pa = arrow()
    name = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [
            ("image_id", pa.int64()),
            ("image_sha256", name),
            ("mask_index", pa.int32()),
            ("height", pa.int32()),
            ("width", pa.int32()),
            ("counts", pa.binary()),
            ("area", pa.int64()),
            *((corner, pa.int32()) for corner in ("x0", "y0", "x1", "y1")),
            ("predicted_iou", pa.float32()),
            ("stability_score", pa.float32()),
            ("prompt_index", pa.int32()),
            ("prompt_kind", name),
            ("prompt_points", pa.list_(pa.float32())),
            ("prompt_labels", pa.list_(pa.int8())),
            ("prompt_box", pa.list_(pa.float32())),
            ("crop_box", pa.list_(pa.int32())),
            ("category", name),
            ("parent", pa.int32()),
            ("answer_iou", pa.float32()),
            ("parts", pa.int32()),
            ("outside_box", pa.float32()),
            ("box_filled", pa.float32()),
            ("twin_iou", pa.float32()),
            ("made_by", name),
            ("review_id", pa.string()),
            ("checkpoint", name),
        ]
    )


def widened(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Convert a table to a schema; columns that an earlier version did not write become null."""
    pa = arrow()
    have = set(table.column_names)
    columns = [table.column(field.name) if field.name in have else pa.nulls(len(table), field.type) for field in schema]
    return pa.table(columns, names=schema.names).cast(schema)


def image_table(rows: Sequence[ImageRow]) -> pa.Table:
    """Convert rows to a table."""
    return arrow().Table.from_pylist([asdict(row) for row in rows], schema=image_schema())


def image_rows(table: pa.Table) -> Iterator[ImageRow]:
    """Convert a table to rows."""
    return (ImageRow(**row) for row in table.to_pylist())


def mask_table(
    image: ImageRow, masks: MaskSet, asked: Sequence[Asked] = (), categories: Sequence[str | None] | None = None
) -> pa.Table:
    """Convert the masks of one image to a table.

    Args:
        image: its row.
        masks: M masks.
        asked: prompts of the masks, by `prompt_index`; empty if everything was segmented.
        categories: (M,) class names; None to use those of the prompts.
    """
    pa = arrow()
    count = len(masks)
    if categories is None:
        categories = [asked[index].category if asked else None for index in masks.prompt_index]
    boxes = masks.boxes_xyxy
    columns: dict[str, Any] = {
        "image_id": np.full(count, image.image_id),
        "image_sha256": [image.sha256] * count,
        "mask_index": np.arange(count),
        "height": np.full(count, masks.size_hw[0]),
        "width": np.full(count, masks.size_hw[1]),
        "counts": [rle.counts for rle in masks.rles],
        "area": masks.areas,
        "x0": boxes[:, 0],
        "y0": boxes[:, 1],
        "x1": boxes[:, 2],
        "y1": boxes[:, 3],
        "predicted_iou": masks.predicted_iou,
        "stability_score": [None] * count if masks.stability_score is None else masks.stability_score,
        "prompt_index": masks.prompt_index,
        **_prompt_columns(masks, asked),
        "crop_box": [None] * count if masks.crop_boxes_xyxy is None else masks.crop_boxes_xyxy.tolist(),
        "category": list(categories),
        "parent": [None] * count if masks.parent is None else masks.parent,
        "answer_iou": [None] * count if masks.answer_iou is None else masks.answer_iou,
        **likeness_columns(masks.rles, [asked[index].box if asked else None for index in masks.prompt_index]),
        "made_by": [None] * count,
        "review_id": [None] * count,
        "checkpoint": [None] * count,
    }
    schema = mask_schema()
    return pa.table([pa.array(columns[column.name], column.type) for column in schema], schema=schema)


def likeness_columns(rles: Sequence[Rle], boxes: Sequence[Sequence[float] | None]) -> dict[str, Any]:
    """Compute the columns about doubtful masks, see `mask_schema`; `boxes` are those of the prompts, xyxy in pixels."""
    inside = [None if box is None else area_in_box(rle, box) for rle, box in zip(rles, boxes, strict=True)]
    return {
        "parts": [count_parts(rle) for rle in rles],
        "outside_box": [
            None if pixels is None else 1 - pixels / max(1, rle.area) if rle.area else 0.0
            for rle, pixels in zip(rles, inside, strict=True)
        ],
        "box_filled": [
            None if box is None or pixels is None else min(1.0, pixels / _area_of_box(box))
            for box, pixels in zip(boxes, inside, strict=True)
        ],
        "twin_iou": twin_iou(rles),
    }


def _area_of_box(box_xyxy: Sequence[float]) -> float:
    x0, y0, x1, y1 = box_xyxy
    return max(1.0, (x1 - x0) * (y1 - y0))


def _prompt_columns(masks: MaskSet, asked: Sequence[Asked]) -> dict[str, list[Any]]:
    of_mask = [asked[index] if asked else None for index in masks.prompt_index]
    if not asked and masks.points_xy is not None:
        points: list[Any] = masks.points_xy.tolist()
        return {
            "prompt_kind": ["grid"] * len(masks),
            "prompt_points": points,
            "prompt_labels": [[1]] * len(masks),
            "prompt_box": [None] * len(masks),
        }
    return {
        "prompt_kind": [None if one is None else one.kind for one in of_mask],
        "prompt_points": [None if one is None else np.ravel(one.points).tolist() for one in of_mask],
        "prompt_labels": [None if one is None else list(one.labels) for one in of_mask],
        "prompt_box": [None if one is None or one.box is None else list(one.box) for one in of_mask],
    }


def annotated_row(image: ImageRow, table: pa.Table, checkpoint: str) -> AnnotatedRow:
    """Convert the table of one image's masks to a `MaskSet`.

    Args:
        image: its row.
        table: its masks, in order.
        checkpoint: name of the checkpoint that made them.
    """
    column = {name: table.column(name).to_pylist() for name in table.column_names}
    points = None
    if len(table) and all(kind == "grid" for kind in column["prompt_kind"]):
        points = np.array(column["prompt_points"], np.float64).reshape(-1, 2)
    masks = MaskSet(
        rles=tuple(
            Rle(height, width, counts)
            for height, width, counts in zip(column["height"], column["width"], column["counts"], strict=True)
        ),
        size_hw=image.size_hw,
        checkpoint=checkpoint,
        predicted_iou=np.array(column["predicted_iou"], np.float64),
        prompt_index=np.array(column["prompt_index"], np.int64),
        stability_score=_or_none(column["stability_score"], np.float64),
        points_xy=points,
        crop_boxes_xyxy=_or_none(column["crop_box"], np.int64),
        parent=_positions(column["parent"], column["mask_index"]),
        answer_iou=_or_none(column["answer_iou"], np.float64),
    )
    return AnnotatedRow(image, masks, tuple(column["category"]), tuple(column["mask_index"]), tuple(column["made_by"]))


def _positions(parents: list[int | None], numbers: list[int]) -> Any:  # Any: an array, or None
    """Convert parents from numbers of masks to positions, which differ once a correction removed a mask."""
    place = {number: position for position, number in enumerate(numbers)}
    return _or_none([None if parent is None else place.get(parent, -1) for parent in parents], np.int64)


def _or_none(values: list[Any], dtype: type) -> Any:  # Any: an array of that type
    return np.array(values, dtype) if values and all(value is not None for value in values) else None
