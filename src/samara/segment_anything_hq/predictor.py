"""The predictor, which takes HQ-SAM as it takes SAM."""

from samara.segment_anything.predictor import ResizeLongestSide, Sam, SamPredictor

__all__ = ["ResizeLongestSide", "Sam", "SamPredictor"]
