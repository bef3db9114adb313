"""The official `modeling.mask_decoder`, based on samara's mask decoder."""

from __future__ import annotations

from torch import Tensor

from samara.networks import mask_decoder
from samara.networks.layers import MLP, LayerNorm2d
from samara.networks.mask_decoder import no_answers

__all__ = ["MLP", "LayerNorm2d", "MaskDecoder"]

ALL_MASKS = slice(None)
ASKED = ("image_embeddings", "image_pe", "sparse_prompt_embeddings", "dense_prompt_embeddings")
"""Official names of the arguments of `predict_masks`."""


class MaskDecoder(mask_decoder.MaskDecoder):
    """Mask decoder; overriding `predict_masks` also changes `forward`, as in the official class."""

    def _answer(self, masks: slice, *asked: Tensor, image_of_prompt: Tensor | None) -> tuple[Tensor, Tensor]:
        given = dict(zip(ASKED, asked, strict=True))
        if image_of_prompt is not None:  # samara's argument, which an override may lack
            given["image_of_prompt"] = image_of_prompt
        logits, iou = self.predict_masks(**given)
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
        """Predict all masks: the single one, then the three. Arguments and results as in `forward`, M = 4."""
        prompts = len(sparse_prompt_embeddings)
        if not prompts:
            return no_answers(image_embeddings, self.num_mask_tokens)
        look = self.look(
            image_embeddings,
            image_pe.expand(prompts, -1, -1, -1),  # a custom transformer may expect one per prompt
            sparse_prompt_embeddings,
            dense_prompt_embeddings.expand(prompts, -1, -1, -1),  # one may be shared by all
            image_of_prompt=image_of_prompt,
        )
        return self.draw(look, ALL_MASKS), look.predicted_iou
