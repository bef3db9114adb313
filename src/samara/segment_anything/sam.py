"""The official `Sam` module, on samara's networks."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.errors import PromptError
from samara.loaded import Loaded, Provenance
from samara.networks.mask_decoder import MaskDecoder
from samara.networks.prompt_encoder import PromptEncoder
from samara.networks.sam import Sam as Network
from samara.predictor import MASK_THRESHOLD
from samara.preprocessing import normalise, pad
from samara.variants import Variant


class Sam(nn.Module):
    """The three parts of a network with the official attributes and methods.

    Its state dict has the published keys, so `load_state_dict` and `torch.save` interchange with the official package.

    Args:
        loaded: network and provenance, from `samara.load`.
    """

    mask_threshold = MASK_THRESHOLD
    image_format = "RGB"
    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, loaded: Loaded) -> None:
        super().__init__()
        network = loaded.sam
        self.image_encoder = network.image_encoder
        self.prompt_encoder: PromptEncoder = network.prompt_encoder
        self.mask_decoder: MaskDecoder = network.mask_decoder
        preprocessing = loaded.variant.preprocessing
        self.register_buffer("pixel_mean", torch.tensor(preprocessing.mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("pixel_std", torch.tensor(preprocessing.std).view(-1, 1, 1), persistent=False)
        # The official attribute: fine-tuning code asks the encoder for its input size.
        setattr(self.image_encoder, "img_size", loaded.input_size)  # noqa: B010 - mypy takes it for a tensor
        self._variant: Variant = loaded.variant
        self._provenance: Provenance = loaded.provenance
        self.train(network.training)
        self.hq_token_only = loaded.hq_token_only
        self._thresholds = (loaded.pred_iou_thresh, loaded.stability_score_thresh)

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return self.pixel_mean.device

    def as_loaded(self) -> Loaded:
        """The same network, as it is now, for samara's predictor and generator; float32, on its present device."""
        return Loaded(
            network=Network(
                image_encoder=self.image_encoder,
                prompt_encoder=self.prompt_encoder,
                mask_decoder=self.mask_decoder,
            ),
            variant=self._variant,
            provenance=self._provenance,
            input_size=self.prompt_encoder.input_image_size[0],
            pred_iou_thresh=self._thresholds[0],
            stability_score_thresh=self._thresholds[1],
            device=str(self.device),
            precision="float32",
            hq_token_only=self.hq_token_only,
        )

    def predict_low_res(
        self, embeddings: Tensor, sparse: Tensor, dense: Tensor, multimask: bool
    ) -> tuple[Tensor, Tensor]:
        """Run the mask decoder: low-res logits (N, M, 4h, 4w) and predicted IoU (N, M); obeys `hq_token_only`."""
        positions = self.prompt_encoder.get_dense_pe()
        only = {"hq_token_only": True} if self.hq_token_only else {}  # a decoder without the token does not know it
        low_res_logits, predicted_iou = self.mask_decoder(embeddings, positions, sparse, dense, multimask, **only)
        return low_res_logits, predicted_iou

    def preprocess(self, x: Tensor) -> Tensor:
        """Normalise (..., 3, h, w) on the 0..255 scale and pad to the input square."""
        x = normalise(x, tuple(self.pixel_mean.flatten().tolist()), tuple(self.pixel_std.flatten().tolist()))
        return pad(x, self.prompt_encoder.input_image_size[0])

    def postprocess_masks(self, masks: Tensor, input_size: tuple[int, ...], original_size: tuple[int, ...]) -> Tensor:
        """Remove padding and resize: (N, M, 4h, 4w) logits → (N, M, H, W).

        Args:
            masks: low-res logits.
            input_size: (H, W) of the resized picture before padding.
            original_size: (H, W) of the picture.
        """
        square = F.interpolate(masks, self.prompt_encoder.input_image_size, mode="bilinear", align_corners=False)
        cut = square[..., : input_size[0], : input_size[1]]
        return F.interpolate(cut, tuple(original_size), mode="bilinear", align_corners=False)

    def forward(self, batched_input: list[dict[str, Any]], multimask_output: bool) -> list[dict[str, Tensor]]:
        """Predict masks for several images, each with its own prompts.

        Gradients flow in training mode, and never in eval mode, where the official package forbids them too.

        Args:
            batched_input: per image "image" (3, h, w) on the 0..255 scale, already resized; "original_size" (H, W);
                optionally "point_coords" (N, P, 2), "point_labels" (N, P), "boxes" (N, 4), "mask_inputs"
                (N, 1, 4h, 4w), all in the frame of the resized image.
            multimask_output: three masks per prompt instead of one.

        Returns:
            Per image "masks" (N, M, H, W) bool, "iou_predictions" (N, M), "low_res_logits" (N, M, 4h, 4w).

        Raises:
            PromptError: the input is not a list of such dicts.
        """
        if not isinstance(batched_input, (list, tuple)) or not all(
            isinstance(record, dict) and {"image", "original_size"} <= record.keys() for record in batched_input
        ):
            raise PromptError(
                "Sam takes a list of dicts, one per image, with at least 'image' and 'original_size', and "
                f"multimask_output; got {type(batched_input).__name__}"
            )
        with torch.set_grad_enabled(self.training and torch.is_grad_enabled()):
            images = torch.stack([self.preprocess(record["image"]) for record in batched_input])
            embeddings = self.image_encoder(images)
            return [
                self._decode(record, embedding[None], multimask_output)
                for record, embedding in zip(batched_input, embeddings, strict=True)
            ]

    def _decode(self, record: dict[str, Any], embedding: Tensor, multimask: bool) -> dict[str, Tensor]:
        points = (record["point_coords"], record["point_labels"]) if "point_coords" in record else None
        sparse, dense = self.prompt_encoder(points, record.get("boxes"), record.get("mask_inputs"))
        low_res_logits, predicted_iou = self.predict_low_res(embedding, sparse, dense, multimask)
        masks = self.postprocess_masks(low_res_logits, record["image"].shape[-2:], record["original_size"])
        return {
            "masks": masks > self.mask_threshold,
            "iou_predictions": predicted_iou,
            "low_res_logits": low_res_logits,
        }
