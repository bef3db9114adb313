"""The automatic mask generator, which takes HQ-SAM as it takes SAM."""

from samara.segment_anything.automatic_mask_generator import *  # noqa: F403 - all that is there
