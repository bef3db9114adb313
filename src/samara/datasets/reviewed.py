"""What people made of proposed masks in an annotation tool, independent of the file format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from samara.masks.rle import Rle

TASK_KEYS = IMAGE_ID, IMAGE_SHA256, REASON, DOUBT = "samara_image_id", "samara_sha256", "samara_reason", "samara_doubt"
"""Keys that the tasks of `samara review` have for each image, beside those of their format."""

MASK_NUMBER, MADE_BY = "samara_mask", "made_by"
"""Keys of an annotation in a COCO file: the number of its mask in the store, and who made it if not the checkpoint."""


@dataclass(frozen=True, slots=True)
class ReviewedMask:
    """One mask of an image, as a person left it.

    Attributes:
        rle: the mask, at the size of the image.
        category: class name; None if it has none.
        number: number of the proposed mask that it is or was; None for a new or unknown one.
        name: name of the mask in the tool; None if it has none.
        unedited: the mask as the format showed the proposed one, by that one; None for a format that loses nothing.
    """

    rle: Rle
    category: str | None = None
    number: int | None = None
    name: str | None = None
    unedited: Callable[[Rle], Rle] | None = None


@dataclass(frozen=True, slots=True)
class ReviewedImage:
    """All masks of an image, as a person left them.

    Attributes:
        file_name: name or address of the image.
        size_hw: (H, W) of the masks; None if the file does not say, as for an image without masks.
        masks: its masks, possibly none.
        refused: why some of its masks were not understood, one sentence each; such an image must not replace anything.
        facts: what the task said about the image, see `IMAGE_ID`.
    """

    file_name: str
    size_hw: tuple[int, int] | None
    masks: tuple[ReviewedMask, ...]
    refused: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Reviewed:
    """The contents of one file.

    Attributes:
        images: the images that a person looked at.
        not_reviewed: number of tasks that nobody submitted.
        skipped: number of tasks that were skipped in the tool.
        remarks: what was left out or repaired, one sentence each.
    """

    images: tuple[ReviewedImage, ...]
    not_reviewed: int = 0
    skipped: int = 0
    remarks: tuple[str, ...] = ()
