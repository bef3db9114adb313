"""The rows of an image after a person corrected its masks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from samara.annotation.review.matching import KnownMask, match
from samara.annotation.store.rows import HUMAN, ImageRow, arrow, likeness_columns, mask_schema
from samara.datasets.reviewed import ReviewedMask
from samara.datasets.writing.category_numbers import UNNAMED
from samara.masks.hierarchy import parents
from samara.masks.rle import Rle

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

# The scores of a mask that a person drew: nothing that filters by score removes it.
_CERTAIN = 1.0
_CONTAINMENT = 0.95


@dataclass(frozen=True)
class MaskCounts:
    """What happened to masks.

    Attributes:
        kept: neither pixels nor class changed.
        redrawn: other pixels.
        renamed: the same pixels, another class.
        added: new masks.
        removed: masks that are no longer there.
    """

    kept: int = 0
    redrawn: int = 0
    renamed: int = 0
    added: int = 0
    removed: int = 0

    @property
    def changes(self) -> int:
        """Number of masks that are not as before."""
        return self.redrawn + self.renamed + self.added + self.removed

    def __add__(self, other: MaskCounts) -> MaskCounts:
        """Return the sums."""
        return MaskCounts(*(mine + theirs for mine, theirs in zip(self.parts, other.parts, strict=True)))

    @property
    def parts(self) -> tuple[int, int, int, int, int]:
        """All numbers, in order."""
        return self.kept, self.redrawn, self.renamed, self.added, self.removed


def corrected_rows(
    image: ImageRow, table: pa.Table, reviewed: Sequence[ReviewedMask], first_number: int
) -> tuple[ImageRow, pa.Table, MaskCounts]:
    """Apply the corrections of one image.

    Args:
        image: its row.
        table: the rows of its masks, see `mask_schema`.
        reviewed: all of its masks as a person left them; empty ones count as removed.
        first_number: number of the first new mask; no mask of the image ever had it or a higher one.

    Returns:
        Its new row, the rows of its masks, and what changed. Masks that were not changed keep their rows.
    """
    reviewed = [one for one in reviewed if one.rle.area]
    rows = table.to_pylist()
    rles = [Rle(row["height"], row["width"], row["counts"]) for row in rows]
    known = [KnownMask(rle, row["mask_index"], row["review_id"]) for rle, row in zip(rles, rows, strict=True)]
    matched = match(known, reviewed)
    kept: list[dict[str, Any]] = []
    counts = MaskCounts(added=len(matched.added), removed=len(matched.removed))
    for old, new in matched.pairs:
        row, count = _changed(rows[old], rles[old], reviewed[new])
        kept, counts = [*kept, row], counts + count
    has_stability = any(row["stability_score"] is not None for row in rows)
    for number, new in enumerate(matched.added, start=first_number):
        kept.append(_added(image, reviewed[new], number, has_stability=has_stability))
    if not counts.changes:
        return image, table, counts
    return replace(image, masks=len(kept)), _table(kept, has_hierarchy=_has_hierarchy(rows)), counts


def _changed(row: dict[str, Any], rle: Rle, reviewed: ReviewedMask) -> tuple[dict[str, Any], MaskCounts]:
    """Return the row of a mask that is still there; `Any`: the values of a row."""
    is_redrawn = reviewed.rle not in (rle, None if reviewed.unedited is None else reviewed.unedited(rle))
    category = _category(reviewed, row["category"])
    is_renamed = category != row["category"]
    if not is_redrawn and not is_renamed:
        return row, MaskCounts(kept=1)
    row = row | {"category": category, "made_by": HUMAN}
    if is_redrawn:
        row |= _drawn(reviewed, has_stability=row["stability_score"] is not None)
    return row, MaskCounts(redrawn=int(is_redrawn), renamed=int(not is_redrawn))


def _category(reviewed: ReviewedMask, before: str | None) -> str | None:
    """Return the class of a mask: as before where none was said; formats call a mask without one "object"."""
    is_unsaid = reviewed.category is None or (before is None and reviewed.category == UNNAMED)
    return before if is_unsaid else reviewed.category


def _drawn(reviewed: ReviewedMask, *, has_stability: bool) -> dict[str, Any]:
    x0, y0, x1, y1 = reviewed.rle.box_xyxy
    return {
        "counts": reviewed.rle.counts,
        "area": reviewed.rle.area,
        **{"x0": x0, "y0": y0, "x1": x1, "y1": y1},
        "predicted_iou": _CERTAIN,
        "stability_score": _CERTAIN if has_stability else None,
        "answer_iou": None,
    }


def _added(image: ImageRow, reviewed: ReviewedMask, number: int, *, has_stability: bool) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(mask_schema().names)
    return (
        row
        | {
            "image_id": image.image_id,
            "image_sha256": image.sha256,
            "mask_index": number,
            "height": image.height,
            "width": image.width,
            "prompt_index": -1,
            "category": _category(reviewed, None),
            "made_by": HUMAN,
            "review_id": reviewed.name,
        }
        | _drawn(reviewed, has_stability=has_stability)
    )


def _has_hierarchy(rows: Sequence[dict[str, Any]]) -> bool:
    return any(row["parent"] is not None for row in rows)


def _table(rows: list[dict[str, Any]], *, has_hierarchy: bool) -> pa.Table:
    """Build the table, with everything that depends on several masks computed anew."""
    rles = [Rle(row["height"], row["width"], row["counts"]) for row in rows]
    table = arrow().Table.from_pylist(rows, schema=mask_schema())
    columns = likeness_columns(rles, [row["prompt_box"] for row in rows])
    if has_hierarchy:
        numbers = [row["mask_index"] for row in rows]
        columns["parent"] = [-1 if one < 0 else numbers[one] for one in parents(rles, _CONTAINMENT)]
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        field = table.schema.field(name)
        table = table.set_column(place, field, arrow().array(values, field.type))
    return table
