"""Many small images and their masks in one file, which reads fast and travels well.

A safetensors file of bytes: images as JPEG, masks as COCO's compressed run lengths, and where each begins. Nothing
in it can be executed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from samara.datasets.ground_truth import LabelledImage
from samara.datasets.reading.coco import read_coco
from samara.errors import DatasetError
from samara.images.read import read_image
from samara.masks.rle import Rle, encode_mask

Image = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PackedSet:
    """A data set in memory, still compressed.

    Attributes:
        sources: names of the sources.
        source_of: (images,) which source each image is from.
        sizes_hw: (images, 2).
        images: JPEG files.
        masks: of each image, the compressed run lengths of its masks.
    """

    sources: tuple[str, ...]
    source_of: npt.NDArray[np.int64]
    sizes_hw: npt.NDArray[np.int64]
    images: tuple[bytes, ...]
    masks: tuple[tuple[bytes, ...], ...]

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    def image(self, index: int) -> Image:
        """(H, W, 3) uint8, RGB."""
        decoded = cv2.imdecode(np.frombuffer(self.images[index], np.uint8), cv2.IMREAD_COLOR)
        if decoded is None:
            raise DatasetError(f"image {index} of the packed set is damaged; pack it again")
        return np.ascontiguousarray(decoded[..., ::-1], dtype=np.uint8)

    def some_masks(self, index: int, chosen: Sequence[int]) -> Masks:
        """Some of an image's masks, (N, H, W) bool."""
        H, W = (int(side) for side in self.sizes_hw[index])  # noqa: N806
        rles = self.masks[index]
        found = [Rle(H, W, rles[mask]).decode() for mask in chosen]
        return np.stack(found) if found else np.zeros((0, H, W), dtype=bool)


def pack(folders: Sequence[Path], out: Path, *, longest_side: int, quality: int) -> None:
    """Read COCO sets, one folder each with `instances.json`, and write them as one file.

    Args:
        folders: each a source, named for its folder.
        out: the file.
        longest_side: larger images are reduced to it, their masks with them.
        quality: of the JPEGs, 1..100.
    """
    jpegs: list[bytes] = []
    masks: list[tuple[bytes, ...]] = []
    sizes: list[tuple[int, int]] = []
    source_of: list[int] = []
    for source, folder in enumerate(folders):
        for image in read_coco(folder / "instances.json", folder):
            pixels, kept = _reduced(image, longest_side)
            jpegs.append(_jpeg(pixels, quality))
            masks.append(kept)
            sizes.append((pixels.shape[0], pixels.shape[1]))
            source_of.append(source)
    per_image = [len(kept) for kept in masks]
    flat = [mask for kept in masks for mask in kept]
    save_file(
        {
            "jpeg": np.frombuffer(b"".join(jpegs), np.uint8),
            "jpeg_ends": np.cumsum([len(jpeg) for jpeg in jpegs]),
            "mask": np.frombuffer(b"".join(flat), np.uint8),
            "mask_ends": np.cumsum([len(mask) for mask in flat]),
            "last_mask": np.cumsum(per_image),
            "sizes_hw": np.array(sizes),
            "source_of": np.array(source_of),
        },
        out,
        {"sources": "\n".join(folder.name for folder in folders)},
    )


def read_packed(path: Path) -> PackedSet:
    """Read what `pack` wrote."""
    with safe_open(path, "numpy") as file:
        column = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        sources = tuple(file.metadata()["sources"].split("\n"))
    masks = _split(column["mask"].tobytes(), column["mask_ends"])
    last = [0, *column["last_mask"].tolist()]
    return PackedSet(
        sources=sources,
        source_of=column["source_of"],
        sizes_hw=column["sizes_hw"],
        images=_split(column["jpeg"].tobytes(), column["jpeg_ends"]),
        masks=tuple(masks[start:end] for start, end in pairwise(last)),
    )


def _split(data: bytes, ends: npt.NDArray[np.int64]) -> tuple[bytes, ...]:
    return tuple(data[start:end] for start, end in pairwise([0, *ends.tolist()]))


def _jpeg(image: Image, quality: int) -> bytes:
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes()


def _reduced(image: LabelledImage, longest_side: int) -> tuple[Image, tuple[bytes, ...]]:
    """An image and its masks, reduced where they are too large."""
    pixels = read_image(image.path)
    rles = [instance.rle for instance in image.instances if instance.rle.area]
    scale = longest_side / max(pixels.shape[:2])
    if scale >= 1:
        return pixels, tuple(rle.counts for rle in rles)
    size_wh = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
    small = [cv2.resize(rle.decode().astype(np.float32), size_wh, interpolation=cv2.INTER_AREA) >= 0.5 for rle in rles]
    counts = tuple(encode_mask(mask).counts for mask in small if mask.any())
    return cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False), counts
