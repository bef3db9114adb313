"""COCO instance annotations, one JSON document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import samara
from samara.class_names import OBJECT
from samara.errors import DatasetError
from samara.files import write_atomically
from samara.results import MaskSet

CONTRIBUTOR = "samara"


@dataclass(frozen=True)
class AnnotatedImage:
    """An image and its masks.

    Attributes:
        file_name: as it shall stand in the document.
        masks: of the image.
    """

    file_name: str
    masks: MaskSet


def coco_document(images: Sequence[AnnotatedImage], info: dict[str, Any]) -> dict[str, Any]:
    """Assemble a COCO document; its categories are the classes of the checkpoint, or one, "object".

    Args:
        images: ids are given in this order, from 1.
        info: what made the masks: checkpoint, licence, settings.

    Raises:
        DatasetError: the images' masks come from checkpoints with different classes.
    """
    annotations: list[dict[str, Any]] = []
    for image_id, image in enumerate(images, start=1):
        annotations += image.masks.to_coco(image_id, first_id=len(annotations) + 1)
    return {
        "info": {"contributor": CONTRIBUTOR, "version": samara.__version__, **info},
        "licenses": [],
        "categories": [
            {"id": category_id, "name": name, "supercategory": ""}
            for category_id, name in enumerate(_class_names(images), start=1)
        ],
        "images": [
            {
                "id": image_id,
                "file_name": image.file_name,
                "height": image.masks.size_hw[0],
                "width": image.masks.size_hw[1],
            }
            for image_id, image in enumerate(images, start=1)
        ],
        "annotations": annotations,
    }


def _class_names(images: Sequence[AnnotatedImage]) -> tuple[str, ...]:
    several = {image.masks.class_names or OBJECT for image in images} or {OBJECT}
    if len(several) > 1:
        first, second = sorted(several)[:2]
        raise DatasetError(
            f"masks of different classes ({first[0]}, ... and {second[0]}, ...) do not fit into one COCO document; "
            "write one for each checkpoint"
        )
    return next(iter(several))


def write_coco(path: Path, document: dict[str, Any]) -> None:
    """Write a document completely or not at all. NaN is refused: it is no JSON."""
    write_atomically(path, json.dumps(document, allow_nan=False).encode())


def is_ours(path: Path) -> bool:
    """Whether a file is a COCO document that samara wrote, and may write again."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    info = document.get("info") if isinstance(document, dict) else None
    return isinstance(info, dict) and info.get("contributor") == CONTRIBUTOR
