"""CVAT: functions for `cvat-cli`, which segment everything in the images of a task, or answer clicks and boxes.

    cvat-cli task auto-annotate 137 --function-module samara.integrations.cvat -p checkpoint=str:vit_b
    cvat-cli function create-native samara --function-module samara.integrations.cvat -p mode=str:interaction

The parameters are those of `create`. The first command works with every CVAT; agents, which the second needs, are a
part of CVAT Cloud and Enterprise.

Source: CVAT SDK, `cvat_sdk.auto_annotation` (interfaces).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from samara.checkpoints.load_chosen import loaded_from
from samara.engines.loaded import Loaded
from samara.errors import SettingsError
from samara.masks.bridges import one_polygon_of
from samara.masks.mask_set import MaskSet
from samara.masks.rle import Rle
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.segmentation.embeddings import ImageEmbedding
from samara.segmentation.open import open_segmenter
from samara.segmentation.predictor import Predictor
from samara.segmentation.prompts import Prompt
from samara.system.extras import require

Mode = Literal["detection", "interaction"]
Shape = Literal["mask", "polygon"]

OBJECT = "object"
"""Label of the masks of a checkpoint without classes."""


def create(
    mode: Mode = "detection",
    checkpoint: str | Loaded = "samara_mini",
    label: str = OBJECT,
    shape: Shape = "mask",
    **choice: Any,  # Any: values of the fields of Choice
) -> Detection | Interaction:
    """Create a function for CVAT.

    Args:
        mode: "detection" segments everything, "interaction" answers clicks and boxes.
        checkpoint: a catalogue name, a file, or a result of `samara.load`.
        label: name of the label of masks without a class; the task must have it.
        shape: "mask" or "polygon", for detections.
        choice: see `samara.load`: device, precision, engine, input_size, download, ...

    Raises:
        MissingExtra: the CVAT SDK is not installed.
        SettingsError: the mode or shape is unknown, or the checkpoint cannot do this.
        CheckpointError, DeviceError: see `samara.load`.
    """
    require("cvat_sdk.auto_annotation", "cvat", "a function for CVAT")
    for value, known in ((mode, ("detection", "interaction")), (shape, ("mask", "polygon"))):
        if value not in known:
            raise SettingsError(f"{value!r} is not accepted; use {' or '.join(known)}")
    loaded = loaded_from(checkpoint, **choice)
    return Interaction(loaded) if mode == "interaction" else Detection(loaded, label, shape)


class Detection:
    """A detection function of CVAT: everything in an image.

    Args:
        loaded: the checkpoint.
        label: name of the label of masks without a class.
        shape: "mask" or "polygon".
    """

    def __init__(self, loaded: Loaded, label: str = OBJECT, shape: Shape = "mask") -> None:
        self._loaded, self._shape = loaded, shape
        self._labels = loaded.variant.class_names or (label,)
        self._predictor = Predictor(loaded) if loaded.variant.embeds_images else None

    @property
    def spec(self) -> Any:  # Any: cvat_sdk is not always installed
        """The labels, by which CVAT matches the function with a task."""
        from cvat_sdk import auto_annotation as cvataa

        labels = [cvataa.label_spec(name, index, type="any") for index, name in enumerate(self._labels)]
        return cvataa.DetectionFunctionSpec(labels=labels)

    def detect(self, context: Any, image: Any) -> list[Any]:  # Any: cvat_sdk's types, and an image of PIL
        """Segment everything in an image.

        Args:
            context: its `conf_threshold` takes the place of the checkpoint's own threshold; `conv_mask_to_poly` asks
                for polygons.
            image: the image.
        """
        settings = AutomaticSettings(pred_iou_thresh=context.conf_threshold)
        masks = open_segmenter(self._loaded, settings, predictor=self._one_predictor).generate(image)
        as_polygons = self._shape == "polygon" or context.conv_mask_to_poly
        return [
            shape
            for index, rle in enumerate(masks.rles)
            if (shape := _shape_of(rle, _label_of(masks, index), as_polygon=as_polygons)) is not None
        ]

    def _one_predictor(self, loaded: Loaded) -> Predictor:
        return self._predictor or Predictor(loaded)


class Interaction:
    """An interaction function of CVAT: a mask for clicks and a box. The image is embedded once.

    Args:
        loaded: a promptable checkpoint.

    Raises:
        SettingsError: it takes no prompts.
    """

    def __init__(self, loaded: Loaded) -> None:
        if not loaded.variant.embeds_images:
            raise SettingsError(f"{loaded.name} embeds no images; use it with mode detection")
        self._able, self._predictor = loaded.variant.capabilities, Predictor(loaded)

    @property
    def spec(self) -> Any:  # Any: cvat_sdk is not always installed
        """What the checkpoint can be asked."""
        from cvat_sdk import auto_annotation as cvataa

        return cvataa.InteractionFunctionSpec(
            min_pos_points=0,
            min_neg_points=0 if self._able.negative_points else None,
            min_bounding_boxes=(0 if self._able.points else 1) if self._able.boxes else None,
        )

    def preprocess_image(self, context: Any, image: Any) -> ImageEmbedding:  # Any: see `Detection.detect`
        """Embed an image."""
        del context
        (embedding,) = self._predictor.embed([image])
        return embedding

    def detect(self, context: Any, pp_image: ImageEmbedding, prompts: Any) -> list[Any]:  # Any: see `Detection.detect`
        """Answer a prompt with the best mask; nothing if it is empty.

        Args:
            context: has nothing that is needed.
            pp_image: result of `preprocess_image`.
            prompts: points inside and outside of the object, and its box.
        """
        from cvat_sdk import auto_annotation as cvataa
        from cvat_sdk import models
        from cvat_sdk.masks import encode_mask

        del context
        prompt = prompt_of(prompts.pos_points, prompts.neg_points, prompts.bounding_box)
        masks = self._predictor.predict_prompts(pp_image, [prompt], multimask=prompt.is_ambiguous).best()
        confidence = cvataa.InteractionResultAttributes.CONFIDENCE
        return [
            cvataa.InteractionResultShape(
                type="mask",
                points=encode_mask(rle.decode()),
                attributes=[models.AttributeValRequest(spec_id=int(confidence), value=f"{min(1.0, iou):.4f}")],
            )
            for rle, iou in zip(masks.rles, masks.predicted_iou.tolist(), strict=True)
            if rle.area
        ]


def prompt_of(
    inside: Sequence[tuple[float, float]],
    outside: Sequence[tuple[float, float]],
    box: tuple[tuple[float, float], tuple[float, float]] | None,
) -> Prompt:
    """Return a prompt of points inside and outside of an object, and the corners of its box.

    Raises:
        PromptError: there is neither.
    """
    points = [*inside, *outside]
    labels = [1] * len(inside) + [0] * len(outside)
    return Prompt(points or None, labels or None, None if box is None else np.ravel(box))


def _label_of(masks: MaskSet, index: int) -> int:
    return 0 if masks.class_index is None else int(masks.class_index[index])


def _shape_of(rle: Rle, label: int, *, as_polygon: bool) -> Any:  # Any: cvat_sdk's type, or None
    from cvat_sdk import auto_annotation as cvataa
    from cvat_sdk.masks import encode_mask

    if not rle.area:
        return None
    if as_polygon:
        return cvataa.polygon(label, one_polygon_of(rle).ravel().tolist())
    return cvataa.mask(label, encode_mask(rle.decode()))
