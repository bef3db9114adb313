"""Pascal VOC: class and object images, boxes as XML, and lists of the images.

The tree is that of VOCdevkit: `SegmentationClass/`, `SegmentationObject/` and `Annotations/` with a file per image,
lists of the images in `ImageSets/Segmentation/`, `labelmap.txt` for annotation tools, and optionally `JPEGImages/`.
With a split the lists are `train.txt`, `val.txt`, `trainval.txt` (both) and `test.txt`.

Source: the VOC 2012 development kit documentation.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ClassVar
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from samara.datasets.annotated import AnnotatedImage, is_line
from samara.datasets.writing.category_numbers import Categories, category_name
from samara.datasets.writing.image_files import new_file, place_image, relative_name, require_image
from samara.datasets.writing.label_maps import meter_overlaps, palette_png, topmost, voc_colour
from samara.datasets.writing.options import WriterOptions
from samara.datasets.writing.staged_writer import StagedWriter
from samara.errors import OutputError
from samara.images.encode import grey_png

if TYPE_CHECKING:
    from samara.datasets.split import Split

# VOC's number for ignored pixels at object borders; no mask or class may have it.
VOID = 255
_MAX_MASKS = 65534
_COLOUR_CHANNELS = 3

_ANNOTATIONS = "Annotations"
_CLASSES = "SegmentationClass"
_OBJECTS = "SegmentationObject"
_IMAGES = "JPEGImages"
_LISTS = "ImageSets/Segmentation"
_BACKGROUND = "background"


class VocWriter(StagedWriter):
    """The tree of VOCdevkit."""

    is_folder: ClassVar[bool] = True

    @classmethod
    def file_of(cls, file_name: str) -> Path:
        """See `StagedWriter`; the other folders have files of the same name."""
        if not is_line(file_name):
            raise OutputError(
                f"{file_name!r} has a character that neither XML nor VOC's image lists can contain; rename it"
            )
        return Path(_ANNOTATIONS, relative_name(file_name, ".xml"))

    @classmethod
    def require_categories(cls, names: Iterable[str]) -> None:
        """See `StagedWriter`; labelmap.txt starts comments with "#" and ends names with ":"."""
        for number, name in enumerate(names, start=1):
            if ":" in name or name.startswith("#") or name == _BACKGROUND:
                raise OutputError(
                    f"VOC does not support a class {name!r}: labelmap.txt cannot contain ':' or a leading '#', and "
                    f"{_BACKGROUND!r} means no object; rename it with `categories={{{name!r}: 'NEW NAME'}}`"
                )
            if number >= VOID:
                raise OutputError(
                    f"{name!r} is category {number}, but VOC can number only {VOID - 1}; choose another format, such "
                    "as coco"
                )

    def __init__(self, target: Path, options: WriterOptions | None = None) -> None:
        """See `StagedWriter`."""
        super().__init__(target, options)
        self._categories = Categories(self.options.categories, first=1)
        (self.staged / _LISTS).mkdir(parents=True)
        self._names = self._list("trainval").open("w", encoding="utf-8", newline="\n")
        for folder in (_ANNOTATIONS, _CLASSES, _OBJECTS):
            (self.staged / folder).mkdir()

    def _add(self, image: AnnotatedImage) -> None:
        file = self.file_of(image.file_name)
        require_image(image, self.options.images)
        described = new_file(self.staged / file, image)
        relative = file.relative_to(_ANNOTATIONS).with_suffix(".png")
        # An empty mask has neither box nor pixels.
        numbered = np.flatnonzero(image.masks.areas > 0)
        object_numbers = np.zeros(len(image.masks) + 1, np.int64)
        object_numbers[numbered] = _object_numbers(len(numbered), image)
        class_numbers = np.zeros(len(image.masks) + 1, np.int64)
        class_numbers[:-1] = self._class_numbers(image)
        labels = topmost(image)  # -1 picks the last number, which is 0
        meter_overlaps(self.meter, image, labels)
        described.write_bytes(_described(image, numbered.tolist()))
        classes, objects = (new_file(self.staged / folder / relative, image) for folder in (_CLASSES, _OBJECTS))
        classes.write_bytes(palette_png(class_numbers[labels]))
        largest = int(object_numbers.max())
        objects.write_bytes(
            palette_png(object_numbers[labels]) if largest < VOID else grey_png(object_numbers[labels], largest)
        )
        place = relative.with_name(Path(image.file_name).name)
        place_image(image, self.staged / _IMAGES / place, self.options.images)
        self._names.write(relative.with_suffix("").as_posix() + "\n")

    def _class_numbers(self, image: AnnotatedImage) -> list[int]:
        numbers = self._categories.numbers_of(image)
        self.require_categories(self._categories.numbers)
        return numbers

    def _finish(self) -> None:
        self._names.close()
        if self.options.split is not None:
            self._divide(self.options.split)
        rows = ["# label:color_rgb:parts:actions", "background:0,0,0::"]
        for name, number in self._categories.numbers.items():
            red, green, blue = voc_colour(number)
            rows.append(f"{name}:{red},{green},{blue}::")
        (self.staged / "labelmap.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")

    def _divide(self, split: Split) -> None:
        """Split the list of all images into one per part."""
        stems = self._list("trainval").read_text(encoding="utf-8").splitlines()
        moved = split.moved(stems)
        parts = [moved.get(stem) or split.part_of(stem) for stem in stems]
        for name, of in (("trainval", ("train", "val")), *((part, (part,)) for part in split.parts)):
            listed = [f"{stem}\n" for stem, part in zip(stems, parts, strict=True) if part in of]
            self._list(name).write_text("".join(listed), encoding="utf-8", newline="\n")

    def _list(self, name: str) -> Path:
        return self.staged / _LISTS / f"{name}.txt"

    def _release(self) -> None:
        self._names.close()


def _object_numbers(count: int, image: AnnotatedImage) -> npt.NDArray[np.int64]:
    """Return 1, 2, 3, ... without VOID."""
    if count > _MAX_MASKS:
        raise OutputError(
            f"{image.file_name!r} has {count} masks, but VOC's object images can number only {_MAX_MASKS}; drop masks "
            "or choose another format, such as coco"
        )
    numbers = np.arange(1, count + 1)
    return numbers + (numbers >= VOID)


def _described(image: AnnotatedImage, numbered: list[int]) -> bytes:
    """Return sizes and boxes as XML; corners count from 1, right and bottom inclusive."""
    height, width = image.masks.size_hw
    root = ElementTree.Element("annotation")
    path = PurePosixPath(_IMAGES, image.file_name)
    _child(root, "folder", path.parent)
    _child(root, "filename", path.name)
    _child(_child(root, "source"), "annotation", "samara")
    size = _child(root, "size")
    for side, pixels in (("width", width), ("height", height), ("depth", _COLOUR_CHANNELS)):
        _child(size, side, pixels)
    _child(root, "segmented", 1)
    for index in numbered:
        one = _child(root, "object")
        _child(one, "name", category_name(image, index))
        _child(one, "pose", "Unspecified")
        _child(one, "truncated", 0)
        _child(one, "difficult", 0)
        x0, y0, x1, y1 = image.masks.boxes_xyxy[index].tolist()
        box = _child(one, "bndbox")
        for corner, value in (("xmin", x0 + 1), ("ymin", y0 + 1), ("xmax", x1), ("ymax", y1)):
            _child(box, corner, value)
    ElementTree.indent(root)
    data: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return data


def _child(parent: ElementTree.Element, tag: str, text: object = None) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, tag)
    child.text = None if text is None else str(text)
    return child
