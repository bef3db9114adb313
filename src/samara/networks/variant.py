"""Variants: architecture numbers, preprocessing and capabilities; `samara.networks.variants` lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from samara.networks.architectures import (
    EfficientViTConfig,
    EncoderConfig,
    FinerMap,
    RepViTConfig,
    TinyViTConfig,
    ViTConfig,
    YoloSegConfig,
)

Family = Literal[
    "sam",
    "mobile_sam",
    "hq_sam",
    "sam2",
    "sam3",
    "efficientvit_sam",
    "efficient_sam",
    "edge_sam",
    "repvit_sam",
    "yolo_seg",
]

FAMILY_TITLES: Mapping[Family, str] = {
    "sam": "SAM",
    "mobile_sam": "MobileSAM",
    "hq_sam": "HQ-SAM",
    "sam2": "SAM 2",
    "sam3": "SAM 3",
    "efficientvit_sam": "EfficientViT-SAM",
    "efficient_sam": "EfficientSAM",
    "edge_sam": "EdgeSAM",
    "repvit_sam": "RepViT-SAM",
    "yolo_seg": "FastSAM and YOLO-seg",
}
"""Families by their names for people."""

Ranking = Literal["predicted IoU", "stability"]
"""What the best of several masks is the best by.

predicted IoU: the mask decoder's own estimate.
stability: the stability score of the low-res logits, which takes its place everywhere; for a decoder whose estimate was
not trained.
"""

EMBEDDING_CHANNELS = 256
"""Number of channels of every image embedding, without early features and finer maps."""

CELL = 16
"""Side of a cell of the embedding grid in the input frame, in pixels, unless a variant's `frame_cell` differs."""

LOGITS_PER_CELL = 4
"""Low-res logits for each cell of the embedding grid, along each side, of every family."""


Resizing = Literal["pillow", "float", "float without antialiasing", "spline", "area", "nearest"]
"""Whose filter resizes an image, and of which pixels.

* "pillow": Pillow's antialiased bilinear filter, 8-bit pixels, as SAM; also "float", PyTorch's, floating-point pixels,
  as SAM 2. They differ by up to one grey value.
* "float without antialiasing": PyTorch's bilinear filter of the nearest pixels alone, as EfficientSAM.
* "spline": cubic splines after a blur, see `samara.images.spline`, as MedSAM.
* "area": OpenCV's mean of the area that a pixel covers, as LiteMedSAM.
* "nearest": OpenCV's nearest pixel, as SAM-Med2D.
"""

Scale = Literal["fixed", "image"]
"""What resized pixels become before mean and standard deviation.

"fixed" is 0..255; "image" stretches each image so that the smallest value of all channels becomes 0 and the largest 1.
"""

Interpolation = Literal["bilinear", "bicubic"]
"""How logits are interpolated."""

PointGrid = Literal["centres", "corners"]
"""Where the points of a grid are: at the centres of its cells, or in the middle of each cell's first pixel."""


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How an image becomes network input.

    Attributes:
        input_size: side in pixels of the published square input.
        fit: "pad" keeps the aspect ratio and pads bottom and right with zeros after normalising; "squash" does not keep
            it; "letterbox" keeps it and pads all sides with grey up to the next multiple.
        resize: whose filter, see `Resizing`.
        scale: see `Scale`.
        upsampling: how low-res logits become masks of the image's size; "bicubic" is for squashed images.
        multiple: the input size must be a multiple of this.
        mean, std: per channel RGB, on that scale.
    """

    input_size: int = 1024
    fit: Literal["pad", "squash", "letterbox"] = "pad"
    resize: Resizing = "pillow"
    scale: Scale = "fixed"
    upsampling: Interpolation = "bilinear"
    multiple: int = 16
    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    std: tuple[float, float, float] = (58.395, 57.12, 57.375)


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """The prompts that a variant supports, and its answers.

    Attributes:
        points: takes points at all.
        negative_points: takes background points.
        boxes: takes boxes.
        mask_input: takes low-res logits.
        max_points: max. points per prompt; None for no limit.
        points_per_box: how many of these points a box is; 0 for a box that is none of them.
        three_masks: was trained to answer a prompt with three masks; otherwise only the single one means something.
        everything: finds everything without a prompt; not by boxes alone.
    """

    points: bool = True
    negative_points: bool = True
    boxes: bool = True
    mask_input: bool = True
    max_points: int | None = None
    points_per_box: int = 0
    three_masks: bool = True
    everything: bool = True

    def refused(self, *, points: int, background_points: bool, box: bool, mask_input: bool) -> str | None:
        """Describe the unsupported part of a prompt; None if it is supported."""
        if points and not self.points:
            return "points"
        if background_points and not self.negative_points:
            return "background points"
        of_box = self.points_per_box if box else 0
        if self.max_points is not None and points + of_box > self.max_points:
            return f"{points} points{' beside a box' if of_box else ''} for one object"
        if box and not self.boxes:
            return "boxes"
        if mask_input and not self.mask_input:
            return "mask logits"
        return None


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One architecture.

    Attributes:
        name: unique name, e.g. ``vit_b``.
        family: kind of network.
        title: display name.
        image_encoder: numbers of a promptable network's image encoder; else None.
        detector: numbers of a detector; else None.
        finer_maps: outputs of the encoder besides the image embedding, see `samara.networks.finer_maps`.
        hq_token: whether its mask decoder has HQ-SAM's additional token.
        ranks_by: what its masks are ranked and filtered by, see `Ranking`.
        frame_cell: side of a cell of the embedding grid in the input frame, in pixels.
        class_names: classes of a detector, in the network's order.
        parameters: number of parameters of the published state dict, without buffers.
        keys: number of entries of the published state dict, with buffers.
        preprocessing: conversion of an image to network input.
        capabilities: supported prompts.
        preset: name of the preset that these two come from, see `samara.networks.presets`; None for the network's own.
        pred_iou_thresh: min. predicted IoU (detector: confidence; ranked by stability: stability of the low-res logits)
            of automatic masks, unless the checkpoint's own row differs.
        stability_score_thresh: min. stability score of automatic masks, unless the checkpoint's own row differs.
        box_nms_thresh: box IoU above which a detector drops the less confident of two instances of a class.
        min_mask_region_area: area in pixels below which holes and specks of automatic masks are removed.
        best_of_three: whether automatic masks are the best of each point's three, by predicted IoU.
        point_grid: where the points of automatic masks are.
    """

    name: str
    family: Family
    title: str
    image_encoder: EncoderConfig | None = None
    detector: YoloSegConfig | None = None
    finer_maps: tuple[FinerMap, ...] = ()
    hq_token: bool = False
    ranks_by: Ranking = "predicted IoU"
    frame_cell: int = CELL
    class_names: tuple[str, ...] = ()
    parameters: int | None = None
    keys: int | None = None
    preprocessing: Preprocessing = Preprocessing()
    capabilities: Capabilities = Capabilities()
    preset: str | None = None
    pred_iou_thresh: float = 0.88
    stability_score_thresh: float = 0.95
    box_nms_thresh: float = 0.7
    min_mask_region_area: int = 0
    best_of_three: bool = False
    point_grid: PointGrid = "centres"

    @property
    def is_runnable(self) -> bool:
        """Whether samara has the network."""
        return self.image_encoder is not None or self.detector is not None

    @property
    def embeds_images(self) -> bool:
        """Whether it is promptable, embedding an image once; otherwise it finds all instances in one pass."""
        return self.detector is None

    @property
    def why_no_graphs(self) -> str:
        """Why it does not support graphs, for other engines and exports; empty if it does."""
        if not self.embeds_images:
            return (
                "finds all instances in one pass and has no mask decoder; only promptable checkpoints can be exported"
            )
        return ""

    def with_classes(self, names: tuple[str, ...]) -> Variant:
        """Return the same detector for other classes, e.g. custom ones."""
        if self.detector is None or names == self.class_names:
            return self
        same_count = len(names) == self.detector.classes
        return replace(
            self,
            detector=replace(self.detector, classes=len(names)),
            class_names=names,
            parameters=self.parameters if same_count else None,
        )

    def reparameterised(self) -> Variant:
        """Return the same network in the form of re-parameterised files, see `networks.repvit`.

        Raises:
            TypeError: its image encoder has no such form.
        """
        if not isinstance(self.image_encoder, RepViTConfig):
            raise TypeError(f"{self.title} has no re-parameterised form")
        encoder = replace(self.image_encoder, reparameterised=True)
        return replace(self, image_encoder=encoder, parameters=None, keys=None)

    def at_input_size(self, input_size: int) -> Variant:
        """Return the same network, trained at another input size."""
        if input_size == self.preprocessing.input_size:
            return self
        return replace(
            self,
            preprocessing=replace(self.preprocessing, input_size=input_size),
            parameters=None,  # the positions differ
        )

    @property
    def stride(self) -> int:
        """Pixels of the network's input for each cell of the embedding grid, along each side."""
        return (
            self.image_encoder.stride if isinstance(self.image_encoder, (EfficientViTConfig, TinyViTConfig)) else CELL
        )

    def grid(self, input_size: int) -> int:
        """Side of the embedding grid in cells, of an input of that side."""
        return input_size // self.stride

    def frame_size(self, input_size: int) -> int:
        """Side in pixels of the input frame, which prompts are in and masks fill, of an input of that side."""
        return self.frame_cell * self.grid(input_size)

    @property
    def low_res_stride(self) -> int:
        """Pixels of the input frame for each low-res logit, along each side."""
        return self.frame_cell // LOGITS_PER_CELL

    @property
    def early_channels(self) -> int:
        """Number of channels of early features; 0 for a variant without."""
        match self.image_encoder:
            case ViTConfig(early_block=int(), embed_dim=width):
                return width
            case TinyViTConfig(early_stage=int() as stage, embed_dims=widths):
                return widths[stage + 1]
            case _:
                return 0

    @property
    def embedding_channels(self) -> int:
        """Number of channels of an image embedding, including early features and finer maps."""
        return EMBEDDING_CHANNELS + self.early_channels + sum(one.packed_channels for one in self.finer_maps)
