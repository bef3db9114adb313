"""HQ-SAM's ViT image encoder, and the parts it shares with SAM's."""

from samara.segment_anything.modeling import hq, image_encoder
from samara.segment_anything.modeling.image_encoder import *  # noqa: F403 - the same names

__all__ = image_encoder.__all__

ImageEncoderViT = hq.ImageEncoderViT  # type: ignore[misc]  # the only difference
