"""What to annotate with: settings that the rows depend on, and the named configurations.

Importing this loads neither torch nor numpy, so that the help of the command line stays quick.
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
"""What is asked of every image: everything in it, or what its prompts name (nothing if it has none)."""


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """How the masks of an image are cleaned, in the order of the fields. All off: the official masks as they are.

    Attributes:
        min_area: masks of fewer pixels are dropped.
        unique: masks that repeat a better one are dropped, by a mask IoU above `DUPLICATE_IOU`.
        top: so many masks of the highest predicted IoU are kept; None for all.
        exclusive: every pixel belongs to at most one mask, smaller ones lie on top; what that leaves below `min_area`
            is dropped.
        hierarchy: fill the parent of each mask.
    """

    min_area: int = 0
    unique: bool = False
    top: int | None = None
    exclusive: bool = False
    hierarchy: bool = False

    def __post_init__(self) -> None:
        if self.min_area < 0:
            raise SettingsError(f"min_area is {self.min_area}; it must be 0 or more pixels")
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
    """What the rows of a store depend on, besides checkpoint and images.

    Attributes:
        asking: everything, or prompts.
        automatic: how everything is found.
        cleaning: of the masks found.
        tile: side in pixels of the tiles that larger images are cut into; None for whole images.
        tile_overlap: pixels that neighbouring tiles share, and by which their masks are joined.
        max_pixels: larger images are refused; None for no limit.
        value_range: what is black and white in images of more than 8 bits, see `samara.read_image`.
        frame: which frame or page of files that hold several, likewise.

    Raises:
        SettingsError: a value or combination is not accepted.
    """

    asking: Asking = "everything"
    automatic: AutomaticSettings = field(default_factory=AutomaticSettings)
    cleaning: Cleaning = Cleaning()
    tile: int | None = None
    tile_overlap: int = 128
    max_pixels: int | None = DEFAULT_MAX_PIXELS
    value_range: ValueRange | None = None
    frame: int | None = None

    def __post_init__(self) -> None:
        if self.tile is not None and not 0 < self.tile_overlap <= self.tile // 2:
            raise SettingsError(
                f"tiles of {self.tile} pixels cannot share {self.tile_overlap}; the overlap must be at least 1 and at "
                "most half a tile"
            )

    def facts(self) -> dict[str, Any]:
        """For the manifest: all of it as JSON, without what cannot change a row."""
        facts = asdict(self)
        del facts["automatic"]["points_per_batch"]
        grids = self.automatic.point_grids
        facts["automatic"]["point_grids"] = None if grids is None else [grid.tolist() for grid in grids]
        if self.tile is None:
            del facts["tile_overlap"]
        if self.frame is None:
            del facts["frame"]  # as in stores from before there was a choice
        if self.asking == "prompts":
            del facts["automatic"]
        return facts


Machines = Literal["local", "ray"]
"""Where processes are: on this machine, or in a Ray cluster."""


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a run may use; nothing here changes a row.

    Attributes:
        workers: number of processes, each with a network of its own.
        cluster: this machine, or a Ray cluster.
        gpus_per_worker: with ray, 0.25 lets four share a GPU.
        threads: threads that read and decode, per process.
        embedding_cache: keep image embeddings here, for runs with other settings.
        embedding_cache_gb: size of that folder in GB; the least used go.
    """

    workers: int = 1
    cluster: Machines = "local"
    gpus_per_worker: float = 0.0
    threads: int = 2
    embedding_cache: str | os.PathLike[str] | None = None
    embedding_cache_gb: float = 20.0


@dataclass(frozen=True)
class Profile:
    """A named configuration.

    Attributes:
        checkpoint: catalogue name.
        automatic: how everything is found.
        reason: when to take it.
    """

    checkpoint: str
    automatic: AutomaticSettings
    reason: str

    def fill(self, settings: AnnotationSettings) -> AnnotationSettings:
        """The same settings, with this configuration's where they leave something to the checkpoint."""
        left = {
            name: value for name, value in vars(self.automatic).items() if getattr(settings.automatic, name) is None
        }
        return replace(settings, automatic=replace(settings.automatic, **left))


TRAINING_MASKS = AutomaticSettings(points_per_side=32, pred_iou_thresh=0.86, stability_score_thresh=0.92)
"""The settings of `generate_training_masks`: a little below the official thresholds, so a little more masks."""

PROFILES: Mapping[str, Profile] = {
    "development": Profile("sam_vit_b", TRAINING_MASKS, "fast iteration, least memory"),
    "production": Profile("sam_vit_l", TRAINING_MASKS, "good masks at reasonable throughput"),
    "high-quality": Profile("sam_vit_h", TRAINING_MASKS, "best masks, for training data that matters most"),
}
"""The three recommended configurations. Their thresholds are made for SAM's checkpoints."""


def profile_named(name: str) -> Profile:
    """Look a configuration up.

    Raises:
        SettingsError: unknown.
    """
    if name not in PROFILES:
        raise SettingsError(f"there is no profile {name!r}; there are {', '.join(PROFILES)}")
    return PROFILES[name]
