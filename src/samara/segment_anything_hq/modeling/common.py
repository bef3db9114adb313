"""The same as SAM's."""

from samara.segment_anything.modeling.common import LayerNorm2d, MLPBlock

__all__ = ["LayerNorm2d", "MLPBlock"]
