"""Agreement of an engine with PyTorch in float32 on embeddings and masks of photos, and its speed.

Masks are compared on both decoder paths: single prompts, and many on one image. Images and prompts are fixed, so runs
and machines are comparable.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch

from samara.engines.engine import InputPrompts
from samara.engines.limits import LIMITS, ROUNDING, Limits
from samara.engines.loaded import Loaded
from samara.images.bundled import BUNDLED_IMAGES
from samara.images.read import read_image
from samara.masks.overlap import mask_iou
from samara.masks.rle import Rle
from samara.measurement.benchmarking.timing import synchronise
from samara.segmentation.embeddings import ImageEmbedding
from samara.segmentation.predictor import Predictor
from samara.segmentation.prompts import Prompt
from samara.system.devices import Precision

POINTS = tuple((x / 6, y / 6) for y in (1, 3, 5) for x in (1, 3, 5))
"""Clicks, as fractions of width and height."""

BOXES = ((0.1, 0.1, 0.6, 0.7), (0.4, 0.3, 0.95, 0.9))
"""Boxes xyxy, as fractions of width and height."""

MANY = 64
"""Number of prompts on one image that automatic mask generation decodes together."""

DECODER_REPEATS = 4
"""Number of timed calls; the first is a warm-up."""

STEPS = 1 + 2 * len(BUNDLED_IMAGES)
"""Number of times `ask` calls `step` for the bundled photos."""

Step = Callable[[], None]
"""Called after each step of the work."""


@dataclass(frozen=True)
class EngineAnswers:
    """Results of one engine.

    Attributes:
        embeddings: embeddings of the photos.
        masks: masks of all prompts of all photos, one by one and then together.
        encoder_s: median time of one image through the encoder, in seconds.
        decoder_s: median time of a single prompt through the decoder.
        decoder_many_s: median time per prompt among many on one image.
    """

    embeddings: tuple[ImageEmbedding, ...]
    masks: tuple[Rle, ...]
    encoder_s: float
    decoder_s: float
    decoder_many_s: float


@dataclass(frozen=True)
class Agreement:
    """Difference between two engines.

    Attributes:
        relative_error: relative error of the embeddings, the worst of all photos.
        mean_iou: mean IoU of the masks.
        worst_iou: lowest IoU of the masks.
    """

    relative_error: float
    mean_iou: float
    worst_iou: float

    def is_within(self, precision: Precision) -> bool:
        """Return whether the engine agrees, by `LIMITS`; NaN never does."""
        return self._is_inside(LIMITS[precision])

    def is_rounding(self, precision: Precision) -> bool:
        """Return whether rounding explains the difference, by `ROUNDING`; it never explains NaN."""
        return self._is_inside(ROUNDING[precision])

    def _is_inside(self, limits: Limits) -> bool:
        return (
            self.relative_error <= limits.relative_error
            and self.mean_iou >= limits.mean_iou
            and self.worst_iou >= limits.worst_iou
        )


def ask(loaded: Loaded, photos: Sequence[Path] = BUNDLED_IMAGES, *, step: Step = lambda: None) -> EngineAnswers:
    """Embed the photos, decode the prompts on them, and time both.

    Raises:
        MissingExtra, DeviceError, OutputError: The engine cannot be opened.
    """
    predictor = Predictor(loaded)
    predictor.embed(photos[0])  # compiles, allocates, fills caches
    step()
    embeddings, encoder_s = [], []
    for photo in photos:
        embedding, seconds = _embed(predictor, photo)
        embeddings.append(embedding)
        encoder_s.append(seconds)
        step()
    masks: list[Rle] = []
    alone_s, among_s = [], []
    for embedding in embeddings:
        prompts = prompts_on(embedding.original_size_hw, by_click=loaded.variant.capabilities.points)
        for prompt in prompts:
            masks += predictor.predict_prompts(embedding, [prompt], multimask=prompt.is_ambiguous).rles
        clicks = [prompt for prompt in prompts if prompt.is_ambiguous]
        masks += predictor.predict_prompts(embedding, clicks or prompts, multimask=bool(clicks)).rles
        alone_s.append(_decoder_time(predictor, embedding, 1))
        among_s.append(_decoder_time(predictor, embedding, MANY) / MANY)
        step()
    return EngineAnswers(tuple(embeddings), tuple(masks), median(encoder_s), median(alone_s), median(among_s))


def compare_answers(found: EngineAnswers, expected: EngineAnswers) -> Agreement:
    """Compare the results of two engines for the same photos and prompts."""
    errors = [
        float((ours.features.cpu() - theirs.features.cpu()).norm() / theirs.features.norm())
        for ours, theirs in zip(found.embeddings, expected.embeddings, strict=True)
    ]
    ious = [_iou(ours, theirs) for ours, theirs in zip(found.masks, expected.masks, strict=True)]
    return Agreement(max(errors), float(np.mean(ious)), min(ious))


def prompts_on(size_hw: tuple[int, int], *, by_click: bool = True) -> list[Prompt]:
    """Return the fixed prompts in pixels of an image, with clicks or as boxes alone."""
    H, W = size_hw  # noqa: N806
    clicks = [Prompt([[x * W, y * H]], [1]) for x, y in POINTS] if by_click else []
    return clicks + [Prompt(box=[x0 * W, y0 * H, x1 * W, y1 * H]) for x0, y0, x1, y1 in BOXES]


def _embed(predictor: Predictor, path: Path) -> tuple[ImageEmbedding, float]:
    """Return a photo's embedding, and the seconds spent in the image encoder alone."""
    loaded = predictor.loaded
    image = read_image(path)
    frame, inputs = loaded.frame_of((image.shape[0], image.shape[1])), loaded.network_input(image)
    start = time.perf_counter()
    features = predictor.engine.encode(inputs)
    synchronise(str(features.device))
    seconds = time.perf_counter() - start
    facts = (frame.original_size_hw, loaded.input_size, loaded.fingerprint, loaded.name, loaded.precision, frame.fit)
    cell = loaded.variant.frame_cell
    return ImageEmbedding(features[0].clone(), *facts, frame_cell=cell), seconds


def _decoder_time(predictor: Predictor, embedding: ImageEmbedding, count: int) -> float:
    """Return the median seconds for `count` clicks on one image together, from embedding to low-res logits."""
    side = embedding.frame.side
    points = torch.rand(count, 1, 2, generator=torch.Generator().manual_seed(0)) * side
    clicks = InputPrompts(
        points=(points.to(embedding.features.device), torch.ones(count, 1, device=embedding.features.device)),
        boxes=None,
        masks=None,
        image_of_prompt=torch.zeros(count, dtype=torch.int64, device=embedding.features.device),
    )
    times = []
    for _ in range(DECODER_REPEATS):
        start = time.perf_counter()
        images = predictor.engine.prepare(embedding.features[None])
        decoded = predictor.engine.decode(images, clicks, frame_size=side, multimask=True)
        synchronise(str(decoded.low_res_logits.device))
        times.append(time.perf_counter() - start)
    return median(times[1:])


def _iou(ours: Rle, theirs: Rle) -> float:
    """Return the IoU of two masks; 1 if both are empty."""
    iou = float(mask_iou([ours], [theirs])[0, 0])
    return 1.0 if ours == theirs else iou
