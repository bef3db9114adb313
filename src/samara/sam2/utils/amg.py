"""The official `utils.amg`, which SAM 2 took over from SAM."""

from samara.segment_anything.utils.amg import *  # noqa: F403 - all that is there
