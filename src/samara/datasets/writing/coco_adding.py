"""A COCO file that grows: images are added to what is there, and nothing that samara did not write is lost.

An image that is listed already keeps its image id and gets its new annotations in the place of those that samara wrote
before; annotations that somebody added, other images, other fields and unused categories stay as they are. What was
changed by hand since samara wrote it is not replaced.

Besides COCO's keys, an image has `run` (which of `info.runs` made its masks, from 1), `digest` (of its annotations as
written) and what the caller notes; `info.images` is the folder of the images, seen from that of the file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from samara._version import __version__
from samara.datasets.annotated import AnnotatedImage
from samara.datasets.writing.category_numbers import category_name
from samara.datasets.writing.json_list import json_text
from samara.datasets.writing.staged_writer import CONTRIBUTOR
from samara.errors import OutputError
from samara.masks.mask_set import MaskSet
from samara.networks.class_names import OBJECT
from samara.system.files import locked, write_durably

JsonObject: TypeAlias = dict[str, Any]  # Any: JSON

_IMAGES, _ANNOTATIONS, _CATEGORIES = "images", "annotations", "categories"
# What only masks of a network have, see `MaskSet.to_coco`.
_OURS = "predicted_iou"
_ANEW = "choose another folder, or begin the file anew with `overwrite=True`"


@dataclass(frozen=True, kw_only=True, eq=False)
class NewImage:
    """An image to be added.

    Attributes:
        image: its file.
        masks: of the image.
        notes: more keys for its entry; JSON values.
    """

    image: Path
    masks: MaskSet
    notes: Mapping[str, Any] = field(default_factory=dict)


class CocoFile:
    """A COCO document of ours that images can be added to."""

    def __init__(self, path: Path, document: JsonObject | None = None) -> None:
        """Begin with what `path` holds, or with nothing."""
        self.path, self.document = path, document or {"info": {}, "licenses": []}
        for key in (_CATEGORIES, _IMAGES, _ANNOTATIONS):
            self.document.setdefault(key, [])
        self._numbers = {row["name"]: row["id"] for row in reversed(self.document[_CATEGORIES])}
        self._index(self._noted_root())

    def image_of(self, image: Path) -> JsonObject | None:
        """The entry of an image file, whatever it is called there; None if there is none."""
        return self._by_file.get(os.path.realpath(image))

    def changed_by_hand(self, images: Iterable[Path]) -> list[str]:
        """Names of those images whose annotations are no longer as samara wrote them."""
        rows = [row for image in images if (row := self.image_of(image)) is not None and "digest" in row]
        return [row["file_name"] for row in rows if row["digest"] != _digest(self._ours(row["id"]))]

    def add(self, images: Sequence[NewImage], root: Path, info: Mapping[str, Any]) -> None:
        """Add images, or replace what samara wrote of them before.

        Args:
            images: numbers are given here, and so are names.
            root: folder that holds all of these images; names count from it, or from one above it that holds those
                of the file, too.
            info: what made the masks.
        """
        root = self._widened(Path(os.path.abspath(root)))
        run = self._run_of(info, root)
        for image in images:
            row = self.image_of(image.image)
            if row is None:
                name = Path(os.path.relpath(image.image, root)).as_posix()
                row = {"id": _next_id(self.document[_IMAGES]), "file_name": name}
                self.document[_IMAGES].append(row)
                self._by_file[os.path.realpath(image.image)] = row
            height, width = image.masks.size_hw
            written = self._replace_annotations(row["id"], image.masks)
            row |= {"height": height, "width": width, **image.notes, "run": run, "digest": _digest(written)}
        if not self.document[_CATEGORIES]:
            self._number(*OBJECT)

    def save(self) -> None:
        """Write the document completely or not at all.

        Raises:
            OutputError: the disk does not take it; what was there before is unharmed.
        """
        write_durably(self.path, _bytes(self.document))

    def _noted_root(self) -> Path | None:
        """The folder that names count from: as noted; the working folder where the file is older than such notes."""
        noted = self.document["info"].get("images")
        if not isinstance(noted, str):
            return Path.cwd()
        root = Path(os.path.abspath(self.path.parent / noted))
        return root if root.is_dir() else None  # the file has moved without the images

    def _index(self, root: Path | None) -> None:
        self._root = root
        rows = () if root is None else reversed(self.document[_IMAGES])  # the first of several entries of one file
        self._by_file: dict[str, JsonObject] = (
            {os.path.realpath(root / row["file_name"]): row for row in rows} if root else {}
        )

    def _widened(self, root: Path) -> Path:
        """The folder of all images, old and new; earlier names are changed to count from it."""
        if not self.document[_IMAGES]:
            return root
        if self._root is None:
            self._index(root)
        old = self._root or root
        places = [Path(os.path.abspath(old / row["file_name"])) for row in self.document[_IMAGES]]
        outside = [place.parent for place in places if not place.is_relative_to(old)]
        wider = Path(os.path.commonpath([old, root, *outside]))
        for place, row in zip(places, self.document[_IMAGES], strict=True):
            if wider != old or not place.is_relative_to(old) or os.path.isabs(row["file_name"]):
                row["file_name"] = place.relative_to(wider).as_posix()
        return wider

    def _run_of(self, info: Mapping[str, Any], root: Path) -> int:
        """Note what makes masks now; returns its number among the runs."""
        facts = json.loads(json_text(dict(info)))
        before = self.document["info"]
        runs = before.get("runs")
        if not isinstance(runs, list):  # written before runs were noted: all of it is one
            earlier = {key: value for key, value in before.items() if key not in ("contributor", "version")}
            runs = [earlier] if self.document[_IMAGES] else []
            for row in self.document[_IMAGES]:
                row.setdefault("run", 1)
        if facts not in runs:
            runs = [*runs, facts]
        of_runs = {key for one in runs if isinstance(one, dict) for key in one}
        kept = {key: value for key, value in before.items() if key not in of_runs}
        images = Path(os.path.relpath(root, os.path.abspath(self.path.parent))).as_posix()
        about = {"contributor": CONTRIBUTOR, "version": __version__, **facts, "images": images, "runs": runs}
        self.document["info"] = kept | about
        return runs.index(facts) + 1

    def _ours(self, image_id: object) -> list[JsonObject]:
        return [row for row in self.document[_ANNOTATIONS] if row.get("image_id") == image_id and _OURS in row]

    def _replace_annotations(self, image_id: int, masks: MaskSet) -> list[JsonObject]:
        """Put masks in the place of what samara wrote of an image; ids that become free are used first."""
        annotations = self.document[_ANNOTATIONS]
        free, after = [row["id"] for row in self._ours(image_id)], _next_id(annotations)
        ids = [*free, *range(after, after + len(masks))][: len(masks)]
        annotations[:] = [row for row in annotations if row.get("image_id") != image_id or _OURS not in row]
        image = AnnotatedImage("", masks, image_id)
        for name in masks.class_names or ():  # of a checkpoint with classes all are listed
            self._number(name)
        rows = masks.to_coco(image_id)
        for index, row in enumerate(rows):
            row["id"], row["category_id"] = ids[index], self._number(category_name(image, index))
            if row.get("parent") is not None:
                row["parent"] = ids[row["parent"] - 1]
        annotations += rows
        return rows

    def _number(self, name: str) -> object:
        """The number of a category, a new one if it has none."""
        if name not in self._numbers:
            number = _next_id(self.document[_CATEGORIES])
            self.document[_CATEGORIES].append({"id": number, "name": name, "supercategory": ""})
            self._numbers[name] = number
        return self._numbers[name]


def read_addable(path: Path, images: Iterable[Path] = (), *, overwrite: bool = False) -> CocoFile:
    """Read a file that images shall be added to; an empty one where there is none.

    Args:
        path: of the file.
        images: those to be added.
        overwrite: begin anew, whatever is there.

    Raises:
        OutputError: samara did not write the file, it is damaged, or annotations of one of the images were changed by
            hand; nothing would tell them from those that may be replaced.
    """
    if overwrite or not os.path.lexists(path):
        return CocoFile(path)
    found = CocoFile(path, _sound(path))
    changed = found.changed_by_hand(images)
    if changed:
        more = f" and of {len(changed) - 1} more images" if len(changed) > 1 else ""
        raise OutputError(f"annotations of {changed[0]!r:.80}{more} in {path} were changed by hand; {_ANEW}")
    return found


@contextmanager
def addable(path: Path, images: Iterable[Path] = (), *, overwrite: bool = False) -> Iterator[CocoFile]:
    """Read a file as `read_addable` does, let the block add to it, and save it; no other process does so meanwhile.

    Raises:
        OutputError: see `read_addable` and `CocoFile.save`.
    """
    with locked(path):
        file = read_addable(path, images, overwrite=overwrite)
        yield file
        file.save()


def _sound(path: Path) -> JsonObject:
    """The document, if it can be added to without losing anything."""
    try:
        document = json.loads(path.read_bytes(), parse_constant=_no_number)
    except OSError as error:
        raise OutputError(f"{path} cannot be read ({error.strerror or error}); {_ANEW}") from error
    except (ValueError, RecursionError) as error:
        raise OutputError(f"{path} is not JSON ({str(error)[:80]}) and cannot be added to; {_ANEW}") from error
    info = document.get("info") if isinstance(document, dict) else None
    if not isinstance(info, dict) or info.get("contributor") != CONTRIBUTOR:
        raise OutputError(f"{path} was not written by samara and is not added to; {_ANEW}")
    for key, other in {_IMAGES: "file_name", _ANNOTATIONS: "image_id", _CATEGORIES: "name"}.items():
        fault = _fault(document.get(key), other, (int, str) if key == _ANNOTATIONS else (str,))
        if fault:
            raise OutputError(f"{path} cannot be added to: its list {key!r} {fault}; {_ANEW}")
    return dict(document)


def _fault(rows: object, other: str, kinds: tuple[type, ...]) -> str | None:
    """What is the matter with a list of the document: each entry needs an id of its own and one other key."""
    if not isinstance(rows, list):
        return "is missing"
    for number, row in enumerate(rows, start=1):
        value = row.get(other) if isinstance(row, dict) else None
        if not isinstance(value, kinds) or not isinstance(row.get("id"), (int, str)) or "\0" in str(value):
            return f"has no sound id and {other} in entry {number}"
    return "has an id twice" if len({row["id"] for row in rows}) < len(rows) else None


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"it holds {text}")


def _next_id(rows: Sequence[JsonObject]) -> int:
    return max((row["id"] for row in rows if isinstance(row["id"], int)), default=0) + 1


def _digest(rows: Sequence[JsonObject]) -> str:
    """Of annotations, as they come back from a file."""
    text = json.dumps(sorted(rows, key=lambda row: str(row["id"])), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _bytes(document: JsonObject) -> bytes:
    """The document with an image or an annotation in each line."""
    parts = []
    for key, value in document.items():
        rows = isinstance(value, list) and key in (_IMAGES, _ANNOTATIONS)
        text = "[\n" + ",\n".join(map(json_text, value)) + "\n]" if rows and value else json_text(value)
        parts.append(f"{json_text(key)}: {text}")
    return ("{" + ", ".join(parts) + "}\n").encode("ascii")
