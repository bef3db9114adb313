"""The official `SamPredictor`: the same stateful interface, on samara's stateless parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.errors import ImageError, PromptError
from samara.images import read_image
from samara.prompts import Prompt
from samara.segment_anything.sam import Sam
from samara.segment_anything.utils.transforms import ResizeLongestSide


class SamPredictor:
    """Set an image, then predict masks for prompts on it.

    Args:
        sam_model: from `sam_model_registry`.
    """

    def __init__(self, sam_model: Sam) -> None:
        self.model = sam_model
        self.transform = ResizeLongestSide(sam_model.prompt_encoder.input_image_size[0])
        self.is_image_set = False
        self.features: Tensor | None = None
        self.original_size: tuple[int, int] = (0, 0)
        self.input_size: tuple[int, int] = (0, 0)

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return self.model.device

    def set_image(self, image: npt.NDArray[np.uint8], image_format: str = "RGB") -> None:
        """Embed an image.

        Args:
            image: (H, W, 3) uint8, or anything else `samara.read_image` converts without guessing.
            image_format: "RGB" or "BGR", the order of the channels.

        Raises:
            ImageError: the picture cannot be converted, or there is no such format.
        """
        if image_format not in ("RGB", "BGR"):
            raise ImageError(f"image_format is {image_format!r}; it must be 'RGB' or 'BGR'")
        pixels = read_image(image, channel_order="BGR" if image_format == "BGR" else "RGB")
        tensor = torch.tensor(self.transform.apply_image(pixels), device=self.device).permute(2, 0, 1)[None]
        self.set_torch_image(tensor, (pixels.shape[0], pixels.shape[1]))

    @torch.no_grad()
    def set_torch_image(self, transformed_image: Tensor, original_image_size: tuple[int, ...]) -> None:
        """Embed an image that is already resized by `ResizeLongestSide`.

        Args:
            transformed_image: (1, 3, h, w) on the 0..255 scale, longest side the network's input size.
            original_image_size: (H, W) before resizing.

        Raises:
            ImageError: another shape.
        """
        side = self.transform.target_length
        shape = tuple(transformed_image.shape)
        if len(shape) != 4 or shape[:2] != (1, 3) or max(shape[2:]) != side:
            raise ImageError(
                f"set_torch_image takes (1, 3, H, W) with the longest side {side}, got {shape}; resize with "
                "predictor.transform.apply_image_torch, or use set_image"
            )
        self.reset_image()
        self.original_size = (original_image_size[0], original_image_size[1])
        self.input_size = (shape[2], shape[3])
        images = self.model.preprocess(transformed_image.to(self.device))
        self.features = self.model.image_encoder(images)
        self.is_image_set = True

    def predict(
        self,
        point_coords: npt.NDArray[Any] | None = None,
        point_labels: npt.NDArray[Any] | None = None,
        box: npt.NDArray[Any] | None = None,
        mask_input: npt.NDArray[Any] | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Predict masks for one object.

        Args:
            point_coords: (P, 2) as (x, y) in pixels of the original image.
            point_labels: (P,), 1 foreground, 0 background.
            box: (4,) xyxy.
            mask_input: (1, 4h, 4w) logits of an earlier prediction.
            multimask_output: three masks instead of one.
            return_logits: logits instead of booleans.

        Returns:
            masks: (M, H, W) bool, or float32 logits.
            predicted_iou: (M,) float32.
            low_res_logits: (M, 4h, 4w) float32.

        Raises:
            PromptError: no image is set, or a prompt is malformed or outside the image.
        """
        self._need_image()
        if point_coords is not None and point_labels is None:
            raise PromptError("point_labels must be given with point_coords: 1 foreground, 0 background")
        height, width = self.original_size
        points = labels = boxes = masks = None
        if point_coords is not None or box is not None or mask_input is not None:
            prompt = Prompt(point_coords, point_labels, box, mask_input)
            prompt.check_inside((height, width))
            if len(prompt.points_xy):
                points = self._tensor(self.transform.apply_coords(prompt.points_xy, (height, width)))[None]
                labels = self._tensor(prompt.point_labels)[None]
            if prompt.box_xyxy is not None:
                boxes = self._tensor(self.transform.apply_boxes(prompt.box_xyxy, (height, width)))
            if prompt.mask_logits is not None:
                masks = self._tensor(prompt.mask_logits)[None, None]
        full, iou, low_res = self.predict_torch(points, labels, boxes, masks, multimask_output, return_logits)
        return full[0].cpu().numpy(), iou[0].cpu().numpy(), low_res[0].cpu().numpy()

    @torch.no_grad()
    def predict_torch(
        self,
        point_coords: Tensor | None,
        point_labels: Tensor | None,
        boxes: Tensor | None = None,
        mask_input: Tensor | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Predict masks for N objects, prompts already in the frame of the resized image.

        Args:
            point_coords: (N, P, 2).
            point_labels: (N, P).
            boxes: (N, 4) xyxy.
            mask_input: (N, 1, 4h, 4w) logits.
            multimask_output: three masks per object instead of one.
            return_logits: logits instead of booleans.

        Returns:
            masks (N, M, H, W), predicted IoU (N, M), low-res logits (N, M, 4h, 4w).

        Raises:
            PromptError: no image is set.
        """
        self._need_image()
        points = None
        if point_coords is not None and point_labels is not None:
            points = (point_coords.to(self.device, torch.float32), point_labels.to(self.device))
        sparse, dense = self.model.prompt_encoder(points, boxes, mask_input)
        low_res_logits, predicted_iou = self.model.predict_low_res(
            self.get_image_embedding(), sparse, dense, multimask_output
        )
        masks = self.model.postprocess_masks(low_res_logits, self.input_size, self.original_size)
        return masks if return_logits else masks > self.model.mask_threshold, predicted_iou, low_res_logits

    def get_image_embedding(self) -> Tensor:
        """The embedding of the image that is set, (1, C, h, w).

        Raises:
            PromptError: no image is set.
        """
        self._need_image()
        assert self.features is not None, "set together with is_image_set"
        return self.features

    def reset_image(self) -> None:
        """Forget the image."""
        self.is_image_set = False
        self.features = None
        self.original_size = self.input_size = (0, 0)

    def _need_image(self) -> None:
        if not self.is_image_set:
            raise PromptError("no image is set; call set_image(image) before predicting")

    def _tensor(self, array: npt.NDArray[Any]) -> Tensor:
        return torch.tensor(array, device=self.device)
