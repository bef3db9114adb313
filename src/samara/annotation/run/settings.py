"""Settings of an annotation that the rows depend on, and the named profiles.

Importing this loads neither torch nor numpy, to keep the command line's help fast.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from samara.errors import SettingsError
from samara.images.limits import DEFAULT_MAX_PIXELS
from samara.segmentation.automatic.settings import DUPLICATE_IOU, AutomaticSettings

if TYPE_CHECKING:
    from samara.images.read import ValueRange
    from samara.masks.mask_set import MaskSet

Asking = Literal["everything", "prompts"]
"""What to segment in every image: everything, or its prompts (nothing if it has none)."""


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """How the masks of an image are cleaned, in the order of the fields. All off: the official masks unchanged.

    Attributes:
        min_area: drop masks with fewer pixels.
        unique: drop masks whose mask IoU with a better one exceeds `DUPLICATE_IOU`.
        top: keep only this many masks, those with the highest predicted IoU; None for all.
        exclusive: assign every pixel to at most one mask, smaller ones on top; masks that this leaves below `min_area`
            are dropped.
        hierarchy: record the parent of each mask.
    """

    min_area: int = 0
    unique: bool = False
    top: int | None = None
    exclusive: bool = False
    hierarchy: bool = False

    def __post_init__(self) -> None:
        if self.min_area < 0:
            raise SettingsError(f"min_area is {self.min_area}; it must be at least 0 pixels")
        if self.top is not None and self.top < 1:
            raise SettingsError(f"top is {self.top}; keep at least 1 mask")

    def clean(self, masks: MaskSet) -> MaskSet:
        """Clean a set of masks."""
        if self.min_area:
            masks = masks[masks.areas >= self.min_area]
        if self.unique:
            masks = masks.without_duplicates(iou_threshold=DUPLICATE_IOU)
        if self.top is not None and len(masks) > self.top:
            best = (-masks.predicted_iou).argsort(kind="stable")[: self.top]
            best.sort()  # the order of the masks stays
            masks = masks[best]
        if self.exclusive:
            masks = masks.exclusive()
            masks = masks[masks.areas >= self.min_area]
        return masks.with_hierarchy() if self.hierarchy else masks


@dataclass(frozen=True, kw_only=True)
class AnnotationSettings:
    """Settings that the rows of a store depend on, besides checkpoint and images.

    Attributes:
        asking: segment everything, or prompts.
        automatic: settings of automatic masks.
        cleaning: cleaning of the masks.
        tile: cut larger images into tiles of this side in pixels; None for whole images.
        tile_overlap: let neighbouring tiles overlap by this many pixels, to join their masks.
        max_pixels: refuse larger images; None for no limit.
        value_range: values of black and white in images of more than 8 bits, see `samara.read_image`.
        frame: index of the frame or page in files that hold several, see `samara.read_image`.
        compares_answers: measure how much the three answers to each prompt disagree; takes one more pass of the mask
            decoder per prompt and changes no mask. The report and `samara.review` show it.

    Raises:
        SettingsError: a value or combination is invalid.
    """

    asking: Asking = "everything"
    automatic: AutomaticSettings = field(default_factory=AutomaticSettings)
    cleaning: Cleaning = Cleaning()
    tile: int | None = None
    tile_overlap: int = 128
    max_pixels: int | None = DEFAULT_MAX_PIXELS
    value_range: ValueRange | None = None
    frame: int | None = None
    compares_answers: bool = True

    def __post_init__(self) -> None:
        if self.tile is not None and not 0 < self.tile_overlap <= self.tile // 2:
            raise SettingsError(
                f"tiles of {self.tile} pixels cannot overlap by {self.tile_overlap}; the overlap must be at least 1 "
                "and at most half a tile"
            )

    def facts(self) -> dict[str, Any]:
        """Return the settings as JSON for the manifest, without those that cannot change a row."""
        facts = asdict(self)
        del facts["automatic"]["points_per_batch"]
        grids = self.automatic.point_grids
        facts["automatic"]["point_grids"] = None if grids is None else [grid.tolist() for grid in grids]
        if self.tile is None:
            del facts["tile_overlap"]
        if self.frame is None:
            del facts["frame"]  # older stores have no such field
        del facts["compares_answers"]  # changes no mask
        if self.asking == "prompts":
            del facts["automatic"]
        return facts


Machines = Literal["local", "ray"]
"""Where the workers run: on this machine, or on a Ray cluster."""


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Resources of a run; nothing here changes a row.

    Attributes:
        workers: run this many processes, each with its own network.
        cluster: run the workers on this machine or on a Ray cluster.
        gpus_per_worker: give each worker this many GPUs with ray, such as 0.25 to let four share one.
        threads: use this many threads per process to read, decode and resize; None for 2 on a CPU and up to 8 on a GPU.
        batch: encode this many images per pass of the network; None for 1 on a CPU and up to 8 on a GPU.
        embedding_cache: cache image embeddings in this folder, for runs with other settings.
        embedding_cache_gb: keep that folder below this size in GB; the least recently used are deleted.
    """

    workers: int = 1
    cluster: Machines = "local"
    gpus_per_worker: float = 0.0
    threads: int | None = None
    batch: int | None = None
    embedding_cache: str | os.PathLike[str] | None = None
    embedding_cache_gb: float = 20.0


@dataclass(frozen=True)
class Profile:
    """A named set of checkpoint and thresholds.

    Attributes:
        checkpoint: catalogue name.
        automatic: settings of automatic masks.
        reason: when to use it.
    """

    checkpoint: str
    automatic: AutomaticSettings
    reason: str

    def fill(self, settings: AnnotationSettings) -> AnnotationSettings:
        """Fill the settings left to the checkpoint with this profile's."""
        left = {
            name: value for name, value in vars(self.automatic).items() if getattr(settings.automatic, name) is None
        }
        return replace(settings, automatic=replace(settings.automatic, **left))


TRAINING_MASKS = AutomaticSettings(points_per_side=32, pred_iou_thresh=0.86, stability_score_thresh=0.92)
"""The settings of `generate_training_masks`: slightly below the official thresholds, for slightly more masks."""

PROFILES: Mapping[str, Profile] = {
    "development": Profile("sam_vit_b", TRAINING_MASKS, "fast iteration, least memory"),
    "production": Profile("sam_vit_l", TRAINING_MASKS, "good masks at reasonable throughput"),
    "high-quality": Profile("sam_vit_h", TRAINING_MASKS, "best masks, for training data that matters most"),
}
"""The three recommended profiles. Their thresholds suit SAM's checkpoints."""


def profile_named(name: str) -> Profile:
    """Look up a profile.

    Raises:
        SettingsError: the name is unknown.
    """
    if name not in PROFILES:
        raise SettingsError(f"there is no profile {name!r}; there are {', '.join(PROFILES)}")
    return PROFILES[name]
