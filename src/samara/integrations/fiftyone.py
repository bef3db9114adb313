"""FiftyOne: a model for `Dataset.apply_model`, which segments everything, or answers the boxes or points of a field.

    model = samara.integrations.fiftyone.load_model("vit_b", prompt_field="ground_truth")
    dataset.apply_model(model, label_field="masks")

Source: docs.voxel51.com, "Model interface" (`fiftyone.core.models.Model`, `SamplesMixin`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from samara.checkpoints.load_chosen import loaded_from
from samara.engines.loaded import Loaded
from samara.errors import PromptError
from samara.images.read import ImageSource, read_image
from samara.masks.columns import window_of
from samara.masks.mask_set import MaskSet
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.segmentation.instances.settings import InstanceSettings
from samara.segmentation.open import open_segmenter
from samara.segmentation.prompts import Prompt
from samara.system.extras import require

OBJECT = "object"
"""Label of masks without a class."""


def load_model(
    checkpoint: str | Loaded = "samara_mini",
    *,
    prompt_field: str | None = None,
    settings: AutomaticSettings | InstanceSettings | None = None,
    **choice: Any,  # Any: values of the fields of Choice
) -> Any:  # Any: a fiftyone.core.models.Model
    """Load a model for FiftyOne.

    Args:
        checkpoint: a catalogue name, a file, or a result of `samara.load`.
        prompt_field: field of the samples with `Detections` or `Keypoints`, each of which asks for one mask; None to
            segment everything.
        settings: of everything.
        choice: see `samara.load`: device, precision, engine, input_size, download, ...

    Raises:
        MissingExtra: FiftyOne is not installed.
        CheckpointError, DeviceError: see `samara.load`.
    """
    require("fiftyone.core.models", "fiftyone", "a model for FiftyOne")
    from fiftyone.core import labels as fo_labels
    from fiftyone.core import models as fo_models

    answering = Answering(loaded_from(checkpoint, **choice), settings)

    class SamaraModel(fo_models.SamplesMixin, fo_models.Model):  # type: ignore[misc]  # FiftyOne has no types
        """Masks by a checkpoint of samara."""

        def __init__(self) -> None:
            fo_models.SamplesMixin.__init__(self)
            self.needs_fields = {} if prompt_field is None else {"prompt_field": prompt_field}

        media_type = "image"
        ragged_batches = False
        transforms = None
        preprocess = False

        def predict(self, arg: Any, sample: Any = None) -> Any:  # Any: an array; a sample; detections
            prompts = None if sample is None or prompt_field is None else sample[prompt_field]
            found = answering.masks(arg, None if prompts is None else prompts_of(prompts))
            return fo_labels.Detections(detections=[fo_labels.Detection(**one) for one in found])

    return SamaraModel()


class Answering:
    """What a model does, without FiftyOne."""

    def __init__(self, loaded: Loaded, settings: AutomaticSettings | InstanceSettings | None) -> None:
        self._segmenter = open_segmenter(loaded, settings)

    def masks(self, image: ImageSource, asked: Sequence[Asked] | None) -> list[Mapping[str, Any]]:
        """Return the facts of all masks that are not empty; those of prompts keep the labels of the prompts."""
        pixels = read_image(image)
        if asked is None:
            found = self._segmenter.generate(pixels)
            return [detection_of(found, index, found.class_name(index) or OBJECT) for index in range(len(found))]
        prompts = [one.prompt((pixels.shape[0], pixels.shape[1])) for one in asked]
        found = self._segmenter.best(self._segmenter.embed(pixels), prompts, with_logits=False)
        numbers = enumerate(found.prompt_index.tolist())
        return [detection_of(found, index, asked[number].label) for index, number in numbers if found.rles[index].area]


class Asked:
    """One prompt of a sample, in fractions of width and height.

    Args:
        label: label of the object.
        box: (x, y, width, height), or None.
        points: (x, y) in the object.
    """

    def __init__(self, label: str, box: Sequence[float] | None = None, points: Sequence[Sequence[float]] = ()) -> None:
        self.label, self.box = label, box
        self.points = [point for point in points if np.isfinite(point).all()]  # NaN is a keypoint out of sight

    def prompt(self, size_hw: tuple[int, int]) -> Prompt:
        """Return the prompt on an image of a size.

        Raises:
            PromptError: it has neither a box nor a point.
        """
        scale = np.array(size_hw[::-1], np.float64)
        corners = None
        if self.box is not None:
            x, y, width, height = self.box
            corners = (np.array([[x, y], [x + width, y + height]]).clip(0, 1) * scale).ravel()
        return Prompt([np.asarray(point) * scale for point in self.points] or None, None, corners)


def prompts_of(field: Any) -> list[Asked]:  # Any: a label of FiftyOne
    """Return the prompts of a field.

    Raises:
        PromptError: it has neither detections nor keypoints.
    """
    if hasattr(field, "detections"):
        return [Asked(one.label or OBJECT, one.bounding_box) for one in field.detections]
    if hasattr(field, "keypoints"):
        return [Asked(one.label or OBJECT, None, one.points) for one in field.keypoints]
    raise PromptError(f"a field of {type(field).__name__} gives no prompts; use Detections or Keypoints")


def detection_of(masks: MaskSet, index: int, label: str) -> Mapping[str, Any]:
    """Return a mask as the arguments of `fiftyone.Detection`: box in fractions, and the pixels within it."""
    rle = masks.rles[index]
    x0, y0, x1, y1 = rle.box_xyxy
    return {
        "label": label,
        "bounding_box": [x0 / rle.width, y0 / rle.height, (x1 - x0) / rle.width, (y1 - y0) / rle.height],
        "mask": window_of(rle),
        "confidence": float(masks.predicted_iou[index]),
    }
