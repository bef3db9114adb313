"""The official `modeling.common`: samara's own layers."""

from samara.networks.layers import LayerNorm2d, MLPBlock

__all__ = ["LayerNorm2d", "MLPBlock"]
