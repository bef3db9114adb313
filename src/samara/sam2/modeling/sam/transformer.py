"""The official `modeling.sam.transformer`: samara's own two-way transformer, under SAM 2's key names."""

from samara.networks.sam2_mask_decoder import Sam2TwoWayTransformer as TwoWayTransformer
from samara.networks.two_way_transformer import Attention, TwoWayAttentionBlock

__all__ = ["Attention", "TwoWayAttentionBlock", "TwoWayTransformer"]
