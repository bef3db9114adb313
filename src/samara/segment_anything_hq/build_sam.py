"""HQ-SAM's registry."""

from __future__ import annotations

from functools import partial

from samara.segment_anything.build_sam import EMBED_DIM, build_from_numbers
from samara.segment_anything.build_sam import build_sam_hq as build_sam
from samara.segment_anything.build_sam import build_sam_hq_vit_b as build_sam_vit_b
from samara.segment_anything.build_sam import build_sam_hq_vit_h as build_sam_vit_h
from samara.segment_anything.build_sam import build_sam_hq_vit_l as build_sam_vit_l
from samara.segment_anything.build_sam import build_sam_hq_vit_t as build_sam_vit_t
from samara.segment_anything.build_sam import sam_hq_model_registry as sam_model_registry
from samara.segment_anything.modeling.hq import ImageEncoderViT, MaskDecoderHQ, TinyViT
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


def _make_decoder(vit_dim: int) -> MaskDecoderHQ:
    return MaskDecoderHQ(transformer=TwoWayTransformer(), transformer_dim=EMBED_DIM, vit_dim=vit_dim)


_build_sam = partial(build_from_numbers, ImageEncoderViT, _make_decoder)
