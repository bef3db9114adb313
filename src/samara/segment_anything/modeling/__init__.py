"""The official `segment_anything.modeling`: the classes of network parts."""

from samara.segment_anything.modeling.image_encoder import ImageEncoderViT
from samara.segment_anything.modeling.mask_decoder import MaskDecoder
from samara.segment_anything.modeling.prompt_encoder import PromptEncoder
from samara.segment_anything.modeling.sam import Sam
from samara.segment_anything.modeling.transformer import TwoWayTransformer

__all__ = ["ImageEncoderViT", "MaskDecoder", "PromptEncoder", "Sam", "TwoWayTransformer"]
