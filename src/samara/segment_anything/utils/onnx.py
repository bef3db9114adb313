"""The official `utils.onnx`: prompts and an embedding to masks in one graph, for the official export script."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from samara.networks.official_graphs import choose_mask, resized_hw, upsampled
from samara.networks.prompt_encoder import PADDING, embed_labels, embed_mask_or_none
from samara.segment_anything.modeling.sam import Sam, input_size_of
from samara.segment_anything.utils.amg import calculate_stability_score

__all__ = ["SamOnnxModel", "calculate_stability_score"]


class SamOnnxModel(nn.Module):
    """Prompt encoder, mask decoder and post-processing without value-dependent branches, for tracing exporters.

    Args:
        model: network from `sam_model_registry`, or from parts.
        return_single_mask: return the best mask instead of all four.
        use_stability_score: score masks by stability instead of predicted IoU.
        return_extra_metrics: also return stability scores and areas.
    """

    def __init__(
        self,
        model: Sam,
        return_single_mask: bool,
        use_stability_score: bool = False,
        return_extra_metrics: bool = False,
    ) -> None:
        super().__init__()
        self.mask_decoder = model.mask_decoder
        self.model = model
        self.img_size = input_size_of(model)
        self.return_single_mask = return_single_mask
        self.use_stability_score = use_stability_score
        self.stability_score_offset = 1.0
        self.return_extra_metrics = return_extra_metrics

    @staticmethod
    def resize_longest_image_size(input_image_size: Tensor, longest_side: int) -> Tensor:
        """Return (H, W) of an image with its longest side resized to `longest_side`, (2,) int64."""
        return resized_hw(input_image_size, longest_side)

    def _embed_points(self, point_coords: Tensor, point_labels: Tensor) -> Tensor:
        """Embed points and box corners, (N, P, 2) with labels (N, P) from −1 to 3 → (N, P, C)."""
        encoder = self.model.prompt_encoder
        positions = encoder.pe_layer._pe_encoding((point_coords + 0.5) / self.img_size)
        learned = {PADDING: encoder.not_a_point_embed.weight}
        learned |= {label: embedding.weight for label, embedding in enumerate(encoder.point_embeddings)}
        return embed_labels(positions, point_labels, learned)

    def _embed_masks(self, input_mask: Tensor, has_mask_input: Tensor) -> Tensor:
        """Embed masks, (N, 1, 4h, 4w) logits and (1,) 1 or 0 → (N, C, h, w)."""
        return embed_mask_or_none(self.model.prompt_encoder, input_mask, has_mask_input)

    def mask_postprocessing(self, masks: Tensor, orig_im_size: Tensor) -> Tensor:
        """Remove padding and resize, (N, M, 4h, 4w) → (N, M, H, W)."""
        cut = self.resize_longest_image_size(orig_im_size, self.img_size)
        size = orig_im_size.to(torch.int64)
        # Tensors, so that a tracer records their origin.
        return upsampled(masks, self.img_size, (cut[0], cut[1]), (size[0], size[1]))  # type: ignore[arg-type]

    def select_masks(self, masks: Tensor, iou_preds: Tensor, num_points: int) -> tuple[Tensor, Tensor]:
        """Select the single mask for several points, or the best of three for one point: (N, 1, ·, ·) and (N, 1)."""
        scores, chosen = choose_mask(iou_preds, masks, num_points)
        return chosen, scores

    @torch.no_grad()
    def forward(
        self,
        image_embeddings: Tensor,
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
        orig_im_size: Tensor,
    ) -> tuple[Tensor, ...]:
        """Predict the masks of one prompt.

        Args:
            image_embeddings: (1, C, h, w).
            point_coords: (1, P, 2) in the input frame, with a padding point if there is no box.
            point_labels: (1, P): 1 foreground, 0 background, 2 and 3 corners of a box, −1 padding.
            mask_input: (1, 1, 4h, 4w) logits.
            has_mask_input: (1,) 1 if `mask_input` is used, else 0.
            orig_im_size: (2,) height and width of the image.

        Returns:
            Logits (1, M, H, W), scores (1, M) and low-res logits (1, M, 4h, 4w); with extra metrics, stability scores
            and areas, both (1, M), before the last.
        """
        masks, scores = self.model.mask_decoder.predict_masks(
            image_embeddings=image_embeddings,
            image_pe=self.model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=self._embed_points(point_coords, point_labels),
            dense_prompt_embeddings=self._embed_masks(mask_input, has_mask_input),
        )
        if self.use_stability_score:
            scores = self._stability(masks)
        if self.return_single_mask:
            masks, scores = self.select_masks(masks, scores, point_coords.shape[1])
        return self._answer(masks, scores, orig_im_size)

    def _stability(self, masks: Tensor) -> Tensor:
        return calculate_stability_score(masks, self.model.mask_threshold, self.stability_score_offset)

    def _answer(self, masks: Tensor, scores: Tensor, orig_im_size: Tensor) -> tuple[Tensor, ...]:
        upscaled = self.mask_postprocessing(masks, orig_im_size)
        if self.return_extra_metrics:
            areas = (upscaled > self.model.mask_threshold).sum(-1).sum(-1)
            return upscaled, scores, self._stability(upscaled), areas, masks
        return upscaled, scores, masks
