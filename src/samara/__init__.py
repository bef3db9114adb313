"""Samara: every Segment Anything checkpoint behind one interface.

Public names are imported on first use, so `import samara` is cheap and does not import torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from samara._version import __version__ as __version__

_HOME_OF = {
    "AnnotatedImage": "samara.datasets.annotated",
    "AnnotationSettings": "samara.annotation.run.settings",
    "AutomaticMaskGenerator": "samara.segmentation.automatic.generator",
    "AutomaticSettings": "samara.segmentation.automatic.settings",
    "BenchmarkSettings": "samara.measurement.benchmarking.settings",
    "CategoryChoice": "samara.datasets.writing.category_choice",
    "Client": "samara.serving.client",
    "Cleaning": "samara.annotation.run.settings",
    "EmbeddingStore": "samara.segmentation.embedding_store",
    "EvaluationSettings": "samara.measurement.evaluation.settings",
    "FineTuneSettings": "samara.finetuning.settings",
    "GroundTruth": "samara.measurement.evaluation.ground_truth",
    "ImageEmbedding": "samara.segmentation.embeddings",
    "ImageReading": "samara.images.settings",
    "InstanceSegmenter": "samara.segmentation.instances.segmenter",
    "InstanceSettings": "samara.segmentation.instances.settings",
    "Loaded": "samara.engines.loaded",
    "LossWeights": "samara.finetuning.settings",
    "MaskSet": "samara.masks.mask_set",
    "OverlayStyle": "samara.masks.drawing.style",
    "Predictor": "samara.segmentation.predictor",
    "Prompt": "samara.segmentation.prompts",
    "PromptSimulation": "samara.finetuning.settings",
    "ReadingRules": "samara.datasets.reading.findings",
    "Record": "samara.measurement.records.records",
    "ReviewSettings": "samara.annotation.review.settings",
    "Rle": "samara.masks.rle",
    "SamaraError": "samara.errors",
    "ServeSettings": "samara.serving.settings",
    "Split": "samara.datasets.split",
    "StoredPredictor": "samara.segmentation.stored_predictor",
    "WriterOptions": "samara.datasets.writing.options",
    "annotate": "samara.annotation.annotate",
    "compare": "samara.measurement.comparison.compare",
    "doctor": "samara.measurement.diagnosis.doctor",
    "draw_masks": "samara.segmentation.drawing.overlay",
    "encode_mask": "samara.masks.rle",
    "evaluate": "samara.measurement.evaluation.evaluate",
    "export": "samara.checkpoints.export",
    "export_annotations": "samara.annotation.exporting",
    "finetune": "samara.finetuning.finetune",
    "generate_training_masks": "samara.annotation.training_masks",
    "identify": "samara.checkpoints.identification.identify",
    "load": "samara.checkpoints.load",
    "measure": "samara.measurement.benchmarking.measure",
    "open_segmenter": "samara.segmentation.open",
    "open_store": "samara.annotation.store.store",
    "plan_annotation": "samara.annotation.annotate",
    "read_image": "samara.images.read",
    "read_records": "samara.measurement.records.record_file",
    "recommend": "samara.recommendation.recommend",
    "review": "samara.annotation.review.review",
    "segment": "samara.segmentation.segment",
    "serve": "samara.serving.serve",
    "select_sam_checkpoint": "samara.recommendation.guide",
    "write_annotations": "samara.datasets.formats",
}

__all__ = [
    "AnnotatedImage",
    "AnnotationSettings",
    "AutomaticMaskGenerator",
    "AutomaticSettings",
    "BenchmarkSettings",
    "CategoryChoice",
    "Cleaning",
    "Client",
    "EmbeddingStore",
    "EvaluationSettings",
    "FineTuneSettings",
    "GroundTruth",
    "ImageEmbedding",
    "ImageReading",
    "InstanceSegmenter",
    "InstanceSettings",
    "Loaded",
    "LossWeights",
    "MaskSet",
    "OverlayStyle",
    "Predictor",
    "Prompt",
    "PromptSimulation",
    "ReadingRules",
    "Record",
    "ReviewSettings",
    "Rle",
    "SamaraError",
    "ServeSettings",
    "Split",
    "StoredPredictor",
    "WriterOptions",
    "annotate",
    "compare",
    "doctor",
    "draw_masks",
    "encode_mask",
    "evaluate",
    "export",
    "export_annotations",
    "finetune",
    "generate_training_masks",
    "identify",
    "load",
    "measure",
    "open_segmenter",
    "open_store",
    "plan_annotation",
    "read_image",
    "read_records",
    "recommend",
    "review",
    "segment",
    "select_sam_checkpoint",
    "serve",
    "write_annotations",
]

if TYPE_CHECKING:
    from samara.annotation.annotate import annotate, plan_annotation
    from samara.annotation.exporting import export_annotations
    from samara.annotation.review.review import review
    from samara.annotation.review.settings import ReviewSettings
    from samara.annotation.run.settings import AnnotationSettings, Cleaning
    from samara.annotation.store.store import open_store
    from samara.annotation.training_masks import generate_training_masks
    from samara.checkpoints.export import export
    from samara.checkpoints.identification.identify import identify
    from samara.checkpoints.load import load
    from samara.datasets.annotated import AnnotatedImage
    from samara.datasets.formats import write_annotations
    from samara.datasets.reading.findings import ReadingRules
    from samara.datasets.split import Split
    from samara.datasets.writing.category_choice import CategoryChoice
    from samara.datasets.writing.options import WriterOptions
    from samara.engines.loaded import Loaded
    from samara.errors import SamaraError
    from samara.finetuning.finetune import finetune
    from samara.finetuning.settings import FineTuneSettings, LossWeights, PromptSimulation
    from samara.images.read import read_image
    from samara.images.settings import ImageReading
    from samara.masks.drawing.style import OverlayStyle
    from samara.masks.mask_set import MaskSet
    from samara.masks.rle import Rle, encode_mask
    from samara.measurement.benchmarking.measure import measure
    from samara.measurement.benchmarking.settings import BenchmarkSettings
    from samara.measurement.comparison.compare import compare
    from samara.measurement.diagnosis.doctor import doctor
    from samara.measurement.evaluation.evaluate import evaluate
    from samara.measurement.evaluation.ground_truth import GroundTruth
    from samara.measurement.evaluation.settings import EvaluationSettings
    from samara.measurement.records.record_file import read_records
    from samara.measurement.records.records import Record
    from samara.recommendation.guide import select_sam_checkpoint
    from samara.recommendation.recommend import recommend
    from samara.segmentation.automatic.generator import AutomaticMaskGenerator
    from samara.segmentation.automatic.settings import AutomaticSettings
    from samara.segmentation.drawing.overlay import draw_masks
    from samara.segmentation.embedding_store import EmbeddingStore
    from samara.segmentation.embeddings import ImageEmbedding
    from samara.segmentation.instances.segmenter import InstanceSegmenter
    from samara.segmentation.instances.settings import InstanceSettings
    from samara.segmentation.open import open_segmenter
    from samara.segmentation.predictor import Predictor
    from samara.segmentation.prompts import Prompt
    from samara.segmentation.segment import segment
    from samara.segmentation.stored_predictor import StoredPredictor
    from samara.serving.client import Client
    from samara.serving.serve import serve
    from samara.serving.settings import ServeSettings


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'samara' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
