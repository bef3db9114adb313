"""The numbers that distinguish networks of one kind; `samara.networks.variants` is built from them.

Sources: segment-anything `build_sam.py` @dca509f, MobileSAM `build_sam.py` @34bbbfd, facebookresearch/sam2
`configs/sam2.1/*.yaml` @2b90b9f, mit-han-lab/efficientvit `models/efficientvit/{sam,backbone}.py` @de7d773,
chongzhou96/EdgeSAM `modeling/rep_vit.py` @b53372c, THU-MIG/RepViT `sam/` @298f420, yformer/EfficientSAM
`efficient_sam/build_efficient_sam.py` @d525f62, bowang-lab/MedSAM `CVPR24_LiteMedSAM_infer.py` @0c044e9 and
`tiny_vit_sam.py` of its branch LiteMedSAM, OpenGVLab/SAM-Med2D `segment_anything/build_sam.py` @036ccba, and
Ultralytics' published model tables for the scales of YOLOv8 and YOLO11.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    adapter_width: int | None = None


@dataclass(frozen=True, kw_only=True)
class TinyViTConfig:
    """Numbers of `networks.tiny_vit.TinyViT`."""

    embed_dims: tuple[int, ...] = (64, 128, 160, 320)
    depths: tuple[int, ...] = (2, 2, 6, 2)
    num_heads: tuple[int, ...] = (2, 4, 5, 10)
    window_sizes: tuple[int, ...] = (7, 7, 14, 7)
    early_stage: int | None = None
    stem_stride: int = 2
    num_classes: int = 1000

    @property
    def stride(self) -> int:
        """Pixels of the input per cell of the embedding: two convolutions of the stem, then two halvings."""
        return 4 * self.stem_stride**2


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


BlockKind = Literal["residual", "fused", "mobile", "attention"]
"""Of EfficientViT: two 3×3 convolutions; MBConv whose first two convolutions are one; MBConv; attention and MBConv."""


@dataclass(frozen=True, kw_only=True)
class EfficientViTConfig:
    """Numbers of `networks.efficientvit.EfficientViT`."""

    depths: tuple[int, ...]
    neck_depth: int
    neck_expansion: int = 1
    widths: tuple[int, ...] = (32, 64, 128, 256, 512)
    kinds: tuple[BlockKind, ...] = ("residual", "fused", "fused", "mobile", "attention")
    expansions: tuple[int, ...] = (1, 4, 4, 4, 6)
    attention_kernel: int = 5

    @property
    def stride(self) -> int:
        """Pixels of the input per cell of the embedding: the neck's finest map is that of the last stage but two."""
        return int(2 ** (len(self.widths) - 2))


Branches = Literal["normed", "normed sum"]
"""Of RepViT's mixing of neighbours: each branch has a norm of its own, or their sum has one."""


@dataclass(frozen=True, kw_only=True)
class RepViTConfig:
    """Numbers of `networks.repvit.RepViT`."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    strides: tuple[int, ...]
    branches: Branches
    reparameterised: bool = False


@dataclass(frozen=True, kw_only=True)
class PlainViTConfig:
    """Numbers of `networks.plain_vit.PlainViT`."""

    embed_dim: int
    depth: int
    num_heads: int
    mlp_ratio: float = 4.0
    position_grid: int = 14


EncoderConfig = ViTConfig | TinyViTConfig | HieraConfig | EfficientViTConfig | RepViTConfig | PlainViTConfig
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


SAM2_MAPS = (FinerMap(channels=32, scale=4), FinerMap(channels=64, scale=2))
"""The finer maps of SAM 2, the finest first; see `conv_s0` and `conv_s1` in sam2's `modeling/sam/mask_decoder.py`."""

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

_XL = EfficientViTConfig(
    widths=(32, 64, 128, 256, 512, 1024),
    depths=(0, 1, 1, 2, 3, 3),
    kinds=("residual", "fused", "fused", "fused", "attention", "attention"),
    expansions=(1, 4, 4, 4, 4, 6),
    attention_kernel=3,
    neck_depth=6,
    neck_expansion=4,
)
EFFICIENTVIT = {
    "l0": EfficientViTConfig(depths=(1, 1, 1, 4, 4), neck_depth=4),
    "l1": EfficientViTConfig(depths=(1, 1, 1, 6, 6), neck_depth=8),
    "l2": EfficientViTConfig(depths=(1, 2, 2, 8, 8), neck_depth=12),
    "xl0": _XL,
    "xl1": replace(_XL, depths=(1, 2, 2, 4, 6, 6), neck_depth=12),
}
"""EfficientViT-SAM by size."""

REPVIT_M1 = RepViTConfig(widths=(48, 96, 192, 384), depths=(3, 4, 16, 3), strides=(1, 2, 2, 2), branches="normed")
"""EdgeSAM's image encoder."""

REPVIT_SAM = RepViTConfig(widths=(80, 160, 320, 640), depths=(7, 8, 36, 3), strides=(1, 2, 2, 1), branches="normed sum")
"""RepViT-SAM's image encoder."""
