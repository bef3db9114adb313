"""Masks of points on a predictor's image, filtered and encoded as run lengths.

There are three paths, each taken only if its result equals that of the predictor:

    engine      samara's engine filters masks by predicted IoU before computing them; for samara's own networks
    parts       prompt encoder and mask decoder, of any class, are called as in the official code
    predictor   a customised predictor computes everything

In the first two, only masks that pass the filters are upsampled to the image, a few at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from samara.engines.engine import DecodedMasks, InputPrompts
from samara.engines.torch_engine import PreparedByTorch, TorchEngine
from samara.images.preprocessing import Frame
from samara.masks.rle import Rle, encode_masks
from samara.networks.early_features import join_early
from samara.networks.hq_mask_decoder import HqMaskDecoder
from samara.networks.mask_decoder import MaskDecoder
from samara.networks.plain import own_adaptations
from samara.networks.prompt_encoder import PromptEncoder
from samara.networks.sam import Sam as Network
from samara.segment_anything.modeling.sam import Sam, input_size_of
from samara.segment_anything.modeling.twins import samaras_twin
from samara.segment_anything.predictor import SamPredictor
from samara.segment_anything.utils.amg import calculate_stability_score
from samara.segmentation.automatic.stable_masks import stable_masks
from samara.system.devices import Precision, computing
from samara.system.float32_products import tf32_allowed


@dataclass(frozen=True)
class DrawnMasks:
    """M masks, none empty.

    Attributes:
        rles: masks in the frame of the current image.
        point: (M,) int64, index of each mask's point.
        predicted_iou: (M,) float32, predicted IoU.
        stability: (M,) float32, stability scores.
    """

    rles: tuple[Rle, ...]
    point: npt.NDArray[np.int64]
    predicted_iou: npt.NDArray[np.float32]
    stability: npt.NDArray[np.float32]

    @classmethod
    def none(cls) -> DrawnMasks:
        """Return an empty set."""
        return cls((), np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True)
class Filters:
    """Filters of masks; a threshold of at most 0 keeps all.

    Attributes:
        multimask: whether to predict three masks per point instead of one.
        predicted_iou: minimum predicted IoU, exclusive.
        stability: minimum stability score.
        stability_offset: threshold shift of the stability score, in logits.
    """

    multimask: bool
    predicted_iou: float
    stability: float
    stability_offset: float


@dataclass(frozen=True)
class ReadyImage:
    """Image of a predictor, prepared for the engine once for many points.

    Attributes:
        features: the predictor's features, to recognise the image.
        images: the engine's prepared image; None if the parts are called directly.
    """

    features: Tensor | None
    images: PreparedByTorch | None


def ready(predictor: SamPredictor) -> ReadyImage:
    """Prepare the current image of a predictor."""
    sam, features = predictor.model, predictor.features
    prompt_encoder, mask_decoder = samaras_twin(sam.prompt_encoder), samaras_twin(sam.mask_decoder)
    known = is_exactly(prompt_encoder, PromptEncoder) and is_exactly(mask_decoder, MaskDecoder, HqMaskDecoder)
    if features is None or len(features) != 1 or not known:
        return ReadyImage(features, None)
    network = Network(image_encoder=nn.Identity(), prompt_encoder=prompt_encoder, mask_decoder=mask_decoder)  # type: ignore[arg-type]
    device = predictor.device
    only = bool(getattr(sam, "hq_token_only", False))
    engine = TorchEngine(network, str(device), precision_of_autocast(device), hq_token_only=only)
    early = predictor.interm_features
    joined = features if early is None else join_early(features, early[0].permute(0, 3, 1, 2))
    return ReadyImage(features, engine.prepare(joined))


def masks_of_points(
    predictor: SamPredictor,
    points_xy: npt.NDArray[np.float64],
    size_hw: tuple[int, int],
    filters: Filters,
    image: ReadyImage | None = None,
) -> DrawnMasks:
    """Predict masks of points, each a separate prompt.

    Args:
        predictor: predictor with an image set.
        points_xy: (K, 2) points in pixels of that image, K at least 1.
        size_hw: (H, W) of that image.
        filters: filters of the masks.
        image: result of `ready`, if available.
    """
    coordinates = torch.as_tensor(
        predictor.transform.apply_coords(points_xy, size_hw), dtype=torch.float32, device=predictor.device
    )[:, None]
    labels = torch.ones(len(points_xy), 1, dtype=torch.int, device=predictor.device)
    if not _predicts_as_usual(predictor):
        return _by_predictor(predictor, coordinates, labels, filters)
    if image is None or image.features is not predictor.features:
        image = ready(predictor)
    if image.images is None:
        decoded = _by_parts(predictor, coordinates, labels, filters)
    else:
        decoded = _by_engine(image.images, coordinates, labels, input_size_of(predictor.model), filters)
    frame = Frame(size_hw, input_size_of(predictor.model))
    return at_full_size(decoded, frame, predictor.model.mask_threshold, filters)


def _by_engine(
    images: PreparedByTorch, coordinates: Tensor, labels: Tensor, frame_size: int, filters: Filters
) -> DecodedMasks:
    image_of_prompt = torch.zeros(len(coordinates), dtype=torch.int64, device=coordinates.device)
    return images.engine.decode(
        images,
        InputPrompts((coordinates, labels.long()), boxes=None, masks=None, image_of_prompt=image_of_prompt),
        frame_size=frame_size,
        multimask=filters.multimask,
        min_predicted_iou=filters.predicted_iou if filters.predicted_iou > 0 else None,
    )


def _by_parts(predictor: SamPredictor, coordinates: Tensor, labels: Tensor, filters: Filters) -> DecodedMasks:
    logits, iou = predictor.predict_low_res(coordinates, labels, multimask_output=filters.multimask)
    good = confident(iou, filters)
    return DecodedMasks(good.nonzero()[:, 0], logits[good].float(), iou[good].float())


def at_full_size(decoded: DecodedMasks, frame: Frame, threshold: float, filters: Filters) -> DrawnMasks:
    """Resize masks and keep those that are stable and not empty.

    Args:
        decoded: what an engine, or the parts, gave for the points.
        frame: how the image lies in the input square.
        threshold: logits above it belong to a mask.
        filters: for the stability.
    """
    with computing(decoded.low_res_logits.device, "float32"):
        stable = stable_masks(
            decoded.low_res_logits,
            frame,
            threshold=threshold,
            offset=filters.stability_offset,
            min_stability=max(filters.stability, 0.0),
        )
    return DrawnMasks(
        rles=stable.rles,
        point=decoded.prompt.cpu().numpy()[stable.index],
        predicted_iou=decoded.predicted_iou.cpu().numpy()[stable.index],
        stability=stable.stability.astype(np.float32),
    )


def _by_predictor(
    predictor: Any, coordinates: Tensor, labels: Tensor, filters: Filters
) -> DrawnMasks:  # Any: any class
    logits, iou, _ = predictor.predict_torch(
        coordinates, labels, multimask_output=filters.multimask, return_logits=True
    )
    return judged(logits, iou, predictor.model.mask_threshold, filters)


def judged(logits: Tensor, iou: Tensor, threshold: float, filters: Filters) -> DrawnMasks:
    """Keep the masks that pass every filter.

    Args:
        logits: (N, M, H, W), of N points at the size of the image.
        iou: (N, M), predicted.
        threshold: logits above it belong to a mask.
        filters: which masks are wanted.
    """
    good = confident(iou, filters)
    point, logits, iou = good.nonzero()[:, 0], logits[good], iou[good]
    stability = calculate_stability_score(logits, threshold, filters.stability_offset)
    masks = logits > threshold
    kept = masks.any(-1).any(-1)
    if filters.stability > 0:
        kept &= stability >= filters.stability
    return DrawnMasks(
        rles=tuple(encode_masks(masks[kept])),
        point=point[kept].cpu().numpy(),
        predicted_iou=iou[kept].float().cpu().numpy(),
        stability=stability[kept].float().cpu().numpy(),
    )


def confident(iou: Tensor, filters: Filters) -> Tensor:
    """Return (N, M) whether each mask passes the filter of predicted IoU."""
    return iou > filters.predicted_iou if filters.predicted_iou > 0 else torch.ones_like(iou, dtype=torch.bool)


def _predicts_as_usual(predictor: Any) -> bool:  # Any: any class
    """Return whether a predictor uses `SamPredictor.predict_torch` and `Sam.postprocess_masks` unchanged."""
    return (
        keeps(predictor, SamPredictor, "predict_torch")
        and keeps(predictor, SamPredictor, "predict_low_res")
        and keeps(predictor.model, Sam, "postprocess_masks")
    )


def keeps(owner: Any, kind: type, method: str) -> bool:  # Any: anybody's
    """Whether a method of an object is that of a class, and nobody put another in its place."""
    return getattr(getattr(owner, method, None), "__func__", None) is getattr(kind, method)


def is_exactly(module: nn.Module, *kinds: type[nn.Module]) -> bool:
    """Return whether calling a module runs only its class's code; the engine handles adapted layers."""
    return type(module) in kinds and next(own_adaptations(module), None) is None


def precision_of_autocast(device: torch.device) -> Precision:
    """Return the precision of an autocast around the caller, or of float32 products as PyTorch is set."""
    if not torch.is_autocast_enabled(device.type):
        return "tf32" if device.type == "cuda" and tf32_allowed()[0] else "float32"
    return "float16" if torch.get_autocast_dtype(device.type) == torch.float16 else "bfloat16"
