"""Networks built from variants, with untrained weights.

A further family of image encoders is one `case` in `build_sam`.
"""

from __future__ import annotations

from dataclasses import asdict

from torch import nn

from samara.errors import WrongCheckpoint
from samara.networks import efficientvit
from samara.networks.architectures import (
    EfficientViTConfig,
    HieraConfig,
    PlainViTConfig,
    RepViTConfig,
    TinyViTConfig,
    ViTConfig,
)
from samara.networks.efficient_sam_mask_decoder import EfficientSamMaskDecoder, EfficientSamTwoWayTransformer
from samara.networks.efficient_sam_prompt_encoder import EfficientSamPromptEncoder
from samara.networks.hiera import Hiera
from samara.networks.hq_mask_decoder import HqMaskDecoder
from samara.networks.mask_decoder import MaskDecoder
from samara.networks.plain_vit import PlainViT
from samara.networks.prompt_encoder import PromptEncoder
from samara.networks.repvit import RepViT
from samara.networks.sam import Sam
from samara.networks.sam2_hq_mask_decoder import Sam2HqMaskDecoder
from samara.networks.sam2_image_encoder import Sam2ImageEncoder
from samara.networks.sam2_mask_decoder import Sam2MaskDecoder, Sam2TwoWayTransformer
from samara.networks.sam2_prompt_encoder import Sam2PromptEncoder
from samara.networks.tiny_vit import TinyViT
from samara.networks.two_way_transformer import TwoWayTransformer
from samara.networks.variant import Variant
from samara.networks.vit import ImageEncoderViT
from samara.networks.yolo_seg import YoloSeg


def build_network(variant: Variant, input_size: int | None = None) -> Sam | YoloSeg:
    """Build a variant's network with untrained weights, on torch's current default device.

    Args:
        variant: variant to build.
        input_size: side in pixels of the square input; None for the variant's own. Positions always have the variant's
            own size and are interpolated, so that published files fit.

    Raises:
        WrongCheckpoint: samara has no network for the variant yet.
    """
    if variant.detector is not None:
        return YoloSeg(**asdict(variant.detector))
    return build_sam(variant, input_size)


def build_sam(variant: Variant, input_size: int | None = None) -> Sam:
    """Build the network of a promptable variant; arguments as in `build_network`.

    Raises:
        WrongCheckpoint: the variant is not promptable, or samara has no network for it yet.
    """
    trained_size = variant.preprocessing.input_size
    match variant.image_encoder:
        case ViTConfig() as config:
            return _sam(variant, ImageEncoderViT(input_size=trained_size, **asdict(config)), input_size)
        case TinyViTConfig() as config:
            return _sam(variant, TinyViT(input_size=trained_size, **asdict(config)), input_size)
        case HieraConfig() as config:
            return _sam2(variant, Sam2ImageEncoder(Hiera(**asdict(config))), input_size)
        case EfficientViTConfig() as config:
            return _sam(variant, efficientvit.EfficientViT(**asdict(config)), input_size, efficientvit.NORM_EPSILON)
        case RepViTConfig() as config:
            return _sam(variant, RepViT(**asdict(config)), input_size)
        case PlainViTConfig() as config:
            return _efficient_sam(variant, PlainViT(**asdict(config)), input_size)
        case None if variant.detector is not None:
            raise WrongCheckpoint(f"{variant.title} finds instances in one pass and has no image encoder to build")
        case None:
            raise WrongCheckpoint(f"samara cannot run {variant.title}; `samara checkpoints list` shows what it runs")


def _sam(variant: Variant, image_encoder: nn.Module, input_size: int | None, norm_epsilon: float = 1e-5) -> Sam:
    """SAM and the families with its decoder; EfficientViT-SAM's loader changes the epsilon of the decoder's norms."""
    frame, grid = _frame_and_grid(variant, input_size)
    # In this order, on which seeded random weights depend.
    return Sam(
        image_encoder=image_encoder,
        prompt_encoder=PromptEncoder(input_image_size=frame, image_embedding_size=grid),
        mask_decoder=HqMaskDecoder(transformer=TwoWayTransformer(), early_channels=variant.early_channels)
        if variant.hq_token
        else MaskDecoder(transformer=TwoWayTransformer().with_norm_epsilon(norm_epsilon)).ranking_by(variant.ranks_by),
        frame_cell=variant.frame_cell,
    )


def _sam2(variant: Variant, image_encoder: nn.Module, input_size: int | None) -> Sam:
    """SAM 2, SAM 2.1 and HQ-SAM 2, for images."""
    frame, grid = _frame_and_grid(variant, input_size)
    return Sam(
        image_encoder=image_encoder,
        prompt_encoder=Sam2PromptEncoder(input_image_size=frame, image_embedding_size=grid),
        mask_decoder=(Sam2HqMaskDecoder if variant.hq_token else Sam2MaskDecoder)(transformer=Sam2TwoWayTransformer()),
    )


def _efficient_sam(variant: Variant, image_encoder: nn.Module, input_size: int | None) -> Sam:
    """EfficientSAM."""
    frame, grid = _frame_and_grid(variant, input_size)
    return Sam(
        image_encoder=image_encoder,
        prompt_encoder=EfficientSamPromptEncoder(input_image_size=frame, image_embedding_size=grid),
        mask_decoder=EfficientSamMaskDecoder(transformer=EfficientSamTwoWayTransformer()),
    )


def _frame_and_grid(variant: Variant, input_size: int | None) -> tuple[tuple[int, int], tuple[int, int]]:
    """(H, W) of the input frame in pixels, and (h, w) of the embedding."""
    size = input_size or variant.preprocessing.input_size
    frame, grid = variant.frame_size(size), variant.grid(size)
    return (frame, frame), (grid, grid)
