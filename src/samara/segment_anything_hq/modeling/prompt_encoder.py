"""The same as SAM's."""

from samara.segment_anything.modeling.prompt_encoder import LayerNorm2d, PositionEmbeddingRandom, PromptEncoder

__all__ = ["LayerNorm2d", "PositionEmbeddingRandom", "PromptEncoder"]
