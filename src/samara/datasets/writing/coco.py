"""COCO instance annotations, one JSON document: run lengths or polygons.

The document's two long lists are collected in files, one image or annotation per line, and joined at the end. Values
unknown to COCO, such as predicted IoU and stability score, have their own keys (`MaskSet.to_coco`).

Source: cocodataset.org, "Data format".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from samara.datasets.annotated import AnnotatedImage
from samara.datasets.reviewed import MADE_BY, MASK_NUMBER
from samara.datasets.writing.category_numbers import Categories
from samara.datasets.writing.json_list import JsonList, json_text
from samara.datasets.writing.options import WriterOptions
from samara.datasets.writing.staged_writer import CONTRIBUTOR, StagedWriter
from samara.errors import OutputError
from samara.masks.bridges import polygons_of
from samara.masks.rle import Rle


class CocoWriter(StagedWriter):
    """COCO with run lengths: lossless."""

    is_folder: ClassVar[bool] = False

    def __init__(self, target: Path, options: WriterOptions | None = None) -> None:
        """See `StagedWriter`."""
        super().__init__(target, options)
        self._categories = Categories(self.options.categories, first=1)
        self._images = JsonList(self.scaffold("images"))
        self._annotations = JsonList(self.scaffold("annotations"))
        self._image_ids: set[int] = set()

    def _add(self, image: AnnotatedImage) -> None:
        if image.image_id in self._image_ids:
            raise OutputError(f"{image.file_name!r} has the image id {image.image_id}, which another image already has")
        height, width = image.masks.size_hw
        about = {"id": image.image_id, "file_name": image.file_name, "height": height, "width": width, **image.facts}
        rows = image.masks.to_coco(image.image_id, first_id=len(self._annotations) + 1)
        for row, number, rle in zip(rows, self._categories.numbers_of(image), image.masks.rles, strict=True):
            row["category_id"] = number
            row["segmentation"] = self._segmentation(rle)
        for index, row in enumerate(rows):
            row |= _identity(image, index)
        texts = [json_text(row) for row in rows]
        self._images.extend([json_text(about)])
        self._annotations.extend(texts)
        self._image_ids.add(image.image_id)
        for index in range(len(image.masks)):
            self.meter.add(image, index, 1.0)

    def _segmentation(self, rle: Rle) -> Mapping[str, Any] | list[list[int]]:
        return rle.to_coco()

    def _finish(self) -> None:
        categories = [
            {"id": number, "name": name, "supercategory": ""} for name, number in self._categories.numbers.items()
        ]
        head = {"info": self.provenance, "licenses": [], "categories": categories}
        with self.staged.open("wb") as document:
            document.write(json_text(head)[:-1].encode("ascii"))
            document.write(b', "images": ')
            self._images.pour_into(document)
            document.write(b', "annotations": ')
            self._annotations.pour_into(document)
            document.write(b"}\n")

    def _release(self) -> None:
        self._images.close()
        self._annotations.close()


def _identity(image: AnnotatedImage, index: int) -> dict[str, Any]:  # Any: JSON
    """Return the keys about number and maker of a mask, where they say more than its position."""
    maker = image.maker(index)
    return ({} if not image.facts else {MASK_NUMBER: image.number(index)}) | ({} if maker is None else {MADE_BY: maker})


class CocoPolygonWriter(CocoWriter):
    """COCO with polygons, exact to the pixel by COCO's rule.

    An empty mask has no polygon and stays run lengths, which COCO allows per annotation.
    """

    def _segmentation(self, rle: Rle) -> Mapping[str, Any] | list[list[int]]:
        polygons = [polygon.astype(np.int64).ravel().tolist() for polygon in polygons_of(rle)]
        return polygons or rle.to_coco()


def is_ours(path: Path) -> bool:
    """Return whether a file is a COCO document that samara wrote and may overwrite."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    info = document.get("info") if isinstance(document, dict) else None
    return isinstance(info, dict) and info.get("contributor") == CONTRIBUTOR
