"""The automatic mask generator, which supports SAM and HQ-SAM."""

from samara.segment_anything.automatic_mask_generator import *  # noqa: F403 - all public names
