"""HQ-SAM's TinyViT."""

from samara.segment_anything.modeling.hq import TinyViT

__all__ = ["TinyViT"]
