"""SA-1B: a JSON file per image, with COCO run lengths and the network's scores.

Source: the SA-1B data set card, and segment-anything's README, "Dataset".
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from samara.datasets.annotated import AnnotatedImage
from samara.datasets.writing.image_files import new_file, relative_name
from samara.datasets.writing.json_list import json_text
from samara.datasets.writing.staged_writer import StagedWriter

# Keys that SA-1B has once per file, or not at all.
_ELSEWHERE = {"image_id", "category_id", "iscrowd"}


class Sa1bWriter(StagedWriter):
    """One file per image, in the tree of the images: lossless."""

    is_folder: ClassVar[bool] = True

    @classmethod
    def file_of(cls, file_name: str) -> Path:
        """See `StagedWriter`."""
        return relative_name(file_name, ".json")

    def _add(self, image: AnnotatedImage) -> None:
        path = new_file(self.staged / self.file_of(image.file_name), image)
        height, width = image.masks.size_hw
        annotations = [
            {key: value for key, value in row.items() if key not in _ELSEWHERE}
            for row in image.masks.to_coco(image.image_id)
        ]
        for index, row in enumerate(annotations):
            name = image.category(index)
            row |= {} if name is None else {"category": name}
        about = {"image_id": image.image_id, "width": width, "height": height, "file_name": image.file_name}
        path.write_text(json_text({"image": about, "annotations": annotations}) + "\n", encoding="ascii")
        for index in range(len(image.masks)):
            self.meter.add(image, index, 1.0)

    def _finish(self) -> None:
        pass
