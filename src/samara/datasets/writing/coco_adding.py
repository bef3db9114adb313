"""Adding images to an existing COCO file without losing anything that samara did not write.

An image that is already listed keeps its image id, and its new annotations replace those samara wrote before;
annotations added by others, other images, other fields and unused categories stay unchanged. Annotations edited by hand
since samara wrote them are not replaced.

Besides COCO's keys, an image has `run` (the entry of `info.runs` that made its masks, counted from 1), `digest` (of its
annotations as written) and the caller's notes; `info.images` is the image folder relative to the file's.
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
# Keys that only masks of a network have, see `MaskSet.to_coco`.
_OURS = "predicted_iou"
_ANEW = "choose another folder, or replace the file with `overwrite=True`"


@dataclass(frozen=True, kw_only=True, eq=False)
class NewImage:
    """An image to be added.

    Attributes:
        image: image file.
        masks: masks of the image.
        notes: additional keys of its entry; JSON values.
    """

    image: Path
    masks: MaskSet
    notes: Mapping[str, Any] = field(default_factory=dict)


class CocoFile:
    """A COCO document of samara that images can be added to."""

    def __init__(self, path: Path, document: JsonObject | None = None) -> None:
        """Start with the contents of `path`, or empty."""
        self.path, self.document = path, document or {"info": {}, "licenses": []}
        for key in (_CATEGORIES, _IMAGES, _ANNOTATIONS):
            self.document.setdefault(key, [])
        self._numbers = {row["name"]: row["id"] for row in reversed(self.document[_CATEGORIES])}
        self._index(self._noted_root())

    def image_of(self, image: Path) -> JsonObject | None:
        """Return the entry of an image file, whatever its name there; None if there is none."""
        return self._by_file.get(os.path.realpath(image))

    def ids_of(self, image: Path) -> list[int]:
        """Return the ids of the annotations that samara wrote for an image before."""
        row = self.image_of(image)
        return [] if row is None else [one["id"] for one in self._ours(row["id"])]

    def by_note(self, key: str) -> dict[str, str]:
        """Return the real path of the image by the value of a note, a text, for images that have it."""
        return {row[key]: path for path, row in self._by_file.items() if isinstance(row.get(key), str)}

    def changed_by_hand(self, images: Iterable[Path]) -> list[str]:
        """Return the names of images whose annotations have changed since samara wrote them."""
        rows = [row for image in images if (row := self.image_of(image)) is not None and "digest" in row]
        return [row["file_name"] for row in rows if row["digest"] != _digest(self._ours(row["id"]))]

    def add(self, images: Sequence[NewImage], root: Path, info: Mapping[str, Any]) -> list[list[int]]:
        """Add images, or replace the annotations samara wrote for them before.

        Args:
            images: images to add; ids and names are assigned here.
            root: folder that contains all these images; names are relative to it, or to a parent that also has those
                of the file.
            info: provenance of the masks.

        Returns:
            For each image the annotation ids of its masks.
        """
        ids: list[list[int]] = []
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
            ids.append([one["id"] for one in written])
        if not self.document[_CATEGORIES]:
            self._number(*OBJECT)
        return ids

    def save(self) -> None:
        """Write the document atomically.

        Raises:
            OutputError: it cannot be written; the previous file is unchanged.
        """
        write_durably(self.path, _bytes(self.document))

    def _noted_root(self) -> Path | None:
        """Return the folder that names are relative to: as recorded, or the working directory for older files."""
        noted = self.document["info"].get("images")
        if not isinstance(noted, str):
            return Path.cwd()
        root = Path(os.path.abspath(self.path.parent / noted))
        return root if root.is_dir() else None  # the file was moved without the images

    def _index(self, root: Path | None) -> None:
        self._root = root
        rows = () if root is None else reversed(self.document[_IMAGES])  # the first of several entries of a file wins
        self._by_file: dict[str, JsonObject] = (
            {os.path.realpath(root / row["file_name"]): row for row in rows} if root else {}
        )

    def _widened(self, root: Path) -> Path:
        """Return the folder of all images, old and new; earlier names are made relative to it."""
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
        """Record the provenance of the new masks; return its number among the runs."""
        facts = json.loads(json_text(dict(info)))
        before = self.document["info"]
        runs = before.get("runs")
        if not isinstance(runs, list):  # written before runs were recorded: all of it is one run
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
        """Replace samara's annotations of an image by masks, reusing the freed ids first."""
        annotations = self.document[_ANNOTATIONS]
        free, after = [row["id"] for row in self._ours(image_id)], _next_id(annotations)
        ids = [*free, *range(after, after + len(masks))][: len(masks)]
        annotations[:] = [row for row in annotations if row.get("image_id") != image_id or _OURS not in row]
        image = AnnotatedImage("", masks, image_id)
        for name in masks.class_names or ():  # for a checkpoint with classes, list all of them
            self._number(name)
        rows = masks.to_coco(image_id)
        for index, row in enumerate(rows):
            row["id"], row["category_id"] = ids[index], self._number(category_name(image, index))
            if row.get("parent") is not None:
                row["parent"] = ids[row["parent"] - 1]
        annotations += rows
        return rows

    def _number(self, name: str) -> object:
        """Return the number of a category, a new one if it has none."""
        if name not in self._numbers:
            number = _next_id(self.document[_CATEGORIES])
            self.document[_CATEGORIES].append({"id": number, "name": name, "supercategory": ""})
            self._numbers[name] = number
        return self._numbers[name]


def read_addable(path: Path, images: Iterable[Path] = (), *, overwrite: bool = False) -> CocoFile:
    """Read a file to add images to; an empty one if it does not exist.

    Args:
        path: path of the file.
        images: images to be added.
        overwrite: start empty, ignoring an existing file.

    Raises:
        OutputError: samara did not write the file, it is damaged, or annotations of one of the images were changed by
            hand and so are indistinguishable from those that may be replaced.
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
    """Read a file like `read_addable`, let the block add to it, and save it, excluding other processes.

    Raises:
        OutputError: see `read_addable` and `CocoFile.save`.
    """
    with locked(path):
        file = read_addable(path, images, overwrite=overwrite)
        yield file
        file.save()


def _sound(path: Path) -> JsonObject:
    """Return the document, if it can be extended without losing anything."""
    try:
        document = json.loads(path.read_bytes(), parse_constant=_no_number)
    except OSError as error:
        raise OutputError(f"{path} cannot be read ({error.strerror or error}); {_ANEW}") from error
    except (ValueError, RecursionError) as error:
        raise OutputError(f"{path} is not JSON ({str(error)[:80]}) and cannot be added to; {_ANEW}") from error
    info = document.get("info") if isinstance(document, dict) else None
    if not isinstance(info, dict) or info.get("contributor") != CONTRIBUTOR:
        raise OutputError(f"{path} was not written by samara, so nothing is added to it; {_ANEW}")
    for key, other in {_IMAGES: "file_name", _ANNOTATIONS: "image_id", _CATEGORIES: "name"}.items():
        fault = _fault(document.get(key), other, (int, str) if key == _ANNOTATIONS else (str,))
        if fault:
            raise OutputError(f"{path} cannot be added to: its list {key!r} {fault}; {_ANEW}")
    return dict(document)


def _fault(rows: object, other: str, kinds: tuple[type, ...]) -> str | None:
    """Describe the fault of a list in the document: each entry needs a unique id and one other key."""
    if not isinstance(rows, list):
        return "is missing"
    for number, row in enumerate(rows, start=1):
        value = row.get(other) if isinstance(row, dict) else None
        if not isinstance(value, kinds) or not isinstance(row.get("id"), (int, str)) or "\0" in str(value):
            return f"has no valid id and {other} in entry {number}"
    return "has an id twice" if len({row["id"] for row in rows}) < len(rows) else None


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"it contains {text}")


def _next_id(rows: Sequence[JsonObject]) -> int:
    return max((row["id"] for row in rows if isinstance(row["id"], int)), default=0) + 1


def _digest(rows: Sequence[JsonObject]) -> str:
    """Return the digest of annotations as read from a file."""
    text = json.dumps(sorted(rows, key=lambda row: str(row["id"])), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _bytes(document: JsonObject) -> bytes:
    """Serialise the document with one image or annotation per line."""
    parts = []
    for key, value in document.items():
        rows = isinstance(value, list) and key in (_IMAGES, _ANNOTATIONS)
        text = "[\n" + ",\n".join(map(json_text, value)) + "\n]" if rows and value else json_text(value)
        parts.append(f"{json_text(key)}: {text}")
    return ("{" + ", ".join(parts) + "}\n").encode("ascii")
