"""The same as SAM's."""

from samara.segment_anything.utils.amg import *  # noqa: F403 - all public names
