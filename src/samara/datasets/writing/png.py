"""Label maps: per image a grey PNG whose values are the numbers of its masks, 0 for none.

Grey, not palette: OpenCV and imageio silently convert a palette to colours, and 16-bit images have no palette. The
`voc` format has colours.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import ClassVar

from samara.datasets.annotated import AnnotatedImage
from samara.datasets.writing.category_numbers import category_name
from samara.datasets.writing.image_files import new_file, relative_name
from samara.datasets.writing.label_maps import meter_overlaps, topmost
from samara.datasets.writing.options import WriterOptions
from samara.datasets.writing.staged_writer import StagedWriter
from samara.errors import OutputError
from samara.images.encode import grey_png
from samara.masks.saving import MOST_LABELS

TABLE = "masks.csv"
_COLUMNS = ("file_name", "label", "category", "area_px", "visible_px", "predicted_iou")


class PngWriter(StagedWriter):
    """A label map per image, in the tree of the images, and `masks.csv` with the properties of each mask."""

    is_folder: ClassVar[bool] = True

    @classmethod
    def file_of(cls, file_name: str) -> Path:
        """See `StagedWriter`."""
        return relative_name(file_name, ".png")

    def __init__(self, target: Path, options: WriterOptions | None = None) -> None:
        """See `StagedWriter`."""
        super().__init__(target, options)
        # File names may be invalid UTF-8; the table then contains their raw bytes.
        self._file = (self.staged / TABLE).open("w", encoding="utf-8", errors="surrogateescape", newline="")
        self._table = csv.writer(self._file)
        self._table.writerow(_COLUMNS)

    def _add(self, image: AnnotatedImage) -> None:
        count = len(image.masks)
        if count > MOST_LABELS:
            raise OutputError(
                f"{image.file_name!r} has {count} masks, but a label map can number only {MOST_LABELS}; drop masks or "
                "choose another format, such as coco"
            )
        path = new_file(self.staged / self.file_of(image.file_name), image)
        labels = topmost(image)
        visible = meter_overlaps(self.meter, image, labels)
        path.write_bytes(grey_png(labels + 1, largest=count))
        for index in range(count):
            self._table.writerow(
                (
                    image.file_name,
                    index + 1,
                    category_name(image, index),
                    int(image.masks.areas[index]),
                    int(visible[index]),
                    float(image.masks.predicted_iou[index]),
                )
            )

    def _finish(self) -> None:
        self._file.close()

    def _release(self) -> None:
        self._file.close()
