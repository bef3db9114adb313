"""YOLO segmentation labels: a text file of normalised polygons for each picture.

YOLO knows one polygon per object and no holes. Holes are tied to the outline by a line within the object, which costs
nothing; parts by a line through background, which readers that draw outlines see (`masks/bridges.py`). What that costs
is measured for every mask, on the numbers as they stand in the file.

Source: the Ultralytics documentation on segmentation data sets (the format only).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from samara.datasets.annotated import AnnotatedImage
from samara.datasets.category_numbers import Categories
from samara.datasets.picture_files import new_file, place_picture, relative_name, require_picture
from samara.datasets.writing import StagedWriter, WriterOptions
from samara.masks.bridges import one_polygon_of
from samara.masks.filling import iou_of_filled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samara.masks.rle import Rle

# Pixels; see `polygons_of`. In the middle of what is exact, so that rounding on either side does no harm.
INSET = 0.05
# Fractions are written so finely that rounding moves no corner by more than this, in pixels.
_ROUNDING = 0.01
_LEAST_DECIMALS = 6

_DATA_YAML = """\
# Written by samara. No split was made: train and val are the same pictures until you divide them.
path: .
train: images
val: images
names:
"""


class YoloWriter(StagedWriter):
    """`labels/` with the tree of the pictures, `data.yaml`, and if asked for `images/`."""

    is_folder: ClassVar[bool] = True

    def __init__(self, target: Path, options: WriterOptions | None = None) -> None:
        """See `StagedWriter`."""
        super().__init__(target, options)
        self._categories = Categories(self.options.categories, first=0)
        (self.staged / "labels").mkdir()

    def _add(self, image: AnnotatedImage) -> None:
        relative = relative_name(image, ".txt")
        require_picture(image, self.options.pictures)
        label = new_file(self.staged / "labels" / relative, image)
        lines = []
        numbers = self._categories.numbers_of(image)
        for index, rle in enumerate(image.masks.rles):
            fractions = _fractions(rle)
            seen = [fractions * (rle.width, rle.height)]
            self.meter.add(image, index, iou_of_filled(rle, seen), left_out=not len(fractions))
            if len(fractions):
                lines.append(_line(numbers[index], fractions, _decimals(rle)))
        label.write_text("".join(lines), encoding="ascii")
        picture = relative.with_name(Path(image.file_name).name)
        place_picture(image, self.staged / "images" / picture, self.options.pictures)

    def _finish(self) -> None:
        # Text in double quotes means the same in JSON and YAML, characters beyond 16 bits unless they are escaped.
        names = "".join(
            f"  {number}: {json.dumps(name, ensure_ascii=False)}\n" for name, number in self._categories.numbers.items()
        )
        (self.staged / "data.yaml").write_text(_DATA_YAML + names, encoding="utf-8")


def _fractions(rle: Rle) -> NDArray[np.float64]:
    """Outline of a mask in fractions of width and height, (K, 2), as it will be read; K = 0 if it is empty."""
    fractions: NDArray[np.float64] = one_polygon_of(rle, INSET) / (rle.width, rle.height)
    return fractions.round(_decimals(rle))


def _decimals(rle: Rle) -> int:
    return max(_LEAST_DECIMALS, math.ceil(math.log10(max(rle.width, rle.height) / (2 * _ROUNDING))))


def _line(number: int, fractions: NDArray[np.float64], decimals: int) -> str:
    numbers = " ".join(f"{fraction:.{decimals}f}" for fraction in fractions.ravel().tolist())
    return f"{number} {numbers}\n"
