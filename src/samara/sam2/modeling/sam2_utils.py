"""The layers of the official `modeling.sam2_utils`: samara's own."""

from samara.networks.layers import MLP, LayerNorm2d

__all__ = ["MLP", "LayerNorm2d"]
