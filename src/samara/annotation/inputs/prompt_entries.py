"""Images with their prompts: matches the contents of a prompt file with the images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from samara.annotation.inputs.prompt_files import FilePrompts, ImagePrompts, read_prompts
from samara.annotation.inputs.sources import Source, coco_source
from samara.annotation.store.plan import Asked, PlannedImage
from samara.datasets.reading.findings import USUAL, Findings, Notice, ReadingRules
from samara.datasets.reading.opening import is_yolo
from samara.datasets.reading.yolo_layout import find_layout
from samara.errors import DatasetError, SettingsError
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.segmentation.prompts import Prompt


@dataclass
class Prompts:
    """The prompts of a file.

    Attributes:
        path: path of the file or folder.
        of_image: prompts by image name.
        rules: how the file was read.
        left_out: number of images without an entry in the file; counted by `entries`.
    """

    path: Path
    of_image: FilePrompts
    rules: ReadingRules = USUAL
    left_out: int = 0

    def entries(self, images: Iterable[PlannedImage]) -> Iterator[PlannedImage]:
        """Attach prompts to the images; images without an entry in the file are left out.

        Raises:
            SettingsError: the file has prompts for an image that is not among the images.
        """
        unused = dict.fromkeys(self.of_image)
        by_base_name = self._by_base_name()
        for image in images:
            name = image.name.replace("\\", "/")
            if name not in self.of_image:
                name = by_base_name.get(name.rpartition("/")[2], "")
            if name not in self.of_image:
                self.left_out += 1
                continue
            unused.pop(name, None)
            yield replace(image, asked=asked_of(self.of_image[name]))
        if unused:
            first = next(iter(unused))
            raise SettingsError(
                f"{self.path} has prompts for {len(unused)} images that are not among the images; the first is "
                f"{first!r:.80}"
            )

    @property
    def sentence(self) -> str:
        """Describe what was left out, for the user."""
        return f"{self.left_out} images without an entry in {self.path} were left out"

    def facts(self) -> dict[str, str]:
        """Facts for the manifest."""
        rules = {name: str(value) for name, value in self.rules.facts().items()}
        if self.path.is_dir():
            return {"file": str(self.path.resolve()), **rules}
        digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
        return {"file": str(self.path.resolve()), "sha256": digest, **rules}

    def _by_base_name(self) -> dict[str, str]:
        """Map base names to names, where a base name is unique."""
        found: dict[str, list[str]] = {}
        for name in self.of_image:
            found.setdefault(name.rpartition("/")[2], []).append(name)
        return {base: names[0] for base, names in found.items() if len(names) == 1}


def open_prompts(
    path: Path,
    source: Source,
    rules: ReadingRules = USUAL,
    notice: Notice | None = None,
    reading: ImageReading = AS_THEY_ARE,
) -> Prompts:
    """Read a prompt file: COCO boxes (.json), a YOLO data set or labels, a table of points (.csv).

    Args:
        path: path of the file or folder.
        source: the images.
        rules: treatment of crowds and of bad entries.
        notice: called with one sentence per kind of entry that was left out or repaired.
        reading: how the images are read, to find sizes the file does not state.

    Raises:
        DatasetError: it is none of these, is damaged, or contains no prompts.
    """
    images = None if source.kind == "archive" else source.root
    # Labels are matched with all images below a folder; for single files that would be the working directory.
    if source.kind != "folder" and path.suffix.lower() != ".json":
        images = None
    return _asking(path, read_prompts(path, images, rules, notice, reading), rules)


def open_coco(
    path: Path,
    images: Path | None,
    rules: ReadingRules = USUAL,
    notice: Notice | None = None,
    reading: ImageReading = AS_THEY_ARE,
) -> tuple[Source, Prompts]:
    """Open the images that a COCO file or a YOLO data set lists, with its boxes as prompts.

    Args:
        path: path of the COCO file or yaml.
        images: folder of the images; None for that of the file.
        rules: treatment of crowds and of bad entries.
        notice: called with one sentence per kind of entry that was left out or repaired.
        reading: how the images are read, to find sizes the file does not state.

    Raises:
        DatasetError: it is not a COCO file or YOLO data set, or contains no prompts.
        SettingsError: the folder does not exist, or one is given for a yaml, which names its own images.
    """
    if is_yolo(path):
        if images is not None:
            raise SettingsError(f"{path} names its own image folders; leave `image_folder` out")
        prompts = _asking(path, read_prompts(path, None, rules, notice, reading), rules)
        root = find_layout(path, None, Findings(str(path))).root.resolve()
        return coco_source(tuple(prompts.of_image), root, str(path)), prompts
    root = (images or path.parent).resolve()
    if not root.is_dir():
        raise SettingsError(f"{root} is not a folder; pass the image folder of {path} with `image_folder`")
    prompts = _asking(path, read_prompts(path, root, rules, notice, reading), rules)
    return coco_source(tuple(prompts.of_image), root, str(path)), prompts


def _asking(path: Path, found: FilePrompts, rules: ReadingRules) -> Prompts:
    if not any(one.prompts for one in found.values()):
        raise DatasetError(f"{path} has no prompts; leave it out to segment everything.")
    return Prompts(path, found, rules)


def asked_of(prompts: ImagePrompts) -> tuple[Asked, ...]:
    """Convert prompts to the plan's form."""
    categories = prompts.categories or (None,) * len(prompts.prompts)
    return tuple(_asked(prompt, category) for prompt, category in zip(prompts.prompts, categories, strict=True))


def _asked(prompt: Prompt, category: str | None) -> Asked:
    box = prompt.box_xyxy
    return Asked(
        points=tuple((float(x), float(y)) for x, y in prompt.points_xy),
        labels=tuple(int(label) for label in prompt.point_labels),
        box=None if box is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        category=category,
    )
