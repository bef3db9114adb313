"""The official `modeling.transformer`: samara's own two-way transformer."""

from samara.networks.layers import MLPBlock
from samara.networks.two_way_transformer import Attention, TwoWayAttentionBlock, TwoWayTransformer

__all__ = ["Attention", "MLPBlock", "TwoWayAttentionBlock", "TwoWayTransformer"]
