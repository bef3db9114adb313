"""The predictor, which supports SAM and HQ-SAM."""

from samara.segment_anything.predictor import ResizeLongestSide, Sam, SamPredictor

__all__ = ["ResizeLongestSide", "Sam", "SamPredictor"]
