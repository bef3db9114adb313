"""The network, which takes HQ-SAM's parts as it takes SAM's."""

from samara.segment_anything.modeling.sam import Sam

__all__ = ["Sam"]
