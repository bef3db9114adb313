"""A COCO file as what people made of proposed masks: every listed image counts as looked at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samara.datasets.reading.coco import mask_of
from samara.datasets.reading.coco_document import CocoDocument, Identifier, category_of, read_document
from samara.datasets.reading.findings import Findings, ReadingRules
from samara.datasets.reviewed import MASK_NUMBER, Reviewed, ReviewedImage, ReviewedMask
from samara.errors import DatasetError


def read_reviewed_coco(path: Path) -> Reviewed:
    """Read a COCO file with the complete masks of its images.

    Args:
        path: the JSON file. It states the sizes of its images, which need not be there.

    Raises:
        DatasetError: it is not a COCO file.
    """
    findings = Findings(repr(str(path)), ReadingRules(crowds="objects", skip_bad=True))
    document = read_document(path, findings, None)
    masks: dict[Identifier, list[ReviewedMask]] = {image_id: [] for image_id in document.images}
    refused: dict[Identifier, list[str]] = {image_id: [] for image_id in document.images}
    for where, row, image_id in document.annotations(findings):
        try:
            masks[image_id].append(_mask(row, document, image_id, where, findings))
        except DatasetError as error:
            refused[image_id].append(str(error))
    images = (
        ReviewedImage(one.name, one.size_hw, tuple(masks[key]), tuple(refused[key]), one.facts)
        for key, one in document.images.items()
    )
    return Reviewed(tuple(images), remarks=tuple(findings.sentences()))


def _mask(
    row: Mapping[str, Any],  # Any: JSON
    document: CocoDocument,
    image_id: Identifier,
    where: str,
    findings: Findings,
) -> ReviewedMask:
    rle = mask_of(row, document.images[image_id].size_hw, where, findings)
    category = category_of(row.get("category_id"), document.categories, where)
    number, own_id = row.get(MASK_NUMBER), row.get("id")
    return ReviewedMask(
        rle, category, number if isinstance(number, int) else None, None if own_id is None else f"coco {own_id}"
    )
