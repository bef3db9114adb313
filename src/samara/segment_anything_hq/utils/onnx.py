"""HQ-SAM's prompts and embeddings to masks in one graph."""

from __future__ import annotations

import torch
from torch import Tensor

from samara.segment_anything.modeling.hq import answer
from samara.segment_anything.modeling.sam import Sam
from samara.segment_anything.utils import onnx
from samara.segment_anything.utils.amg import calculate_stability_score

__all__ = ["SamOnnxModel", "calculate_stability_score"]


class SamOnnxModel(onnx.SamOnnxModel):
    """HQ-SAM's version of `samara.segment_anything.utils.onnx.SamOnnxModel`.

    Args:
        model: network from HQ-SAM's registry.
        hq_token_only: return the HQ mask alone.
        multimask_output: start from the best of SAM's three masks instead of the single one.
        use_stability_score: score masks by stability instead of predicted IoU.
        return_extra_metrics: also return stability scores and areas.
    """

    def __init__(
        self,
        model: Sam,
        hq_token_only: bool = False,
        multimask_output: bool = False,
        use_stability_score: bool = False,
        return_extra_metrics: bool = False,
    ) -> None:
        super().__init__(model, True, use_stability_score, return_extra_metrics)
        self.hq_token_only = hq_token_only
        self.multimask_output = multimask_output

    @torch.no_grad()
    def forward(  # type: ignore[override]  # noqa: PLR0917 - HQ-SAM's own arguments
        self,
        image_embeddings: Tensor,
        interm_embeddings: Tensor,
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
        orig_im_size: Tensor,
    ) -> tuple[Tensor, ...]:
        """Predict the mask of one prompt; with `interm_embeddings` (1, B, h, w, V), otherwise as SAM's, M = 1."""
        decoder = self.model.mask_decoder
        early = decoder.compress_vit_feat(interm_embeddings[0].permute(0, 3, 1, 2))
        masks, scores = decoder.predict_masks(
            image_embeddings=image_embeddings,
            image_pe=self.model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=self._embed_points(point_coords, point_labels),
            dense_prompt_embeddings=self._embed_masks(mask_input, has_mask_input),
            hq_features=decoder.embedding_encoder(image_embeddings) + early,
        )
        if self.use_stability_score:
            scores = self._stability(masks)
        return self._answer(*answer(masks, scores, self.multimask_output, self.hq_token_only), orig_im_size)
