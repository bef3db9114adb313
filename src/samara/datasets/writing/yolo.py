"""YOLO segmentation labels: a text file of normalised polygons per image.

YOLO has one polygon per object and no holes. Holes are connected to the outline by a line inside the object, which
loses nothing; separate parts by a line through the background, visible to readers that draw outlines
(`masks/bridges.py`). The loss is measured for every mask, on the numbers as written.

Source: the Ultralytics documentation on segmentation data sets (the format only).
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import yaml

from samara.datasets.annotated import AnnotatedImage
from samara.datasets.writing.category_numbers import Categories
from samara.datasets.writing.image_files import new_file, place_image, relative_name, require_image
from samara.datasets.writing.options import WriterOptions
from samara.datasets.writing.staged_writer import StagedWriter
from samara.masks.bridges import one_polygon_of
from samara.masks.filling import iou_of_filled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samara.datasets.split import Split
    from samara.masks.rle import Rle

# Pixels; see `polygons_of`. The middle of the exact range, so that rounding either way is harmless.
INSET = 0.05
# Fractions have enough digits that rounding moves no corner by more than this, in pixels.
_ROUNDING = 0.01
_MIN_DECIMALS = 6

# Ultralytics finds the labels of an image by the last folder of this name in its path.
_IMAGES, _LABELS = "images", "labels"
_RENAMED = "images_"
_UNDIVIDED = "# Written by samara. No split was made: train and val are the same images.\n"
_DIVIDED = "# Written by samara: {}.\n"


class YoloWriter(StagedWriter):
    """`labels/` in the tree of the images, `data.yaml`, and optionally `images/`.

    With a split, both have a folder per part, with the tree inside.
    """

    is_folder: ClassVar[bool] = True

    @classmethod
    def file_of(cls, file_name: str) -> Path:
        """See `StagedWriter`; the path is inside the folder of the part if there is a split."""
        return _without_images(relative_name(file_name, ".txt"))

    def __init__(self, target: Path, options: WriterOptions | None = None) -> None:
        """See `StagedWriter`."""
        super().__init__(target, options)
        self._categories = Categories(self.options.categories, first=0)
        self._images_of: Counter[str] = Counter()
        (self.staged / _LABELS).mkdir()

    def _add(self, image: AnnotatedImage) -> None:
        relative = self.file_of(image.file_name)
        require_image(image, self.options.images)
        part = self._part_of(relative)
        label = new_file(self.staged / _LABELS / part / relative, image)
        lines = []
        numbers = self._categories.numbers_of(image)
        for index, rle in enumerate(image.masks.rles):
            fractions = _fractions(rle)
            seen = [fractions * (rle.width, rle.height)]
            self.meter.add(image, index, iou_of_filled(rle, seen), left_out=not len(fractions))
            if len(fractions):
                lines.append(_line(numbers[index], fractions, _decimals(rle)))
        label.write_text("".join(lines), encoding="ascii")
        place = relative.with_name(Path(image.file_name).name)
        place_image(image, self.staged / _IMAGES / part / place, self.options.images)
        self._images_of[part] += 1

    def _part_of(self, relative: Path) -> str:
        """Return the folder of an image's part, "" without a split."""
        return "" if self.options.split is None else self.options.split.part_of(relative.with_suffix("").as_posix())

    def _finish(self) -> None:
        if self.options.split is None:
            comment, folders = _UNDIVIDED, {"train": _IMAGES, "val": _IMAGES}
        else:
            self._fill(self.options.split)
            counts = ", ".join(f"{self._images_of[part]} images in {part}" for part in self.options.split.parts)
            comment = _DIVIDED.format(counts)
            folders = {part: f"{_IMAGES}/{part}" for part in self.options.split.parts}
        # Without `path`, folders are relative to this file, wherever training is started.
        names = {number: name for name, number in self._categories.numbers.items()}
        data = yaml.safe_dump(folders | {"names": names}, allow_unicode=True, sort_keys=False, width=sys.maxsize)
        (self.staged / "data.yaml").write_text(comment + data, encoding="utf-8")

    def _fill(self, split: Split) -> None:
        """Move images of a small set so that no part is empty."""
        if all(self._images_of[part] for part in split.parts):
            return
        stems = [
            path.relative_to(self.staged / _LABELS / part).with_suffix("").as_posix()
            for part in split.parts
            for path in (self.staged / _LABELS / part).rglob("*.txt")
        ]
        for stem, part in split.moved(stems).items():
            before = split.part_of(stem)
            for folder in (self.staged / _LABELS, self.staged / _IMAGES):
                for path in _files_of(folder / before, stem):
                    moved = folder / part / path.relative_to(folder / before)
                    moved.parent.mkdir(parents=True, exist_ok=True)
                    path.rename(moved)
            self._images_of.subtract([before])
            self._images_of[part] += 1


def _files_of(folder: Path, stem: str) -> list[Path]:
    """Return the files with this stem and any suffix."""
    named = folder / stem
    return [path for path in named.parent.glob("*") if path.with_suffix("") == named and not path.is_dir()]


def _without_images(relative: Path) -> Path:
    """Return a path within a data set with no folder called "images"; see `_IMAGES`."""
    folders = (_RENAMED if folder == _IMAGES else folder for folder in relative.parent.parts)
    return Path(*folders, relative.name)


def _fractions(rle: Rle) -> NDArray[np.float64]:
    """Return the outline of a mask in fractions of width and height, (K, 2), as it will be read; K = 0 if empty."""
    fractions: NDArray[np.float64] = one_polygon_of(rle, INSET) / (rle.width, rle.height)
    return fractions.round(_decimals(rle))


def _decimals(rle: Rle) -> int:
    return max(_MIN_DECIMALS, math.ceil(math.log10(max(rle.width, rle.height) / (2 * _ROUNDING))))


def _line(number: int, fractions: NDArray[np.float64], decimals: int) -> str:
    numbers = " ".join(f"{fraction:.{decimals}f}" for fraction in fractions.ravel().tolist())
    return f"{number} {numbers}\n"
