"""Answers as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from samara.annotation.editing.editor import EditedImage
from samara.annotation.editing.listing import ListedImage
from samara.annotation.editing.objects import EditedObject
from samara.masks.drawing.colours import colour
from samara.masks.mask_set import MaskSet
from samara.masks.rle import Rle
from samara.serving.networks import Answer, ServedNetwork
from samara.serving.refusals import sendable

Json = dict[str, Any]  # Any: JSON values


def answers_shape(answer: Answer) -> list[Json]:
    """Return the answers to a prompt, the best first."""
    masks = masks_shape(answer.masks)
    return [{"key": key, **mask} for key, mask in zip(answer.keys, masks, strict=True)]


def masks_shape(masks: MaskSet) -> list[Json]:
    """Return the masks of a set, in order."""
    stability = [None] * len(masks) if masks.stability_score is None else masks.stability_score.tolist()
    return [
        {"predicted_iou": iou, "stability": stable, "class": masks.class_name(index), **_mask(rle)}
        for index, (rle, iou, stable) in enumerate(
            zip(masks.rles, masks.predicted_iou.tolist(), stability, strict=True)
        )
    ]


def object_shape(one: EditedObject) -> Json:
    """Return an object of an image."""
    return {
        "id": one.name,
        "class": one.category,
        "predicted_iou": one.predicted_iou,
        "stability": one.stability,
        "checkpoint": one.checkpoint,
        "points": [list(point) for point in one.asked.points],
        "labels": list(one.asked.labels),
        "box_prompt": None if one.asked.box is None else list(one.asked.box),
        "made_by": one.made_by,
        **_mask(one.rle),
    }


def objects_shape(image: EditedImage, entry: ListedImage) -> Json:
    """Return all objects of an image."""
    return {
        "revision": image.revision,
        "state": entry.state,
        "objects": [object_shape(one) for one in image.objects],
    }


def image_shape(entry: ListedImage) -> Json:
    """Return an image of the list."""
    height, width = entry.size_hw or (None, None)
    return {
        "id": entry.image_id,
        "name": sendable(entry.name),
        "width": width,
        "height": height,
        "state": entry.state,
        "objects": entry.objects,
        "doubt": entry.doubt,
        "reason": None if entry.reason is None else sendable(entry.reason),
    }


def network_shape(network: ServedNetwork, *, is_default: bool) -> Json:
    """Return a checkpoint of the server: what it can do, and its own thresholds."""
    loaded = network.loaded
    able = loaded.variant.capabilities
    prompts = {
        "points": able.points,
        "background_points": able.negative_points,
        "box": able.boxes,
        "mask_input": able.mask_input,
    }
    return {
        "name": loaded.name,
        "title": loaded.variant.title,
        "default": is_default,
        "prompts": [name for name, is_able in prompts.items() if is_able],
        "everything": able.everything,
        "input_size": loaded.input_size,
        "device": loaded.device,
        "engine": loaded.engine,
        "precision": loaded.precision,
        "licence": loaded.provenance.licence,
        "thresholds": {"predicted_iou": loaded.pred_iou_thresh, "stability": loaded.stability_score_thresh},
    }


def classes_shape(names: Sequence[str]) -> list[Json]:
    """Return classes with their colours."""
    return [{"name": name, "colour": "#{:02x}{:02x}{:02x}".format(*colour(index))} for index, name in enumerate(names)]


def _mask(rle: Rle) -> Json:
    return {"area": rle.area, "box": list(rle.box_xyxy), "mask": dict(rle.to_coco())}
