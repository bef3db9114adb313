"""The numbers that distinguish networks of one kind; `samara.networks.variants` is built from them.

Sources: segment-anything `build_sam.py` @dca509f, MobileSAM `build_sam.py` @34bbbfd, facebookresearch/sam2
`configs/sam2.1/*.yaml` @2b90b9f, and Ultralytics' published model tables for the scales of YOLOv8 and YOLO11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class ViTConfig:
    """Numbers of `networks.vit.ImageEncoderViT`."""

    embed_dim: int
    depth: int
    num_heads: int
    global_attention_blocks: tuple[int, ...]
    mlp_ratio: float = 4.0
    early_block: int | None = None


@dataclass(frozen=True, kw_only=True)
class TinyViTConfig:
    """Numbers of `networks.tiny_vit.TinyViT`."""

    embed_dims: tuple[int, ...] = (64, 128, 160, 320)
    depths: tuple[int, ...] = (2, 2, 6, 2)
    num_heads: tuple[int, ...] = (2, 4, 5, 10)
    window_sizes: tuple[int, ...] = (7, 7, 14, 7)
    early_stage: int | None = None


@dataclass(frozen=True)
class FinerMap:
    """A feature map that an image encoder returns besides the image embedding, see `networks.finer_maps`.

    Attributes:
        channels: V.
        scale: s, its resolution relative to the embedding grid, along each side.
    """

    channels: int
    scale: int

    @property
    def packed_channels(self) -> int:
        """Number of channels it adds after those of an image embedding."""
        return self.channels * self.scale**2


@dataclass(frozen=True, kw_only=True)
class HieraConfig:
    """Numbers of `networks.hiera.Hiera`."""

    embed_dim: int
    num_heads: int
    depths: tuple[int, ...]
    global_attention_blocks: tuple[int, ...]
    window_sizes: tuple[int, ...] = (8, 4, 14, 7)
    position_grid: int = 7


EncoderConfig = ViTConfig | TinyViTConfig | HieraConfig
"""What a promptable network's image encoder is."""


@dataclass(frozen=True, kw_only=True)
class YoloSegConfig:
    """Numbers of `networks.yolo_seg.YoloSeg`."""

    generation: Literal["v8", "11"]
    depth: float
    width: float
    max_channels: int
    inner_stages: bool = False
    classes: int = 80


YOLOV8 = {
    "n": YoloSegConfig(generation="v8", depth=0.33, width=0.25, max_channels=1024),
    "s": YoloSegConfig(generation="v8", depth=0.33, width=0.50, max_channels=1024),
    "m": YoloSegConfig(generation="v8", depth=0.67, width=0.75, max_channels=768),
    "l": YoloSegConfig(generation="v8", depth=1.00, width=1.00, max_channels=512),
    "x": YoloSegConfig(generation="v8", depth=1.00, width=1.25, max_channels=512),
}
"""YOLOv8-seg by size."""

YOLO11 = {
    "n": YoloSegConfig(generation="11", depth=0.50, width=0.25, max_channels=1024),
    "s": YoloSegConfig(generation="11", depth=0.50, width=0.50, max_channels=1024),
    "m": YoloSegConfig(generation="11", depth=0.50, width=1.00, max_channels=512, inner_stages=True),
    "l": YoloSegConfig(generation="11", depth=1.00, width=1.00, max_channels=512, inner_stages=True),
    "x": YoloSegConfig(generation="11", depth=1.00, width=1.50, max_channels=512, inner_stages=True),
}
"""YOLO11-seg by size."""


HIERA = {
    "t": HieraConfig(embed_dim=96, num_heads=1, depths=(1, 2, 7, 2), global_attention_blocks=(5, 7, 9)),
    "s": HieraConfig(embed_dim=96, num_heads=1, depths=(1, 2, 11, 2), global_attention_blocks=(7, 10, 13)),
    "b+": HieraConfig(
        embed_dim=112, num_heads=2, depths=(2, 3, 16, 3), global_attention_blocks=(12, 16, 20), position_grid=14
    ),
    "l": HieraConfig(
        embed_dim=144,
        num_heads=2,
        depths=(2, 6, 36, 4),
        global_attention_blocks=(23, 33, 43),
        window_sizes=(8, 4, 16, 8),
    ),
}
"""Hiera by size, for both SAM 2 and SAM 2.1."""
