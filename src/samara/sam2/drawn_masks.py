"""Masks of points on the image that a predictor has set, judged and as run lengths; see the module of SAM's face.

There are two ways: samara's engine, which judges masks before it draws them, for networks of samara's; and the
predictor itself, for one that predicts in a way of its own or whose network has other parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from samara.engines.engine import DecodedMasks, InputPrompts
from samara.engines.torch_engine import PreparedByTorch, TorchEngine
from samara.images.preprocessing import Frame
from samara.networks.finer_maps import pack
from samara.networks.sam import Sam
from samara.networks.sam2_mask_decoder import Sam2MaskDecoder
from samara.networks.sam2_prompt_encoder import Sam2PromptEncoder
from samara.sam2.modeling.twins import samaras_mask_decoder, samaras_prompt_encoder
from samara.sam2.sam2_image_predictor import SAM2ImagePredictor
from samara.sam2.utils.transforms import SAM2Transforms
from samara.segment_anything.drawn_masks import (
    DrawnMasks,
    Filters,
    ReadyImage,
    at_full_size,
    is_exactly,
    judged,
    keeps,
    precision_of_autocast,
)


@dataclass(frozen=True)
class Wanted(Filters):
    """Which masks are wanted, and how they come about.

    Attributes:
        threshold: logits above it belong to a mask.
        refined: whether each mask is given to the network again, with its point, for a single better one.
        at_a_time: masks that are refined together.
    """

    threshold: float
    refined: bool
    at_a_time: int


def ready(predictor: Any) -> ReadyImage:  # Any: anybody's
    """Make the image that a predictor has set ready; for the engine, where that gives what the predictor would."""
    features = getattr(predictor, "_features", None)
    if not features or not _predicts_as_usual(predictor):
        return ReadyImage(None, None)
    model, embedding = predictor.model, features["image_embed"]
    prompt_encoder = samaras_prompt_encoder(model.sam_prompt_encoder)
    mask_decoder = samaras_mask_decoder(model.sam_mask_decoder)
    if not (is_exactly(prompt_encoder, Sam2PromptEncoder) and is_exactly(mask_decoder, Sam2MaskDecoder)):
        return ReadyImage(embedding, None)
    network = Sam(image_encoder=nn.Identity(), prompt_encoder=prompt_encoder, mask_decoder=mask_decoder)  # type: ignore[arg-type]
    engine = TorchEngine(network.train(model.training), str(predictor.device), precision_of_autocast(predictor.device))
    last = slice(-1, None)  # as the predictor, which takes the last of a batch
    return ReadyImage(
        embedding, engine.prepare(pack(embedding[last], [one[last] for one in features["high_res_feats"]]))
    )


def masks_of_points(
    predictor: Any,  # Any: anybody's
    points: Tensor,
    size_hw: tuple[int, int],
    wanted: Wanted,
    image: ReadyImage | None = None,
) -> DrawnMasks:
    """Predict the masks of points, each a prompt of its own.

    Args:
        predictor: with an image set.
        points: (K, 2) in the frame of the network, K at least 1.
        size_hw: (H, W) of the image.
        wanted: which masks, and how.
        image: from `ready`, if there is one.
    """
    embedding = (getattr(predictor, "_features", None) or {}).get("image_embed")
    if image is None or image.features is not embedding:
        image = ready(predictor)
    if image.images is None:
        return _by_predictor(predictor, points, wanted)
    decoded = _by_engine(image.images, points, predictor.model.image_size, wanted)
    logits = cast(SAM2Transforms, predictor._transforms).without_small_regions(decoded.low_res_logits)
    return at_full_size(
        DecodedMasks(decoded.prompt, logits, decoded.predicted_iou),
        Frame(size_hw, predictor.model.image_size, "squash"),
        wanted.threshold,
        wanted,
    )


def _by_engine(images: PreparedByTorch, points: Tensor, frame_size: int, wanted: Wanted) -> DecodedMasks:
    def decode(of: Tensor, masks: Tensor | None, multimask: bool, judging: bool) -> DecodedMasks:
        labels = torch.ones(len(of), 1, dtype=torch.int64, device=of.device)
        first = torch.zeros(len(of), dtype=torch.int64, device=of.device)
        return images.engine.decode(
            images,
            InputPrompts((of[:, None], labels), boxes=None, masks=masks, image_of_prompt=first),
            frame_size=frame_size,
            multimask=multimask,
            min_predicted_iou=wanted.predicted_iou if judging and wanted.predicted_iou > 0 else None,
        )

    found = decode(points, None, wanted.multimask, judging=not wanted.refined)
    if not wanted.refined:
        return found
    again = found.low_res_logits[:, None].clamp(-Sam2MaskDecoder.logit_limit, Sam2MaskDecoder.logit_limit)
    refined = decode(points[found.prompt], again, multimask=False, judging=True)
    return DecodedMasks(found.prompt[refined.prompt], refined.low_res_logits, refined.predicted_iou)


def _by_predictor(predictor: Any, points: Tensor, wanted: Wanted) -> DrawnMasks:  # Any: anybody's
    labels = torch.ones(len(points), 1, dtype=torch.int32, device=points.device)
    masks, iou, low_res = predictor._predict(
        points[:, None], labels, multimask_output=wanted.multimask, return_logits=True
    )
    if wanted.refined:
        count, (H, W) = masks.shape[1], masks.shape[-2:]  # noqa: N806
        of_masks = points.repeat_interleave(count, dim=0)
        masks, iou = refined(
            predictor, of_masks, labels.repeat(count, 1)[:, 0], low_res.flatten(0, 1), wanted.at_a_time
        )
        masks, iou = masks.view(-1, count, H, W), iou.view(-1, count)
    return judged(masks, iou, wanted.threshold, wanted)


def refined(
    predictor: Any,  # Any: anybody's
    points: Tensor,
    labels: Tensor,
    low_res: Tensor,
    at_a_time: int,
) -> tuple[Tensor, Tensor]:
    """Give masks to the network again, each with its point, for a single better one.

    Args:
        predictor: with an image set.
        points: (K, 2) in the frame of the network.
        labels: (K,).
        low_res: (K, 4h, 4w) logits.
        at_a_time: masks that go through together.

    Returns:
        Logits (K, 1, H, W) at the size of the image and predicted IoU (K, 1).
    """
    parts = [
        predictor._predict(
            points[chunk, None],
            labels[chunk, None],
            mask_input=low_res[chunk, None],
            multimask_output=False,
            return_logits=True,
        )
        for chunk in (slice(start, start + at_a_time) for start in range(0, len(points), at_a_time))
    ]
    return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])


def _predicts_as_usual(predictor: Any) -> bool:  # Any: anybody's
    """Whether masks of points are those of `SAM2ImagePredictor` and `SAM2Transforms`."""
    return (
        keeps(predictor, SAM2ImagePredictor, "_predict")
        and keeps(predictor, SAM2ImagePredictor, "_predict_low_res")
        and keeps(predictor._transforms, SAM2Transforms, "postprocess_masks")
        and keeps(predictor._transforms, SAM2Transforms, "without_small_regions")
    )
