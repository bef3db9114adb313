"""The network, which supports the parts of SAM and HQ-SAM."""

from samara.segment_anything.modeling.hq import ImageEncoderViT
from samara.segment_anything.modeling.mask_decoder import MaskDecoder
from samara.segment_anything.modeling.prompt_encoder import PromptEncoder
from samara.segment_anything.modeling.sam import Sam

__all__ = ["ImageEncoderViT", "MaskDecoder", "PromptEncoder", "Sam"]
