"""Samara: every Segment Anything checkpoint behind one interface.

The public names are loaded when they are first used, so that `import samara` costs nothing and needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from samara._version import __version__ as __version__

_HOME_OF = {
    "AutomaticMaskGenerator": "samara.automatic.generator",
    "AutomaticSettings": "samara.automatic.settings",
    "EvaluationSettings": "samara.evaluation.settings",
    "ImageEmbedding": "samara.embeddings",
    "InstanceSegmenter": "samara.instances.segmenter",
    "InstanceSettings": "samara.instances.settings",
    "Loaded": "samara.loaded",
    "MaskSet": "samara.results",
    "Predictor": "samara.predictor",
    "Prompt": "samara.prompts",
    "SamaraError": "samara.errors",
    "draw_masks": "samara.reports.overlay",
    "evaluate": "samara.quality",
    "generate_training_masks": "samara.training_masks",
    "identify": "samara.checkpoints.identify",
    "load": "samara.checkpoints.load",
    "open_segmenter": "samara.segmenter",
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
    from samara.automatic.generator import AutomaticMaskGenerator
    from samara.automatic.settings import AutomaticSettings
    from samara.checkpoints.identify import identify
    from samara.checkpoints.load import load
    from samara.embeddings import ImageEmbedding
    from samara.errors import SamaraError
    from samara.evaluation.settings import EvaluationSettings
    from samara.images.read import read_image
    from samara.instances.segmenter import InstanceSegmenter
    from samara.instances.settings import InstanceSettings
    from samara.loaded import Loaded
    from samara.predictor import Predictor
    from samara.prompts import Prompt
    from samara.quality import evaluate
    from samara.recommendation.guide import select_sam_checkpoint
    from samara.recommendation.recommend import recommend
    from samara.reports.overlay import draw_masks
    from samara.results import MaskSet
    from samara.segmenter import open_segmenter
    from samara.training_masks import generate_training_masks


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'samara' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
