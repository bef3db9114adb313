"""The official `modeling.mask_decoder`, on samara's mask decoder."""

from __future__ import annotations

from torch import Tensor

from samara.networks import mask_decoder
from samara.networks.layers import MLP, LayerNorm2d
from samara.networks.mask_decoder import SINGLE_MASK, THREE_MASKS, no_answers

__all__ = ["MLP", "LayerNorm2d", "MaskDecoder"]

ALL_MASKS = slice(None)


class MaskDecoder(mask_decoder.MaskDecoder):
    """Predict masks; whatever overrides `predict_masks` changes `forward` too, as in the official class."""

    def forward(
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
        multimask_output: bool,
        *,
        image_of_prompt: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Predict the masks of N prompts; see `samara.networks.mask_decoder.MaskDecoder.forward`.

        Args:
            image_embeddings: (B, C, h, w).
            image_pe: (1, C, h, w).
            sparse_prompt_embeddings: (N, T, C).
            dense_prompt_embeddings: (N, C, h, w).
            multimask_output: three masks instead of one.
            image_of_prompt: (N,) int64, ours: index of the image that each prompt belongs to.

        Returns:
            low_res_logits (N, M, 4h, 4w) and predicted IoU (N, M).
        """
        logits, iou = self.predict_masks(
            image_embeddings=image_embeddings,
            image_pe=image_pe,
            sparse_prompt_embeddings=sparse_prompt_embeddings,
            dense_prompt_embeddings=dense_prompt_embeddings,
            **({} if image_of_prompt is None else {"image_of_prompt": image_of_prompt}),
        )
        masks = THREE_MASKS if multimask_output else SINGLE_MASK
        return logits[:, masks], iou[:, masks]

    def predict_masks(
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
        *,
        image_of_prompt: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """All masks: the single one, then the three. Arguments and results as `forward`, M = 4."""
        prompts = len(sparse_prompt_embeddings)
        if not prompts:
            return no_answers(image_embeddings, self.num_mask_tokens)
        look = self.look(
            image_embeddings,
            image_pe.expand(prompts, -1, -1, -1),  # a transformer of somebody else's may count on one per prompt
            sparse_prompt_embeddings,
            dense_prompt_embeddings.expand(prompts, -1, -1, -1),  # one may be given for all
            image_of_prompt=image_of_prompt,
        )
        return self.draw(look, ALL_MASKS), look.predicted_iou
