"""The official `SamPredictor`, with the same stateful interface and the same tolerance.

Like the official class, it accepts probable mistakes that samara's own `Predictor` rejects (a point outside the image,
a box without area). It rejects non-numeric values and invalid shapes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.errors import ImageError, PromptError
from samara.images.read import read_image
from samara.networks.plain import dtype_of
from samara.segment_anything.modeling.sam import Sam, decode, input_size_of
from samara.segment_anything.utils.transforms import ResizeLongestSide

__all__ = ["ImageNotSet", "ResizeLongestSide", "Sam", "SamPredictor"]


LABELS_MISSING = "point_labels must be given with point_coords: 1 foreground, 0 background"


class ImageNotSet(PromptError, RuntimeError):
    """Prediction without an image; also a RuntimeError, as in the official code."""


class SamPredictor:
    """Stateful predictor: set an image, then predict masks for prompts on it.

    Args:
        sam_model: network from `sam_model_registry` or from parts, possibly in a wrapper that forwards its attributes.

    Attributes:
        model: the network.
        transform: transform of images and prompts to its input frame.
        is_image_set, features, original_size, input_size: state of the current image. Code that stores embeddings may
            set them.
        interm_features: early features of HQ-SAM.
    """

    features: Tensor | None
    interm_features: list[Tensor] | None
    original_size: tuple[int, int]
    input_size: tuple[int, int]

    def __init__(self, sam_model: Sam) -> None:
        self.model = sam_model
        self.transform = ResizeLongestSide(input_size_of(sam_model))
        self.reset_image()

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return self.model.device

    def set_image(self, image: npt.NDArray[np.uint8], image_format: str = "RGB") -> None:
        """Embed an image.

        Args:
            image: (H, W, 3) uint8, or anything else that `samara.read_image` converts without guessing.
            image_format: channel order, "RGB" or "BGR".

        Raises:
            ImageError: The image cannot be converted, or the format is invalid.
        """
        if image_format not in ("RGB", "BGR"):
            raise ImageError(f"image_format is {image_format!r}; it must be 'RGB' or 'BGR'")
        pixels = read_image(image, channel_order="BGR" if image_format == "BGR" else "RGB")
        if self.model.image_format == "BGR":
            pixels = np.ascontiguousarray(pixels[..., ::-1])
        resized = torch.tensor(self.transform.apply_image(pixels), device=self.device)
        self.set_torch_image(resized.permute(2, 0, 1)[None], (pixels.shape[0], pixels.shape[1]))

    @torch.no_grad()
    def set_torch_image(self, transformed_image: Tensor, original_image_size: tuple[int, ...]) -> None:
        """Embed an image already resized by `ResizeLongestSide`.

        Args:
            transformed_image: (1, 3, h, w) on the 0..255 scale, longest side the network's input size.
            original_image_size: (H, W) before resizing.

        Raises:
            ImageError: The image has another shape.
        """
        side = input_size_of(self.model)
        shape = tuple(transformed_image.shape)
        if len(shape) != 4 or shape[1] != 3 or max(shape[2:]) != side:
            raise ImageError(
                f"set_torch_image takes (1, 3, H, W) with the longest side {side}, got {shape}; resize with "
                "predictor.transform.apply_image_torch, or use set_image"
            )
        self.reset_image()
        self.original_size = (int(original_image_size[0]), int(original_image_size[1]))
        self.input_size = (shape[2], shape[3])
        encoded = self.model.image_encoder(self.model.preprocess(transformed_image.to(self.device)))
        self.features, self.interm_features = encoded if isinstance(encoded, tuple) else (encoded, None)
        self.is_image_set = True

    def predict(  # noqa: PLR0917 - the official signature
        self,
        point_coords: npt.ArrayLike | None = None,
        point_labels: npt.ArrayLike | None = None,
        box: npt.ArrayLike | None = None,
        mask_input: npt.ArrayLike | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
        hq_token_only: bool = False,
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Predict masks for one object.

        Args:
            point_coords: (P, 2) as (x, y) in pixels of the original image; P may be 0.
            point_labels: (P,), 1 foreground, 0 background, −1 no point.
            box: (4,) xyxy.
            mask_input: (1, 4h, 4w) logits of an earlier prediction.
            multimask_output: return three masks instead of one.
            return_logits: return logits instead of booleans.
            hq_token_only: for HQ-SAM, return the HQ mask alone.

        Returns:
            masks: (M, H, W) bool, or float32 logits.
            predicted_iou: (M,) float32.
            low_res_logits: (M, 4h, 4w) float32.

        Raises:
            ImageNotSet: No image is set.
            PromptError: A prompt has an invalid shape, NaN or infinity.
        """
        self._need_image()
        points = labels = boxes = masks = None
        if point_coords is not None:
            coordinates, its_labels = _points(point_coords, point_labels)
            points = self._tensor(self.transform.apply_coords(coordinates, self.original_size))[None]
            labels = torch.as_tensor(its_labels, device=self.device)[None]
        if box is not None:
            boxes = self._tensor(self.transform.apply_boxes(_box(box), self.original_size))
        if mask_input is not None:
            masks = self._tensor(_mask_logits(mask_input))[None]
        more = {"hq_token_only": True} if hq_token_only else {}  # so that overrides of predict_torch need not have it
        answers = self.predict_torch(points, labels, boxes, masks, multimask_output, return_logits, **more)
        full, iou, low_res = (_array(answer[0]) for answer in answers)
        return full, iou, low_res

    @torch.no_grad()
    def predict_torch(  # noqa: PLR0917 - the official signature
        self,
        point_coords: Tensor | None,
        point_labels: Tensor | None,
        boxes: Tensor | None = None,
        mask_input: Tensor | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
        hq_token_only: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Predict masks for N objects, prompts already in the frame of the resized image.

        Args:
            point_coords: (N, P, 2).
            point_labels: (N, P).
            boxes: (N, 4) xyxy.
            mask_input: (N, 1, 4h, 4w) logits.
            multimask_output: return three masks per object instead of one.
            return_logits: return logits instead of booleans.
            hq_token_only: for HQ-SAM, return the HQ mask alone.

        Returns:
            masks (N, M, H, W), predicted IoU (N, M), low-res logits (N, M, 4h, 4w).

        Raises:
            ImageNotSet: No image is set.
            PromptError: Points have no labels.
        """
        low_res_logits, predicted_iou = self.predict_low_res(
            point_coords, point_labels, boxes, mask_input, multimask_output, hq_token_only
        )
        masks = self.model.postprocess_masks(low_res_logits, self.input_size, self.original_size)
        return masks if return_logits else masks > self.model.mask_threshold, predicted_iou, low_res_logits

    @torch.no_grad()
    def predict_low_res(
        self,
        point_coords: Tensor | None,
        point_labels: Tensor | None,
        boxes: Tensor | None = None,
        mask_input: Tensor | None = None,
        multimask_output: bool = True,
        hq_token_only: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Return the last two results of `predict_torch`, without the masks at the image's size."""
        self._need_image()
        points = None
        if point_coords is not None:
            if point_labels is None:
                raise PromptError(LABELS_MISSING)
            points = (point_coords.to(self.device), point_labels.to(self.device))
        prompts = {
            "points": points,
            "boxes": None if boxes is None else boxes.to(self.device),
            "masks": None if mask_input is None else mask_input.to(self.device, dtype_of(self.model.prompt_encoder)),
        }
        features = self.features if self.interm_features is None else (self.features, self.interm_features)
        return decode(self.model, features, prompts, multimask_output, hq_token_only)

    def get_image_embedding(self) -> Tensor:
        """Return the embedding of the current image, (1, C, h, w).

        Raises:
            ImageNotSet: No image is set.
        """
        self._need_image()
        assert self.features is not None, "set together with is_image_set"
        return self.features

    def reset_image(self) -> None:
        """Discard the current image."""
        self.is_image_set = False
        self.features = self.interm_features = None
        self.original_size = self.input_size = (0, 0)
        # The official class has these four attributes and never uses them.
        self.orig_h = self.orig_w = self.input_h = self.input_w = None

    def _need_image(self) -> None:
        if not self.is_image_set:
            raise ImageNotSet("no image is set; call set_image(image) before predicting")

    def _tensor(self, array: npt.NDArray[Any]) -> Tensor:
        return torch.as_tensor(array, dtype=torch.float32, device=self.device)


def _array(tensor: Tensor) -> npt.NDArray[Any]:
    """Convert to numpy, which has no bfloat16."""
    tensor = tensor.detach().cpu()
    return (tensor if tensor.dtype == torch.bool else tensor.float()).numpy()


def finite_numbers(values: Any, what: str) -> npt.NDArray[np.float64]:  # Any: whatever the user passed
    """A prompt's numbers as an array.

    Raises:
        PromptError: no numbers, no regular array, or NaN or infinity; `what` names it.
    """
    if hasattr(values, "detach"):  # a torch tensor, possibly on a GPU, with gradients or in bfloat16
        values = values.detach().cpu().double()
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PromptError(f"{what} must be numbers in a regular array, got {values!r:.80}") from error
    if not np.isfinite(array).all():
        raise PromptError(f"{what} contains NaN or infinity; give finite numbers")
    return array


def _points(coords: Any, labels: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:  # Any: see above
    if labels is None:
        raise PromptError(LABELS_MISSING)
    array, kinds = finite_numbers(coords, "point_coords"), finite_numbers(labels, "point_labels").astype(np.int64)
    array = array.reshape(-1, 2) if array.size == 0 else array
    if array.ndim != 2 or array.shape[1] != 2 or kinds.shape != array.shape[:1]:
        raise PromptError(
            f"point_coords must have shape (P, 2) and point_labels (P,), got {array.shape} and {kinds.shape}"
        )
    return array, kinds


def _box(box: Any) -> npt.NDArray[np.float64]:  # Any: see above
    array = finite_numbers(box, "box")
    if array.size != 4:
        raise PromptError(
            f"a box must be four numbers [x0, y0, x1, y1], got shape {array.shape}; use predict_torch for several boxes"
        )
    return array


def _mask_logits(logits: Any) -> npt.NDArray[np.float64]:  # Any: see above
    array = finite_numbers(logits, "mask_input")
    array = array[None] if array.ndim == 2 else array
    if array.ndim != 3:
        raise PromptError(
            f"mask_input must have shape (1, 4h, 4w), got {array.shape}; low_res_logits[i : i + 1] has it"
        )
    return array
