"""Locating the images and labels of a YOLO data set: by its yaml, by its folders, or labels apart from images.

Source: the Ultralytics documentation on data sets (the format and how its paths are resolved only).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from samara.datasets.ground_truth import PARTS, Part
from samara.datasets.reading.findings import Findings
from samara.datasets.reading.text_files import listed_names
from samara.datasets.reading.yolo_names import YAML_SUFFIXES, Description, find_description, read_yaml
from samara.errors import DatasetError
from samara.images.names import is_image_suffix
from samara.images.paths import Listing, files_below

_ROOMS = ("train", "val", "valid", "validation", "test")
_FOLDERS: Mapping[str, Part] = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
# May end in a year, as in train2017.
_PART_OF_FOLDER = re.compile(rf"({'|'.join(_FOLDERS)})\d*")
_EXPECTED = (
    "a YOLO data set is a folder that contains the folders images and labels, or these two in train, val and test"
)
# Some exporters put the class list among the labels.
NO_LABELS = {"classes.txt"}
# Files among images or labels that can be ignored.
_BESIDE = {".txt", ".cache", ".json", ".yaml", ".yml", ".md", ".db", ".ini"}

WITHOUT_LABEL = "images have no label file and so, by YOLO's convention, no objects"
UNASKED = "images have no label file; they were left out"
NO_IMAGES = "files among the images have no supported image suffix; they were left out"
LOOPS = "links to folders that were already listed were not followed again"
IN_NO_PART = "images are in none of the folders train, val and test; they were left out of the parts"
MOVED = "path in the yaml does not exist; the given folder was used instead"
UNDIVIDED = "images are in both train and val; the data set counts as undivided"


@dataclass(frozen=True, slots=True)
class ImageAndLabel:
    """An image and its labels.

    Attributes:
        image: the image file.
        label: the label file; None if there is none.
        name: name of the image, relative to the data set, with "/".
    """

    image: Path
    label: Path | None
    name: str


@dataclass(frozen=True)
class Layout:
    """The files of a data set.

    Attributes:
        root: folder that names are relative to.
        pairs: every image once.
        parts: image names of each part; empty if the data set is not divided.
        description: the data set's yaml or class list; None if it has neither.
        unlabelled: images without a label file, which are not among the pairs.
    """

    root: Path
    pairs: tuple[ImageAndLabel, ...]
    parts: Mapping[Part, frozenset[str]] = field(default_factory=dict)
    description: Description | None = None
    unlabelled: int = 0


def find_layout(data: Path, images: Path | None, findings: Findings) -> Layout:
    """Find the images of a YOLO data set and their labels.

    Args:
        data: its yaml, or its folder; a yaml in the folder is used.
        images: folder of the images, with the same tree as the labels, if they are outside the data set.
        findings: collects problems.

    Raises:
        DatasetError: it is not such a data set, or its yaml is unusable.
    """
    is_folder = data.is_dir()
    folder = data if is_folder else data.parent
    if not is_folder and data.suffix not in YAML_SUFFIXES:
        raise DatasetError(f"{str(data)!r} has no folder images; {_EXPECTED}.")
    description = find_description(folder) if is_folder else read_yaml(data)
    if images is not None:
        layout = find_apart(folder, images, description, findings)
        findings.note(UNASKED, layout.unlabelled)
        return layout
    if description is not None and description.parts:
        return _Described(description, folder, findings).layout(_root(description, folder, findings, is_folder))
    return _by_folders(folder, description, findings)


def is_whole(data: Path, *, with_images: bool) -> bool:
    """Return whether a folder has images and labels: in folders of the parts, or in `images/` if that counts."""
    rooms = (*(data / name for name in _ROOMS), *((data,) if with_images else ()))
    return any((room / "images").is_dir() for room in rooms)


def find_apart(labels: Path, images: Path, description: Description | None, findings: Findings) -> Layout:
    """Match labels with images in another folder.

    Args:
        labels: a label file, a folder of them, or a folder with `labels/` in it.
        images: folder of the images, with the same tree as the labels.
        description: the data set's yaml or class list, if known.
        findings: collects problems: labels without an image, or with several.

    Returns:
        The images that have a label file; their names are relative to `images`.

    Raises:
        DatasetError: one of the two is missing.
    """
    if not images.is_dir():
        raise DatasetError(f"{str(images)!r} is not a folder; pass the folder with the images of the labels.")
    root = labels.parent if labels.is_file() else labels / "labels" if (labels / "labels").is_dir() else labels
    files = [labels] if labels.is_file() else list(label_files(root, findings))
    if not files:
        raise DatasetError(f"{str(labels)!r} contains no label files (.txt).")
    by_label: dict[Path, list[Path]] = {}
    for image in _images_below(images, findings):
        by_label.setdefault(image.relative_to(images).with_suffix(".txt"), []).append(image)
    pairs = []
    for path in files:
        candidates = by_label.get(path.relative_to(root), [])
        if len(candidates) != 1:
            count = f"{len(candidates)} images" if candidates else "no image"
            findings.fault(f"{str(path)!r} has {count} of its name in {str(images)!r}; there must be exactly one.")
            continue
        pairs.append(ImageAndLabel(candidates[0], path, candidates[0].relative_to(images).as_posix()))
    unlabelled = sum(map(len, by_label.values())) - len(pairs)
    return Layout(images, tuple(pairs), _parts_by_folder(pairs, findings), description, unlabelled)


def label_files(folder: Path, findings: Findings) -> Iterator[Path]:
    """Yield the label files below a folder."""
    files = _files_below(folder, findings)
    return (path for path in files if path.suffix == ".txt" and path.name not in NO_LABELS)


def _files_below(folder: Path, findings: Findings) -> Iterator[Path]:
    """Yield all files below a folder, following links, except hidden ones such as macOS's "._a.jpg"."""
    listing = Listing()
    for _, entry in files_below(os.fspath(folder), listing, set()):
        if not entry.name.startswith("."):
            yield Path(entry.path)
    for closed in listing.closed:  # without its labels, an image would count as empty
        findings.fault(f"{closed} cannot be listed; make it readable.")
    findings.note(LOOPS, listing.loops)


def _images_below(folder: Path, findings: Findings) -> Iterator[Path]:
    for path in _files_below(folder, findings):
        if is_image_suffix(path.name):
            yield path
        elif path.suffix.lower() not in _BESIDE:
            findings.note(NO_IMAGES)


class _Pairing:
    """Collects pairs: every image once, every label for one image."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.pairs: dict[Path, ImageAndLabel] = {}
        self._image_of: dict[Path, Path] = {}

    def add(self, image: Path, label: Path, name: str) -> ImageAndLabel | None:
        """Return the pair of an image; None if its label belongs to another image."""
        if image in self.pairs:
            return self.pairs[image]
        if label in self._image_of:
            self.findings.fault(
                f"{str(image)!r} and {self._image_of[label].name!r} would share the label file {label.name!r}; "
                "keep one."
            )
            return None
        self._image_of[label] = image
        # A broken link is an unreadable label, not a missing one.
        found = label if os.path.lexists(label) else None
        self.pairs[image] = ImageAndLabel(image, found, name)
        return self.pairs[image]

    def require_images(self, room: Path) -> None:
        """Record the labels below a folder that have no image."""
        labels = list(label_files(room, self.findings))
        orphans = [label for label in labels if label not in self._image_of]
        if orphans:
            self.findings.fault(
                f"{len(orphans)} of the {len(labels)} label files in {str(room)!r} have no image; the first is "
                f"{str(orphans[0])!r}.",
                len(orphans),
            )


def _by_folders(data: Path, description: Description | None, findings: Findings) -> Layout:
    """Find the images in `images/` and in `train/images/` and so on."""
    rooms = [room for room in (data, *(data / name for name in _ROOMS)) if (room / "images").is_dir()]
    if not rooms:
        raise DatasetError(f"{str(data)!r} has no folder images; {_EXPECTED}.")
    pairing = _Pairing(findings)
    for room in rooms:
        if not (room / "labels").is_dir():
            raise DatasetError(f"{str(room)!r} has a folder images but none called labels; {_EXPECTED}.")
        for image in _images_below(room / "images", findings):
            label = room / "labels" / image.relative_to(room / "images").with_suffix(".txt")
            pairing.add(image, label, image.relative_to(data).as_posix())
    for room in rooms:
        pairing.require_images(room / "labels")
    pairs = sorted(pairing.pairs.values(), key=lambda pair: pair.name)
    if not pairs:
        findings.settle()  # labels without an image are the better message
        raise DatasetError(f"{str(data)!r} has no images in its image folders; {_EXPECTED}.")
    findings.note(WITHOUT_LABEL, sum(pair.label is None for pair in pairs))
    return Layout(data, tuple(pairs), _parts_by_folder(pairs, findings), description)


def _parts_by_folder(pairs: Iterable[ImageAndLabel], findings: Findings) -> dict[Part, frozenset[str]]:
    """Determine the parts by the first two folders of each name: "images/train/a.jpg", "train/images/a.jpg"."""
    found: dict[Part, set[str]] = {}
    others = 0
    for pair in pairs:
        folders = PurePosixPath(pair.name).parts[:-1][:2]
        matched = [match for folder in folders if (match := _PART_OF_FOLDER.fullmatch(folder))]
        if matched:
            found.setdefault(_FOLDERS[matched[0][1]], set()).add(pair.name)
        else:
            others += 1
    if found:
        findings.note(IN_NO_PART, others)
    return {part: frozenset(found[part]) for part in PARTS if part in found}


def _root(description: Description, folder: Path, findings: Findings, is_folder: bool) -> Path:
    """Return the folder of the parts: `path`, relative to the yaml or else to the working directory."""
    if description.root is None:
        return folder
    wanted = Path(description.root)
    for candidate in (folder / wanted, Path.cwd() / wanted):
        if candidate.is_dir():
            return candidate
    if wanted.name == folder.name:  # the yaml is in the folder that it names
        return folder
    if is_folder:
        findings.note(MOVED)
        return folder
    raise DatasetError(
        f"{str(description.file)!r} has path: {description.root}, which is not a folder, neither next to the yaml "
        f"nor in the working directory; correct it{_undownloaded(description)}."
    )


def _undownloaded(description: Description) -> str:
    return ", or download the data set: samara ignores download:" if description.download else ""


@dataclass(frozen=True)
class _Described:
    """A data set whose yaml lists its parts."""

    description: Description
    folder: Path
    findings: Findings

    def layout(self, root: Path) -> Layout:
        """Find the images of all parts, in the order of the yaml."""
        pairing = _Pairing(self.findings)
        parts: dict[Part, frozenset[str]] = {}
        rooms: list[Path] = []
        for part, listed in self.description.parts.items():
            places = [place for one in listed if (place := self._place(root, one, part)) is not None]
            rooms += [_label_of(place / "any.jpg").parent for place in places if place.is_dir()]
            images = (image for place in places for image in self._images(place, root))
            pairs = [pairing.add(one, _label_of(one), _relative(one, root)) for one in images]
            parts[part] = frozenset(pair.name for pair in pairs if pair is not None)
        for room in dict.fromkeys(rooms):
            if room.is_dir():
                pairing.require_images(room)
        found = tuple(pairing.pairs.values())
        self._require_labels(found, root)
        if "val" in parts and parts["val"] == parts.get("train"):
            self.findings.note(UNDIVIDED, len(parts.pop("val")))
        return Layout(root, found, {part: names for part, names in parts.items() if names}, self.description)

    def _place(self, root: Path, listed: str, part: Part) -> Path | None:
        """Return a folder of images, or a list of them; None for missing test images, which are not needed."""
        # Roboflow writes ../train/images and means train/images.
        for candidate in (root / listed, root / listed.removeprefix("../")):
            if candidate.is_dir() or (candidate.is_file() and candidate.suffix == ".txt"):
                return Path(os.path.normpath(candidate))
        if part == "test" and not (root / listed).exists():
            self.findings.note(f"folder of test images is missing: {root / listed}")
            return None
        raise DatasetError(
            f"{str(self.description.file)!r} has {part}: {listed}, and {str(root / listed)!r} is neither a folder nor "
            f"a list (.txt); correct it{_undownloaded(self.description)}."
        )

    def _images(self, place: Path, root: Path) -> Iterator[Path]:
        if place.is_dir():
            yield from _images_below(place, self.findings)
            return
        missing, total = [], 0
        for name in listed_names(place):
            total += 1
            candidates = (Path(os.path.normpath(folder / name)) for folder in (place.parent, root))
            image = next((path for path in candidates if path.is_file()), None)
            if image is None:
                missing.append(name)
            else:
                yield image
        if missing:
            self.findings.fault(
                f"{len(missing)} of the {total} images in {str(place)!r} are missing; the first is {missing[0]!r:.80}.",
                len(missing),
            )

    def _require_labels(self, pairs: tuple[ImageAndLabel, ...], root: Path) -> None:
        where = repr(str(self.description.file))
        if not pairs:
            self.findings.settle()
            raise DatasetError(f"{where} contains no images in {str(root)!r}; correct it.")
        unlabelled = [pair for pair in pairs if pair.label is None]
        if len(unlabelled) == len(pairs):
            raise DatasetError(
                f"none of the {len(pairs)} images of {where} has a label file; the first was expected at "
                f"{str(_label_of(pairs[0].image))!r}."
            )
        self.findings.note(WITHOUT_LABEL, len(unlabelled))


def _label_of(image: Path) -> Path:
    """Return the label path by Ultralytics' rule: the last folder images becomes labels, or else beside the image."""
    folders = image.parent.parts
    for index in reversed(range(len(folders))):
        if folders[index] == "images":
            return Path(*folders[:index], "labels", *folders[index + 1 :], image.name).with_suffix(".txt")
    return image.with_suffix(".txt")


def _relative(image: Path, root: Path) -> str:
    return Path(os.path.relpath(image, root)).as_posix()
