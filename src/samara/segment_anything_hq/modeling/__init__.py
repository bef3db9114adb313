"""HQ-SAM's classes: encoders also return early features, which the decoder takes."""

from samara.segment_anything.modeling.hq import ImageEncoderViT, MaskDecoderHQ, TinyViT
from samara.segment_anything.modeling.mask_decoder import MaskDecoder
from samara.segment_anything.modeling.prompt_encoder import PromptEncoder
from samara.segment_anything.modeling.sam import Sam
from samara.segment_anything.modeling.transformer import TwoWayTransformer

__all__ = ["ImageEncoderViT", "MaskDecoder", "MaskDecoderHQ", "PromptEncoder", "Sam", "TinyViT", "TwoWayTransformer"]
