"""The same as SAM's."""

from samara.segment_anything.modeling.transformer import (
    Attention,
    MLPBlock,
    TwoWayAttentionBlock,
    TwoWayTransformer,
)

__all__ = ["Attention", "MLPBlock", "TwoWayAttentionBlock", "TwoWayTransformer"]
