"""Masks as files: binary PNGs, cut-outs, label maps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from samara.errors import OutputError, SettingsError
from samara.images.encode import grey_png, rgba_png
from samara.masks.columns import window_of
from samara.masks.file_kinds import FileKind, place_of
from samara.masks.partition import label_map
from samara.masks.rle import Rle

Image = npt.NDArray[np.uint8]

# Largest number of a 16-bit PNG.
MOST_LABELS = 65535


def mask_files(
    folder: Path,
    name: str,
    kinds: Sequence[FileKind],
    rles: Sequence[Rle],
    ids: Sequence[int],
    *,
    size_hw: tuple[int, int],
    image: Image | None,
) -> Iterator[tuple[Path, bytes]]:
    """Yield the path and the content of each file of masks, cutouts and labels; see `FileKind`.

    Args:
        folder: folder of the results.
        name: name of the image in it.
        kinds: kinds of files; others than these three are left to the caller.
        rles: M masks.
        ids: their M numbers, which are the names of the files of masks and cut-outs.
        size_hw: (H, W) of the image in pixels.
        image: (H, W, 3) RGB; only cut-outs need it.

    Raises:
        SettingsError: cut-outs are asked for without an image.
        OutputError: there are more masks than a label map can number.
    """
    if "masks" in kinds:
        for number, rle in zip(ids, rles, strict=True):
            yield place_of(folder, "masks", name) / f"{number}.png", grey_png(rle.decode() * np.uint8(255), 255)
    if "cutouts" in kinds:
        if image is None:
            raise SettingsError("cut-outs need the image; pass it, or save other kinds of files")
        for number, rle in zip(ids, rles, strict=True):
            if rle.area:  # nothing can be cut out for an empty mask
                yield place_of(folder, "cutouts", name) / f"{number}.png", rgba_png(cutout(image, rle))
    if "labels" in kinds:
        yield place_of(folder, "labels", name), labels_png(rles, size_hw)


def cutout(image: Image, rle: Rle) -> Image:
    """Cut a mask out of its image.

    Args:
        image: (H, W, 3) RGB.
        rle: a mask of it, not empty.

    Returns:
        (h, w, 4) RGBA of the mask's box; opaque inside the mask, transparent black outside.
    """
    x0, y0, x1, y1 = rle.box_xyxy
    inside = window_of(rle)
    rgba = np.zeros((*inside.shape, 4), np.uint8)
    rgba[inside, :3] = image[y0:y1, x0:x1][inside]
    rgba[inside, 3] = 255
    return rgba


def labels_png(rles: Sequence[Rle], size_hw: tuple[int, int]) -> bytes:
    """Encode masks as a label map: grey, 0 for no mask, k for the k-th, in 16 bits if there are more than 255.

    Where masks overlap, the smaller one is on top; of equally large ones, the earlier.

    Args:
        rles: M masks.
        size_hw: (H, W) of their image in pixels.

    Raises:
        OutputError: there are more masks than 16 bits can number.
    """
    if len(rles) > MOST_LABELS:
        raise OutputError(f"{len(rles)} masks are more than a label map can number, which is {MOST_LABELS}; drop some")
    numbers = label_map(rles) + 1 if rles else np.zeros(size_hw, np.int32)
    return grey_png(numbers, largest=len(rles))


def covered_by_others(rles: Sequence[Rle]) -> int:
    """Return how many masks that are not empty have no pixel in a label map, since smaller ones cover them."""
    if not rles:
        return 0
    seen = np.bincount((label_map(rles) + 1).ravel(), minlength=len(rles) + 1)[1:]
    return sum(1 for pixels, rle in zip(seen, rles, strict=True) if not pixels and rle.area)


def coco_document(
    name: str, size_hw: tuple[int, int], class_names: Sequence[str], annotations: Sequence[Mapping[str, Any]]
) -> bytes:
    """Return a COCO file of one image.

    Args:
        name: name of the image.
        size_hw: (H, W) of the image in pixels.
        class_names: names of the categories 1, 2, ...
        annotations: results of `MaskSet.to_coco` for image 1.
    """
    images = [{"id": 1, "file_name": name, "height": size_hw[0], "width": size_hw[1]}]
    categories = [{"id": number, "name": one} for number, one in enumerate(class_names, start=1)]
    return json.dumps({"images": images, "annotations": annotations, "categories": categories}).encode("ascii")
