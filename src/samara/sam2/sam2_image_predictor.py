"""The official `SAM2ImagePredictor`: the same stateful interface, and as tolerant as the original."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.errors import ImageError, PromptError
from samara.images.read import ImageSource
from samara.networks.sam2_mask_decoder import Sam2MaskDecoder
from samara.networks.sam2_prompt_encoder import with_corners
from samara.sam2.build_sam import build_sam2_hf
from samara.sam2.modeling.sam2_base import SAM2Base
from samara.sam2.utils.transforms import SAM2Transforms, pixels_of
from samara.segment_anything.predictor import LABELS_MISSING, ImageNotSet, finite_numbers

__all__ = ["ImageNotSet", "SAM2Base", "SAM2ImagePredictor", "SAM2Transforms"]

Answers = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""Masks, predicted IoU and low-res logits, as `SAM2ImagePredictor.predict` gives them."""
Prompts = tuple[Any, Any, Any, Any]  # Any: whatever the user passed
"""Points, labels, boxes and mask logits of one image."""
Prepared = tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None]
"""Mask logits, points, labels and boxes in the frame of the network."""


class SAM2ImagePredictor:
    """Set an image, or several, then predict masks for prompts on them.

    Args:
        sam_model: from `build_sam2`.
        mask_threshold: logits above it belong to a mask.
        max_hole_area: holes of at most so many pixels of the low-res masks are filled; 0 for none.
        max_sprinkle_area: specks of at most so many are removed; 0 for none.
        kwargs: nothing, as in the official class.

    Attributes:
        model: the network.
        _features: "image_embed" (B, C, h, w) and "high_res_feats", (B, 32, 4h, 4w) and (B, 64, 2h, 2w).
        _orig_hw: (H, W) of each image.
        _is_image_set, _is_batch: whether there is an image, and whether it came as one of a batch.
        _transforms: how images and prompts come into the square of the network, and masks back.

    The names with an underscore are those of the official class; code for fine-tuning counts on them.
    """

    _features: dict[str, Any] | None  # Any: a tensor, or a list of them
    _orig_hw: list[tuple[int, int]] | None

    def __init__(
        self,
        sam_model: SAM2Base,
        mask_threshold: float = 0.0,
        max_hole_area: float = 0.0,
        max_sprinkle_area: float = 0.0,
        **kwargs: Any,
    ) -> None:
        del kwargs
        self.model = sam_model
        self._transforms = SAM2Transforms(sam_model.image_size, mask_threshold, max_hole_area, max_sprinkle_area)
        self.mask_threshold = mask_threshold
        self._bb_feat_sizes = [(sam_model.image_size // stride,) * 2 for stride in (4, 8, 16)]
        self.reset_predictor()

    @classmethod
    def from_pretrained(cls, model_id: str, **kwargs: Any) -> SAM2ImagePredictor:
        """A predictor by a name at Hugging Face, such as "facebook/sam2.1-hiera-large"; nothing is downloaded.

        Args:
            model_id: see `build_sam2_hf`, which says what is raised.
            kwargs: for the network and the predictor.
        """
        return cls(build_sam2_hf(model_id, **kwargs), **kwargs)

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return self.model.device

    @torch.no_grad()
    def set_image(self, image: ImageSource) -> None:
        """Embed an image.

        Args:
            image: (H, W, 3) uint8 RGB, a PIL image, or anything else `samara.read_image` converts without guessing.

        Raises:
            ImageError: the image cannot be converted.
        """
        self._set([image])

    @torch.no_grad()
    def set_image_batch(self, image_list: Sequence[ImageSource]) -> None:
        """Embed several images together, for `predict_batch`; they need not have one size.

        Raises:
            ImageError: no list, or an image cannot be converted.
        """
        if not isinstance(image_list, (list, tuple)) or not image_list:
            raise ImageError(
                f"set_image_batch takes a list of images, got {type(image_list).__name__}; for one use set_image"
            )
        self._set(image_list)
        self._is_batch = True

    def _set(self, images: Sequence[ImageSource]) -> None:
        self.reset_predictor()
        pixels = [pixels_of(image) for image in images]
        features = self.model.forward_image(self._transforms.forward_batch(pixels).to(self.device))
        *finer, level = features["backbone_fpn"]
        if self.model.directly_add_no_mem_embed:
            level = level + self.model.no_mem_embed.view(1, -1, 1, 1)
        self._features = {"image_embed": level, "high_res_feats": finer}
        self._orig_hw = [(one.shape[0], one.shape[1]) for one in pixels]
        self._is_image_set = True

    def predict(  # noqa: PLR0917 - the official signature
        self,
        point_coords: npt.ArrayLike | None = None,
        point_labels: npt.ArrayLike | None = None,
        box: npt.ArrayLike | None = None,
        mask_input: npt.ArrayLike | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
        normalize_coords: bool = True,
    ) -> Answers:
        """Predict masks for one object, or for N of them.

        Args:
            point_coords: (P, 2) as (x, y), or (N, P, 2).
            point_labels: (P,) or (N, P), 1 foreground, 0 background, −1 no point.
            box: (4,) or (N, 4) xyxy.
            mask_input: (1, 4h, 4w) logits of an earlier prediction, or (N, 1, 4h, 4w).
            multimask_output: three masks per object instead of one.
            return_logits: logits instead of 0 and 1.
            normalize_coords: whether points and boxes are in pixels of the image; else in the unit square.

        Returns:
            masks: (M, H, W) float32, 0 and 1 or logits; (N, M, H, W) for N above 1.
            predicted_iou: (M,) or (N, M) float32.
            low_res_logits: (M, 4h, 4w) or (N, M, 4h, 4w) float32, clamped to ± 32.

        Raises:
            ImageNotSet: no image is set.
            PromptError: a prompt has a shape that cannot be meant, or holds NaN or infinity.
        """
        prompts = (point_coords, point_labels, box, mask_input)
        return self._answers(prompts, multimask_output, return_logits, normalize_coords, -1)

    def predict_batch(  # noqa: PLR0917 - the official signature
        self,
        point_coords_batch: Sequence[Any] | None = None,
        point_labels_batch: Sequence[Any] | None = None,
        box_batch: Sequence[Any] | None = None,
        mask_input_batch: Sequence[Any] | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
        normalize_coords: bool = True,
    ) -> tuple[list[Any], list[Any], list[Any]]:
        """`predict` for each image of a batch; prompts are lists with an entry for each image.

        Raises:
            ImageNotSet: no batch is set.
            PromptError: see `predict`, or a list of another length.
        """
        if not self._is_batch or self._orig_hw is None:
            raise ImageNotSet("predict_batch is for images that set_image_batch was given; for one image use predict")
        images = len(self._orig_hw)
        batches = (point_coords_batch, point_labels_batch, box_batch, mask_input_batch)
        for batch in batches:
            if batch is not None and len(batch) != images:
                raise PromptError(f"{len(batch)} prompts for {images} images; give one for each")
        masks: list[Any] = []
        iou: list[Any] = []
        low_res: list[Any] = []
        for index in range(images):
            points, labels, box, logits = (None if batch is None else batch[index] for batch in batches)
            prompts = (points, labels, box, logits)
            answer = self._answers(prompts, multimask_output, return_logits, normalize_coords, index)
            for column, value in zip((masks, iou, low_res), answer, strict=True):
                column.append(value)
        return masks, iou, low_res

    def _answers(self, prompts: Prompts, multimask: bool, return_logits: bool, normalize: bool, image: int) -> Answers:
        """`predict` on one of the images."""
        self._need_image()
        mask_input, points, labels, boxes = self._prep_prompts(*prompts, normalize, img_idx=image)
        answers = self._predict(
            points, labels, boxes, mask_input, multimask, return_logits=return_logits, img_idx=image
        )
        masks, iou, low_res = (one.squeeze(0).float().detach().cpu().numpy() for one in answers)
        return masks, iou, low_res

    def _prep_prompts(
        self,
        point_coords: Any,  # Any, for all four: whatever the user passed
        point_labels: Any,
        box: Any,
        mask_logits: Any,
        normalize_coords: bool,
        img_idx: int = -1,
    ) -> Prepared:
        """Bring prompts, see `predict`, into the frame of the network.

        Returns:
            Mask logits (N, 1, 4h, 4w), points (N, P, 2), labels (N, P) int32, boxes (N, 2, 2); None for what is absent.

        Raises:
            ImageNotSet, PromptError: see `predict`.
        """
        self._need_image()
        size_hw = self._sizes[img_idx]
        masks = points = labels = boxes = None
        if point_coords is not None:
            coordinates, kinds = _points(point_coords, point_labels)
            points = self._transforms.transform_coords(self._tensor(coordinates), normalize_coords, size_hw)
            labels = torch.as_tensor(kinds, dtype=torch.int32, device=self.device)
        if box is not None:
            boxes = self._transforms.transform_boxes(self._tensor(_boxes(box)), normalize_coords, size_hw)
        if mask_logits is not None:
            masks = self._tensor(_mask_logits(mask_logits))
        return masks, points, labels, boxes

    @torch.no_grad()
    def _predict(  # noqa: PLR0917 - the official signature
        self,
        point_coords: Tensor | None,
        point_labels: Tensor | None,
        boxes: Tensor | None = None,
        mask_input: Tensor | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
        img_idx: int = -1,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Predict masks for N objects, prompts already in the frame of the network, see `_prep_prompts`.

        Returns:
            masks (N, M, H, W) bool or float32 logits, predicted IoU (N, M), low-res logits (N, M, 4h, 4w) clamped.

        Raises:
            ImageNotSet: no image is set.
            PromptError: points without labels, or points and boxes of different numbers of objects.
        """
        self._need_image()
        low_res, iou = self._predict_low_res(point_coords, point_labels, boxes, mask_input, multimask_output, img_idx)
        masks = self._transforms.postprocess_masks(low_res, self._sizes[img_idx])
        if not return_logits:
            masks = masks > self.mask_threshold
        return masks, iou, low_res.clamp(-Sam2MaskDecoder.logit_limit, Sam2MaskDecoder.logit_limit)

    def _predict_low_res(
        self,
        point_coords: Tensor | None,
        point_labels: Tensor | None,
        boxes: Tensor | None,
        mask_input: Tensor | None,
        multimask_output: bool,
        img_idx: int,
    ) -> tuple[Tensor, Tensor]:
        """Low-res logits, not clamped, and predicted IoU."""
        features = cast(dict[str, Any], self._features)  # there is an image
        points = _joined(point_coords, point_labels, boxes)
        sparse, dense = self.model.sam_prompt_encoder(points=points, boxes=None, masks=mask_input)
        low_res, iou, _, _ = self.model.sam_mask_decoder(
            image_embeddings=features["image_embed"][img_idx].unsqueeze(0),
            image_pe=self.model.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask_output,
            repeat_image=len(sparse) != 1,
            high_res_features=[level[img_idx].unsqueeze(0) for level in features["high_res_feats"]],
        )
        return low_res, iou

    def get_image_embedding(self) -> Tensor:
        """The embedding of the image that is set, (1, C, h, w); of a batch, (B, C, h, w).

        Raises:
            ImageNotSet: no image is set.
        """
        self._need_image()
        embedding: Tensor = cast(dict[str, Any], self._features)["image_embed"]
        return embedding

    def reset_predictor(self) -> None:
        """Forget the images."""
        self._is_image_set = False
        self._features = None
        self._orig_hw = None
        self._is_batch = False

    @property
    def _sizes(self) -> list[tuple[int, int]]:
        return self._orig_hw or []

    def _need_image(self) -> None:
        if not self._is_image_set:
            raise ImageNotSet("no image is set; call set_image(image) before predicting")

    def _tensor(self, array: npt.NDArray[Any]) -> Tensor:
        return torch.as_tensor(array, dtype=torch.float32, device=self.device)


def _joined(
    point_coords: Tensor | None, point_labels: Tensor | None, boxes: Tensor | None
) -> tuple[Tensor, Tensor] | None:
    """Points (N, P, 2) and labels (N, P); the corners of boxes come first."""
    if point_coords is not None and point_labels is None:
        raise PromptError(LABELS_MISSING)
    points = None if point_coords is None or point_labels is None else (point_coords, point_labels)
    if boxes is None:
        return points
    corners = boxes.reshape(-1, 4)
    if points is None:
        coordinates, labels = with_corners(None, corners)
        return coordinates, labels.int()
    if len(points[0]) != len(corners):
        raise PromptError(
            f"{len(corners)} boxes and points for {len(points[0])} objects; give points as (N, P, 2), some for each box"
        )
    return with_corners(points, corners)


def _points(coords: Any, labels: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:  # Any: the user's
    """(N, P, 2) and (N, P)."""
    if labels is None:
        raise PromptError(LABELS_MISSING)
    array, kinds = finite_numbers(coords, "point_coords"), finite_numbers(labels, "point_labels").astype(np.int32)
    array = array.reshape(*kinds.shape, 2) if array.size == kinds.size == 0 else array
    if array.ndim not in (2, 3) or array.shape[-1] != 2 or kinds.shape != array.shape[:-1]:
        raise PromptError(
            "point_coords must have shape (P, 2) or (N, P, 2), and point_labels the same without the last axis, got "
            f"{array.shape} and {kinds.shape}"
        )
    return (array[None], kinds[None]) if array.ndim == 2 else (array, kinds)


def _boxes(box: Any) -> npt.NDArray[np.float64]:  # Any: the user's
    """(N, 4)."""
    array = finite_numbers(box, "box")
    if array.ndim not in (1, 2, 3) or array.shape[-1] != 4:
        raise PromptError(f"box must have shape (4,) or (N, 4), xyxy, got {array.shape}")
    return array.reshape(-1, 4)


def _mask_logits(logits: Any) -> npt.NDArray[np.float64]:  # Any: the user's
    """(N, 1, 4h, 4w)."""
    array = finite_numbers(logits, "mask_input")
    array = array.reshape(*[1] * (4 - array.ndim), *array.shape)
    if array.ndim != 4 or array.shape[1] != 1:
        raise PromptError(
            f"mask_input must have shape (1, 4h, 4w) or (N, 1, 4h, 4w), got {array.shape}; low_res_logits[i : i + 1] "
            "has the former"
        )
    return array
