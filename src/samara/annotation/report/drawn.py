"""Images of the report: read again from their files, drawn with masks, classes and scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from samara.annotation.inputs.sources import Source
from samara.annotation.report.looks import MaskLook
from samara.annotation.store.rows import AnnotatedRow
from samara.annotation.store.store import AnnotationStore
from samara.errors import ImageError
from samara.images.encode import jpeg_data_uri
from samara.images.settings import ImageReading
from samara.masks.drawing.style import Labels, OverlayStyle
from samara.masks.mask_set import MaskSet
from samara.segmentation.drawing.overlay import draw_styled
from samara.segmentation.drawing.view import View
from samara.segmentation.prompts import Prompt

MAX_PIXELS = 100_000_000
"""Larger images are not decoded."""

THUMBNAIL_SIDE_PX, SMALL_SIDE_PX, LOOK_SIDE_PX = 480, 240, 480
JPEG_QUALITY = 82
# Labels of more masks would hide them.
MAX_LABELS = 15
# Height of labels, on images that the page shows at half their size.
LABEL_PX = 18
ALONE_OPACITY = 0.45
"""Opacity of a mask that is shown alone, so that it is seen at a glance."""
# Window around a mask that deserves a look: its box and that of its prompt, and as much on either side.
_CONTEXT, _MIN_WINDOW_PX = 1.8, 48

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ReadImage:
    """An image of the store.

    Attributes:
        row: the image with its masks.
        pixels: (H, W, 3) RGB uint8; None if its file is gone, was changed since, or is too large.
    """

    row: AnnotatedRow
    pixels: Pixels | None

    def whole(self) -> str | None:
        """Draw all masks with their labels over the image, as data URI."""
        if self.pixels is None:
            return None
        labels: Labels = "all" if len(self.row.masks) <= MAX_LABELS else "none"
        return thumbnail(self.pixels, with_classes(self.row), self.row.numbers, labels=labels)

    def small(self) -> str | None:
        """Draw all masks over the image, too small for labels, as data URI."""
        if self.pixels is None:
            return None
        return thumbnail(self.pixels, with_classes(self.row), self.row.numbers, side=SMALL_SIDE_PX, labels="none")

    def around(self, look: MaskLook) -> str | None:
        """Draw one mask with the box of its prompt, in a window around both, as data URI."""
        if self.pixels is None:
            return None
        position = self.row.numbers.index(look.number)
        masks = with_classes(self.row)[position]
        window = window_around(np.vstack([masks.boxes_xyxy, *([look.box] if look.box else [])]), masks.size_hw)
        view = View(window, LOOK_SIDE_PX)
        prompts = [view.prompt(Prompt(box=look.box))] if look.box else []
        style = OverlayStyle(opacity=ALONE_OPACITY, labels="all", label_size=LABEL_PX)
        return _drawn(view, self.pixels, masks, [look.number], style, prompts)


def read_images(store: AnnotationStore, source: Source, image_ids: set[int]) -> Iterator[ReadImage]:
    """Read some images of a store again, one at a time."""
    reading = ImageReading.from_facts(store.manifest.job["settings"])
    entries = {entry.image_id: entry for entry in store.entries_of(image_ids)}
    for row in store.masks_of(image_ids):
        pixels = None
        try:
            encoded = source.read(entries[row.image.image_id])
            if encoded.sha256 == row.image.sha256:  # otherwise the file has changed since
                pixels = reading.pixels(encoded.data, max_pixels=MAX_PIXELS)
        except ImageError:
            pixels = None  # moved or too large
        yield ReadImage(row, pixels)


def thumbnail(
    image: Pixels, masks: MaskSet, numbers: Sequence[int], *, side: int = THUMBNAIL_SIDE_PX, labels: Labels = "id"
) -> str:
    """Draw an image with its masks at thumbnail size, as data URI.

    Args:
        image: (H, W, 3) RGB uint8.
        masks: M masks of that image.
        numbers: (M,) their numbers.
        side: long side in pixels.
        labels: text at each mask.
    """
    style = OverlayStyle(labels=labels, label_size=LABEL_PX)
    return _drawn(View((0, 0, image.shape[1], image.shape[0]), side), image, masks, numbers, style)


def with_classes(row: AnnotatedRow) -> MaskSet:
    """Return the masks of an image with their classes in the store, which label and colour them."""
    names = sorted({name for name in row.categories if name is not None})
    if not names:
        return replace(row.masks, class_index=None, class_names=None)
    # The empty name is for masks without a class; and a single class would not be drawn.
    index = {name: place for place, name in enumerate((*names, None))}
    classes = np.array([index[name] for name in row.categories], dtype=np.int64)
    return replace(row.masks, class_index=classes, class_names=(*names, ""))


def window_around(boxes_xyxy: npt.NDArray[np.float64], size_hw: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return a square window around boxes (K, 4), xyxy in pixels, shifted into the image and clipped if necessary."""
    x0, y0 = boxes_xyxy[:, :2].min(0)
    x1, y1 = boxes_xyxy[:, 2:].max(0)
    side = round(max(_CONTEXT * max(x1 - x0, y1 - y0), _MIN_WINDOW_PX))
    height, width = min(side, size_hw[0]), min(side, size_hw[1])
    left = int(np.clip((x0 + x1 - width) // 2, 0, size_hw[1] - width))
    top = int(np.clip((y0 + y1 - height) // 2, 0, size_hw[0] - height))
    return left, top, left + width, top + height


def _drawn(
    view: View,
    image: Pixels,
    masks: MaskSet,
    numbers: Sequence[int],
    style: OverlayStyle,
    prompts: Sequence[Prompt] = (),
) -> str:
    small = view.masks(masks)
    seen = np.flatnonzero(small.areas > 0)
    ids = [numbers[int(index)] for index in seen]
    return jpeg_data_uri(draw_styled(view.image(image), small[seen], prompts, ids=ids, style=style), JPEG_QUALITY)
