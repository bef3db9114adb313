"""Images with their prompts: what a prompt file says, given to the images that it speaks of."""

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
    """What a prompt file asks for.

    Attributes:
        path: of the file or folder.
        of_image: by the image's name.
        rules: how the file was read.
        left_out: images that the file does not speak of; counted by `entries`.
    """

    path: Path
    of_image: FilePrompts
    rules: ReadingRules = USUAL
    left_out: int = 0

    def entries(self, images: Iterable[PlannedImage]) -> Iterator[PlannedImage]:
        """Give images their prompts; images that the file does not speak of are left out.

        Raises:
            SettingsError: the file speaks of an image that is not among the images.
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
        """What was left out, to be told."""
        return f"{self.left_out} images of which {self.path} says nothing were left out"

    def facts(self) -> dict[str, str]:
        """For the manifest."""
        rules = {name: str(value) for name, value in self.rules.facts().items()}
        if self.path.is_dir():
            return {"file": str(self.path.resolve()), **rules}
        digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
        return {"file": str(self.path.resolve()), "sha256": digest, **rules}

    def _by_base_name(self) -> dict[str, str]:
        """Names without folders, where they are no two images' at once."""
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
        path: of the file or folder.
        source: the images it speaks of.
        rules: what becomes of crowds and of bad entries.
        notice: called with a sentence for each kind of thing that was left out or mended.
        reading: how the images are read, for sizes that the file leaves to them.

    Raises:
        DatasetError: it is none of these, or damaged, or asks for nothing.
    """
    images = None if source.kind == "archive" else source.root
    # Labels are matched with all images below a folder; of single files the working directory would be searched.
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
    """Take the images that a COCO file or a YOLO data set lists as images, and its boxes as their prompts.

    Args:
        path: of the file, or of the yaml.
        images: their folder; None for that of the file.
        rules: what becomes of crowds and of bad entries.
        notice: called with a sentence for each kind of thing that was left out or mended.
        reading: how the images are read, for sizes that the file leaves to them.

    Raises:
        DatasetError: it is no COCO file or YOLO data set, or asks for nothing.
        SettingsError: the folder is none, or one is given for a yaml, which says itself where its images are.
    """
    if is_yolo(path):
        if images is not None:
            raise SettingsError(f"{path} says itself where its images are; leave `image_folder` out")
        prompts = _asking(path, read_prompts(path, None, rules, notice, reading), rules)
        root = find_layout(path, None, Findings(str(path))).root.resolve()
        return coco_source(tuple(prompts.of_image), root, str(path)), prompts
    root = (images or path.parent).resolve()
    if not root.is_dir():
        raise SettingsError(f"{root} is no folder; give that of the images in {path} with `image_folder`")
    prompts = _asking(path, read_prompts(path, root, rules, notice, reading), rules)
    return coco_source(tuple(prompts.of_image), root, str(path)), prompts


def _asking(path: Path, found: FilePrompts, rules: ReadingRules) -> Prompts:
    if not any(one.prompts for one in found.values()):
        raise DatasetError(f"{path} has no prompt for any image; leave it out to have everything annotated.")
    return Prompts(path, found, rules)


def asked_of(prompts: ImagePrompts) -> tuple[Asked, ...]:
    """As the plan writes them."""
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
