"""The automatic mask generator, which takes HQ-SAM as it takes SAM."""

from samara.segment_anything.automatic_mask_generator import SamAutomaticMaskGenerator

__all__ = ["SamAutomaticMaskGenerator"]
