"""HQ-SAM's classes: encoders give early features too, and the decoder takes them."""

from samara.segment_anything.modeling.hq import ImageEncoderViT, MaskDecoderHQ, TinyViT
from samara.segment_anything.modeling.mask_decoder import MaskDecoder
from samara.segment_anything.modeling.prompt_encoder import PromptEncoder
from samara.segment_anything.modeling.sam import Sam
from samara.segment_anything.modeling.transformer import TwoWayTransformer

__all__ = ["ImageEncoderViT", "MaskDecoder", "MaskDecoderHQ", "PromptEncoder", "Sam", "TinyViT", "TwoWayTransformer"]
