"""SAM's own mask decoder."""

from samara.segment_anything.modeling.mask_decoder import MLP, LayerNorm2d, MaskDecoder

__all__ = ["MLP", "LayerNorm2d", "MaskDecoder"]
