"""YOLO's outlines, read: one text file of normalised polygons beside each picture.

Class names come from `data.yaml`, of which only the entry `names` is read, in the forms that exporters write; YAML as
a whole would need a library. What is written in another form counts as absent, and categories are then the class
numbers, as text: a name is never guessed.

Source: the Ultralytics documentation on segmentation data sets (the format only).
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from samara.datasets.ground_truth import Instance, LabelledImage
from samara.errors import DatasetError, ImageError, SettingsError
from samara.images import picture_size
from samara.masks.polygons import rasterise_polygons

_SPLITS = ("train", "val", "valid", "test")
PICTURE_SUFFIXES = {
    *(".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".avif", ".bmp"),
    *(".gif", ".jp2", ".ppm", ".pgm", ".qoi", ".mpo"),
}
_EXPECTED = "a YOLO data set is a folder with the folders images and labels, or with these two in train, val and test"
# Some exporters put the list of classes among the labels.
NO_LABELS = {"classes.txt"}
# Outlines at the border come out as 1.0000001, and from some programs as a pixel beyond it.
TOLERANCE = 0.01

_QUOTED = r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\""
# Text without quotes, and without anything that means something in YAML.
_PLAIN = r"[^\s,'\"\[\]{}:#&*!|>%@`?-](?:[^,'\"\[\]{}:#\n]*[^\s,'\"\[\]{}:#])?"
_ITEM = re.compile(rf"\s*(?:(\d{{1,9}})\s*:\s+)?({_QUOTED}|{_PLAIN})\s*(?:,|(?=[\]}}]))")
_LINE = re.compile(rf"\s*(?:-|(\d{{1,9}})\s*:)\s+({_QUOTED}|{_PLAIN})\s*(?:#.*)?")


def read_yolo(data: Path) -> list[LabelledImage]:
    """Read a YOLO segmentation data set.

    Of every picture only the header is read. A picture without a label file, or with an empty one, has no
    instances, as YOLO means it.

    Args:
        data: folder with `images/` and `labels/`, each with the same tree (`train/`, `val/`, `test/` or any other)
            inside; or with `train/images/` and `train/labels/` and so on. Labels are lines `class x1 y1 x2 y2 ...`
            with fractions of the width and height of the upright picture.

    Returns:
        The images of all splits, sorted by name; the name is the path relative to the folder, such as
        "images/train/a.jpg". `category` is the class name in `data.yaml`, or else the class number as text.

    Raises:
        DatasetError: no such folder; a label without picture or shared by two; a picture that cannot be read; a
            line that is no outline, but for example a box.
    """
    data = Path(data)
    rooms = [room for room in (data, *(data / split for split in _SPLITS)) if (room / "images").is_dir()]
    if not rooms:
        raise DatasetError(f"{str(data)!r} has no folder images; {_EXPECTED}.")
    names = class_names(data)
    labelled = [image for room in rooms for image in _room(room, data, names)]
    if not labelled:
        raise DatasetError(f"{str(data)!r} has no pictures in its folders of images; {_EXPECTED}.")
    return sorted(labelled, key=lambda image: image.name)


def _room(room: Path, data: Path, names: Mapping[int, str] | None) -> Iterator[LabelledImage]:
    """The images of one pair of folders."""
    if not (room / "labels").is_dir():
        raise DatasetError(f"{str(room)!r} has a folder images but none called labels; {_EXPECTED}.")
    labels = {path for path in files_below(room / "labels") if path.suffix == ".txt" and path.name not in NO_LABELS}
    picture_of: dict[Path, Path] = {}
    for picture in files_below(room / "images"):
        if picture.suffix.lower() not in PICTURE_SUFFIXES:
            continue
        label = room / "labels" / picture.relative_to(room / "images").with_suffix(".txt")
        if label in picture_of:
            raise DatasetError(
                f"{str(picture)!r} and {picture_of[label].name!r} would share the label file {label.name!r}; keep one."
            )
        picture_of[label] = picture
    orphans = sorted(labels - picture_of.keys())
    if orphans:
        raise DatasetError(
            f"{len(orphans)} of the {len(labels)} label files in {str(room)!r} have no picture; the first is "
            f"{str(orphans[0])!r}."
        )
    for label, picture in picture_of.items():
        yield _labelled(picture, label if label in labels else None, data, names)


def files_below(folder: Path) -> Iterator[Path]:
    """All files below a folder, links followed, without hidden ones such as macOS's "._a.jpg"."""
    seen: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # a link to a folder above it never ends
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(files) if not name.startswith("."))


def _labelled(picture: Path, label: Path | None, data: Path, names: Mapping[int, str] | None) -> LabelledImage:
    try:
        size_hw = picture_size(picture)
    except ImageError as error:
        raise DatasetError(f"A picture of the data set cannot be used: {error}") from error
    instances = () if label is None else tuple(_instances(label, size_hw, names))
    name = picture.relative_to(data).as_posix()
    return LabelledImage(picture, size_hw, instances, name, None if label is None else str(label))


def _instances(label: Path, size_hw: tuple[int, int], names: Mapping[int, str] | None) -> Iterator[Instance]:
    for number, line in enumerate(read_text(label).splitlines(), start=1):
        if line.strip():
            yield _instance(line.split(), size_hw, names, f"Line {number} of {str(label)!r}")


def _instance(fields: list[str], size_hw: tuple[int, int], names: Mapping[int, str] | None, where: str) -> Instance:
    height, width = size_hw
    try:
        kind, *fractions = (float(field) for field in fields)
    except ValueError as error:
        raise DatasetError(f"{where} holds something that is no number ({str(error)[:80]}).") from error
    category = category_of(kind, names, where)
    if len(fractions) == 4:
        raise DatasetError(f"{where} is a box, not a mask; segmentation needs outlines, class x1 y1 x2 y2 x3 y3 ...")
    if not all(-TOLERANCE <= fraction <= 1 + TOLERANCE for fraction in fractions):  # NaN is neither
        raise DatasetError(f"{where} has a coordinate outside 0..1; YOLO's are fractions of the width and height.")
    pixels = [fraction * side for fraction, side in zip(fractions, (width, height) * len(fractions), strict=False)]
    try:
        return Instance(rasterise_polygons([pixels], height, width), category)
    except SettingsError as error:
        raise DatasetError(f"{where} is not understood: {error}") from error


def category_of(kind: float, names: Mapping[int, str] | None, where: str) -> str:
    """Name of a class by its number, the number as text where there are no names."""
    # Some programs write the class as 3.0.
    if not math.isfinite(kind) or kind < 0 or kind != int(kind):
        raise DatasetError(f"{where} begins with {kind:g}; the number of a class, from 0, is needed.")
    if names is None:
        return str(int(kind))
    if int(kind) not in names:
        raise DatasetError(f"{where} is of class {int(kind)}, which data.yaml does not name.")
    return names[int(kind)]


def read_text(path: Path) -> str:
    """Read a file as UTF-8, with or without a byte order mark."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DatasetError(f"{str(path)!r} cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{str(path)!r} is no text in UTF-8; export it again.") from error


def class_names(data: Path) -> dict[int, str] | None:
    """Read `names` of the folder's data.yaml; None if there is none, or in a form that is not understood."""
    path = data / "data.yaml"
    if not path.is_file():
        return None
    lines = read_text(path).splitlines()
    starts = [number for number, line in enumerate(lines) if re.match(r"names\s*:(\s|$)", line)]
    if len(starts) != 1:
        return None
    first = lines[starts[0]].partition(":")[2].strip()
    rest = lines[starts[0] + 1 :]
    if not first or first.startswith("#"):
        return _block(rest)
    return _flow("\n".join([first, *rest]))


def _block(lines: list[str]) -> dict[int, str] | None:
    """Names one below the other, `- cat` or `0: cat`, up to the next entry of the file."""
    found: list[tuple[str | None, str]] = []
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line.startswith("---") or not line.startswith((" ", "-")):
            break
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        found.append((match[1], match[2]))
    return _numbered(found)


def _flow(text: str) -> dict[int, str] | None:
    """Names between brackets, `[cat, dog]` or `{0: cat, 1: dog}`, on one line or several."""
    if text[0] not in "[{":
        return None
    found: list[tuple[str | None, str]] = []
    position = 1
    while match := _ITEM.match(text, position):
        found.append((match[1], match[2]))
        position = match.end()
    is_closed = text[position:].lstrip().startswith("]" if text[0] == "[" else "}")
    # Brackets of one kind number their items, those of the other do not.
    is_fitting = all((number is None) == (text[0] == "[") for number, _ in found)
    return _numbered(found) if is_closed and is_fitting else None


def _numbered(found: list[tuple[str | None, str]]) -> dict[int, str] | None:
    """Names by number, counted from 0 if they have none; None if it is not clear which has which."""
    names = {count if number is None else int(number): _unquoted(name) for count, (number, name) in enumerate(found)}
    is_mixed = len({number is None for number, _ in found}) > 1
    return None if not found or is_mixed or len(names) < len(found) else names


def _unquoted(name: str) -> str:
    if name[0] == "'":
        return name[1:-1].replace("''", "'")
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if name[0] == '"' else name
