"""The official `modeling.sam.prompt_encoder`, on samara's.

Called with `boxes` it does what SAM's does. The official predictor does not call it so: it gives a box as two points,
labels 2 and 3, before the clicks.
"""

from __future__ import annotations

from samara.networks.layers import LayerNorm2d
from samara.networks.prompt_encoder import BACKGROUND, BOTTOM_RIGHT, FOREGROUND, TOP_LEFT
from samara.sam2.modeling.position_encoding import PositionEmbeddingRandom
from samara.segment_anything.modeling import prompt_encoder

__all__ = ["LayerNorm2d", "PositionEmbeddingRandom", "PromptEncoder"]


class PromptEncoder(prompt_encoder.PromptEncoder):
    """Encode prompts; points may also be the corners of a box."""

    known_labels = (BACKGROUND, FOREGROUND, TOP_LEFT, BOTTOM_RIGHT)
