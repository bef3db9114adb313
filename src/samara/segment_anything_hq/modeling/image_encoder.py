"""HQ-SAM's ViT image encoder, and the parts that it shares with SAM's."""

from samara.segment_anything.modeling.hq import ImageEncoderViT
from samara.segment_anything.modeling.image_encoder import (
    Attention,
    Block,
    LayerNorm2d,
    MLPBlock,
    PatchEmbed,
    add_decomposed_rel_pos,
    get_rel_pos,
    window_partition,
    window_unpartition,
)

__all__ = [
    "Attention",
    "Block",
    "ImageEncoderViT",
    "LayerNorm2d",
    "MLPBlock",
    "PatchEmbed",
    "add_decomposed_rel_pos",
    "get_rel_pos",
    "window_partition",
    "window_unpartition",
]
