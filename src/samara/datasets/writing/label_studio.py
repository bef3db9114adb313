"""Label Studio: tasks with predictions, ready to import, as brush strokes or polygons.

Brush strokes keep every pixel. Polygons can be edited corner by corner and exported by Label Studio to COCO and YOLO,
which brush strokes cannot; there is one polygon per mask, as in YOLO, with the same losses.

Source: labelstud.io, "Import pre-annotated data into Label Studio".
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote
from xml.etree import ElementTree

import numpy as np

from samara.datasets.annotated import AnnotatedImage
from samara.datasets.reviewed import REASON
from samara.datasets.writing.brush_rle import brush_rle
from samara.datasets.writing.category_numbers import Categories, category_name
from samara.datasets.writing.json_list import JsonList, json_text
from samara.datasets.writing.options import WriterOptions
from samara.datasets.writing.staged_writer import StagedWriter
from samara.datasets.writing.yolo import INSET
from samara.masks.bridges import one_polygon_of
from samara.masks.filling import iou_of_filled
from samara.masks.rle import Rle

CONFIG = "labelling_config.xml"
# Names shared by regions and the labelling configuration.
_FROM_NAME, _TO_NAME, _DATA_KEY = "label", "image", "image"
# Label Studio refuses uploads over 250 MB.
_LARGEST_FILE_BYTES = 100_000_000
_PERCENT = 100.0
# A hundredth of a pixel in an image of 100,000.
_DECIMALS = 6


class _LabelStudioWriter(StagedWriter):
    """Writes `tasks-0001.json` and so on, each small enough to import, and the labelling configuration."""

    is_folder: ClassVar[bool] = True
    tag: ClassVar[str]
    kind: ClassVar[str]

    def __init__(self, target: Path, options: WriterOptions | None = None) -> None:
        """See `StagedWriter`."""
        super().__init__(target, options)
        self._categories = Categories(self.options.categories, first=0)
        self._files = 0
        self._has_reasons = False
        self._tasks = JsonList(self.scaffold("tasks"))

    @abstractmethod
    def _value(self, image: AnnotatedImage, index: int) -> dict[str, Any] | None:
        """Return the region of a mask, None if there is none, and add its loss to the meter."""

    def _add(self, image: AnnotatedImage) -> None:
        self._categories.numbers_of(image)
        self._has_reasons |= REASON in image.facts
        regions = []
        for index in range(len(image.masks)):
            value = self._value(image, index)
            if value is not None:
                regions.append(self._region(image, index, value))
        prediction: dict[str, Any] = {
            "model_version": str(self.options.info.get("checkpoint", image.masks.checkpoint)),
            "result": regions,
        }
        if regions:  # by which Label Studio sorts tasks: the worst mask counts
            prediction["score"] = min(region["score"] for region in regions)
        task = {"data": {_DATA_KEY: self._address(image.file_name), **image.facts}, "predictions": [prediction]}
        text = json_text(task)
        if len(self._tasks) and self._tasks.size_bytes + len(text) > _LARGEST_FILE_BYTES:
            self._next_file()
        self._tasks.extend([text])

    def _region(self, image: AnnotatedImage, index: int, value: dict[str, Any]) -> dict[str, Any]:
        height, width = image.masks.size_hw
        name = category_name(image, index)
        return {
            "id": f"{image.image_id}-{image.number(index)}",
            "type": self.kind,
            "from_name": _FROM_NAME,
            "to_name": _TO_NAME,
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "score": float(image.masks.predicted_iou[index]),
            "value": value | {self.kind: [name]},
        }

    def _address(self, file_name: str) -> str:
        prefix = self.options.image_url_prefix
        # Addresses of storage buckets ("s3://") are not escaped.
        is_url = prefix.startswith(("/", "http:", "https:"))
        return prefix + (quote(file_name, errors="surrogateescape") if is_url else file_name)

    def _next_file(self) -> None:
        self._files += 1
        with (self.staged / f"tasks-{self._files:04}.json").open("wb") as document:
            self._tasks.pour_into(document)
        self._tasks.close()
        self._tasks = JsonList(self.scaffold("tasks"))

    def _finish(self) -> None:
        if len(self._tasks) or not self._files:
            self._next_file()
        view = ElementTree.Element("View")
        ElementTree.SubElement(view, "Image", name=_TO_NAME, value=f"${_DATA_KEY}", zoom="true")
        if self._has_reasons:
            ElementTree.SubElement(view, "Text", name="reason", value=f"${REASON}")
        labels = ElementTree.SubElement(view, self.tag, name=_FROM_NAME, toName=_TO_NAME)
        for name in self._categories.numbers:
            ElementTree.SubElement(labels, "Label", value=name)
        ElementTree.indent(view)
        (self.staged / CONFIG).write_bytes(ElementTree.tostring(view, encoding="utf-8") + b"\n")

    def _release(self) -> None:
        self._tasks.close()


class LabelStudioBrushWriter(_LabelStudioWriter):
    """Brush strokes: lossless."""

    tag: ClassVar[str] = "BrushLabels"
    kind: ClassVar[str] = "brushlabels"

    def _value(self, image: AnnotatedImage, index: int) -> dict[str, Any] | None:
        bytes_of_mask = brush_rle(image.masks.rles[index])
        self.meter.add(image, index, 1.0)
        return {"format": "rle", "rle": bytes_of_mask}


class LabelStudioPolygonWriter(_LabelStudioWriter):
    """Polygons, one per mask; an empty mask has none."""

    tag: ClassVar[str] = "PolygonLabels"
    kind: ClassVar[str] = "polygonlabels"

    def _value(self, image: AnnotatedImage, index: int) -> dict[str, Any] | None:
        rle = image.masks.rles[index]
        percents = percents_of(rle)
        seen = percents / _PERCENT * (rle.width, rle.height)
        self.meter.add(image, index, iou_of_filled(rle, [seen]), left_out=not len(percents))
        return {"points": percents.tolist(), "closed": True} if len(percents) else None


def percents_of(rle: Rle) -> np.typing.NDArray[np.float64]:
    """Return the outline of a mask in per cent of width and height, (K, 2); K = 0 if it is empty."""
    percents: np.typing.NDArray[np.float64] = one_polygon_of(rle, INSET) * _PERCENT / (rle.width, rle.height)
    return percents.round(_DECIMALS)
