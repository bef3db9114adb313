"""Samara: every Segment Anything checkpoint behind one interface.

The public names are loaded when they are first used, so that `import samara` costs nothing and needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from samara._version import __version__ as __version__

_HOME_OF = {
    "AutomaticMaskGenerator": "samara.segmentation.automatic.generator",
    "AutomaticSettings": "samara.segmentation.automatic.settings",
    "EvaluationSettings": "samara.measurement.evaluation.settings",
    "ImageEmbedding": "samara.segmentation.embeddings",
    "InstanceSegmenter": "samara.segmentation.instances.segmenter",
    "InstanceSettings": "samara.segmentation.instances.settings",
    "Loaded": "samara.engines.loaded",
    "MaskSet": "samara.masks.mask_set",
    "Predictor": "samara.segmentation.predictor",
    "Prompt": "samara.segmentation.prompts",
    "SamaraError": "samara.errors",
    "draw_masks": "samara.segmentation.drawing.overlay",
    "evaluate": "samara.measurement.evaluation.evaluate",
    "generate_training_masks": "samara.annotation.training_masks",
    "identify": "samara.checkpoints.identification.identify",
    "load": "samara.checkpoints.load",
    "open_segmenter": "samara.segmentation.open",
    "read_image": "samara.images.read",
    "recommend": "samara.recommendation.recommend",
    "select_sam_checkpoint": "samara.recommendation.guide",
}

__all__ = [
    "AutomaticMaskGenerator",
    "AutomaticSettings",
    "EvaluationSettings",
    "ImageEmbedding",
    "InstanceSegmenter",
    "InstanceSettings",
    "Loaded",
    "MaskSet",
    "Predictor",
    "Prompt",
    "SamaraError",
    "draw_masks",
    "evaluate",
    "generate_training_masks",
    "identify",
    "load",
    "open_segmenter",
    "read_image",
    "recommend",
    "select_sam_checkpoint",
]

if TYPE_CHECKING:
    from samara.annotation.training_masks import generate_training_masks
    from samara.checkpoints.identification.identify import identify
    from samara.checkpoints.load import load
    from samara.engines.loaded import Loaded
    from samara.errors import SamaraError
    from samara.images.read import read_image
    from samara.masks.mask_set import MaskSet
    from samara.measurement.evaluation.evaluate import evaluate
    from samara.measurement.evaluation.settings import EvaluationSettings
    from samara.recommendation.guide import select_sam_checkpoint
    from samara.recommendation.recommend import recommend
    from samara.segmentation.automatic.generator import AutomaticMaskGenerator
    from samara.segmentation.automatic.settings import AutomaticSettings
    from samara.segmentation.drawing.overlay import draw_masks
    from samara.segmentation.embeddings import ImageEmbedding
    from samara.segmentation.instances.segmenter import InstanceSegmenter
    from samara.segmentation.instances.settings import InstanceSettings
    from samara.segmentation.open import open_segmenter
    from samara.segmentation.predictor import Predictor
    from samara.segmentation.prompts import Prompt


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'samara' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
