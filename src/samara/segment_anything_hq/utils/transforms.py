"""The same as SAM's."""

from samara.segment_anything.utils.transforms import ResizeLongestSide

__all__ = ["ResizeLongestSide"]
