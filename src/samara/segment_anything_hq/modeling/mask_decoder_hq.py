"""HQ-SAM's mask decoder."""

from samara.networks.layers import MLP, LayerNorm2d
from samara.segment_anything.modeling.hq import MaskDecoderHQ

__all__ = ["MLP", "LayerNorm2d", "MaskDecoderHQ"]
