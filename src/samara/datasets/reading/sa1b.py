"""SA-1B's files, one per image, combined into a COCO document.

Source: the SA-1B data set card, and segment-anything's README, "Dataset".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def is_sa1b(document: object) -> bool:
    """Return whether parsed JSON describes one image in SA-1B's format."""
    return isinstance(document, dict) and isinstance(document.get("image"), dict) and "annotations" in document


def as_coco(documents: Iterable[Mapping[str, Any]]) -> dict[str, Any]:  # Any: JSON values
    """Combine SA-1B's documents.

    Args:
        documents: parsed files; samara's own have the class name of a mask as `category`.

    Returns:
        A COCO document, with categories if there are any. Invalid entries stay invalid.
    """
    images: list[object] = []
    rows: list[object] = []
    numbers: dict[str, int] = {}
    for number, document in enumerate(documents, start=1):
        image, annotations = document["image"], document["annotations"]
        # SA-1B's own numbers are unique within SA-1B; files from elsewhere may repeat them.
        images.append({**image, "id": number})
        for row in annotations if isinstance(annotations, list) else [annotations]:
            rows.append(_row(row, number, numbers) if isinstance(row, dict) else row)
    categories = [{"id": number, "name": name} for name, number in numbers.items()]
    return {"images": images, "annotations": rows, "categories": categories or None}


def _row(row: Mapping[str, Any], image_id: int, numbers: dict[str, int]) -> dict[str, Any]:
    name = row.get("category")
    named = {"category_id": numbers.setdefault(name, len(numbers) + 1)} if isinstance(name, str) else {}
    # An annotation of another image may have the same id.
    return {**row, "image_id": image_id, **named, "id": f"{image_id}: {row.get('id')}"}
