"""HQ-SAM's registry."""

from __future__ import annotations

from collections.abc import Collection

from samara.segment_anything.build_sam import EMBED_DIM, File, assembled, vit_numbers
from samara.segment_anything.build_sam import build_sam_hq as build_sam
from samara.segment_anything.build_sam import build_sam_hq_vit_b as build_sam_vit_b
from samara.segment_anything.build_sam import build_sam_hq_vit_h as build_sam_vit_h
from samara.segment_anything.build_sam import build_sam_hq_vit_l as build_sam_vit_l
from samara.segment_anything.build_sam import build_sam_hq_vit_t as build_sam_vit_t
from samara.segment_anything.build_sam import sam_hq_model_registry as sam_model_registry
from samara.segment_anything.modeling.hq import ImageEncoderViT, MaskDecoderHQ, TinyViT, freeze_all_but_hq_part
from samara.segment_anything.modeling.prompt_encoder import PromptEncoder
from samara.segment_anything.modeling.sam import Sam
from samara.segment_anything.modeling.transformer import TwoWayTransformer

__all__ = [
    "ImageEncoderViT",
    "MaskDecoderHQ",
    "PromptEncoder",
    "Sam",
    "TinyViT",
    "TwoWayTransformer",
    "build_sam",
    "build_sam_vit_b",
    "build_sam_vit_h",
    "build_sam_vit_l",
    "build_sam_vit_t",
    "sam_model_registry",
]


def _build_sam(
    encoder_embed_dim: int,
    encoder_depth: int,
    encoder_num_heads: int,
    encoder_global_attn_indexes: Collection[int],
    checkpoint: File | None = None,
) -> Sam:
    """Build an HQ-SAM with a ViT of any size on the CPU, in eval mode, frozen but for its HQ part.

    Raises:
        WrongCheckpoint: the file's tensors do not fit the network.
    """
    encoder = ImageEncoderViT(
        **vit_numbers(encoder_embed_dim, encoder_depth, encoder_num_heads, encoder_global_attn_indexes)
    )
    decoder = MaskDecoderHQ(transformer=TwoWayTransformer(), transformer_dim=EMBED_DIM, vit_dim=encoder_embed_dim)
    sam = assembled(encoder, decoder, checkpoint)
    freeze_all_but_hq_part(sam)
    return sam
