"""HQ-SAM 2's mask decoder: SAM 2's plus one token whose mask is added to every one of SAM's.

Unlike HQ-SAM it returns three masks for an ambiguous prompt, and no early features of the encoder come in: the HQ mask
is drawn on the upscaled image, which has SAM 2's finer maps already, after two more convolutions. Which mask is the
single one is decided by SAM's masks, before the HQ mask is added; so wherever all masks are drawn, the HQ mask alone
stands behind them.

Source: SysCV/sam-hq `sam-hq2/sam2/modeling/sam/mask_hq_decoder.py` @fb181f8 for key names and the choice of masks.
"""

from __future__ import annotations

import torch
from torch import Tensor

from samara.networks.hq_mask_decoder import fine_features
from samara.networks.layers import MLP, learned_tokens
from samara.networks.mask_decoder import THREE_MASKS, Look, MaskDecoder, Shared, no_answers, weighted_sums, whole_image
from samara.networks.plain import module_parts
from samara.networks.sam2_mask_decoder import ALL_MASKS, Sam2MaskDecoder, Sam2TwoWayTransformer


class Sam2HqMaskDecoder(Sam2MaskDecoder):
    """Predict masks; arguments as of `Sam2MaskDecoder`.

    In a `Sam2Look` of this decoder, the HQ token is behind SAM's mask tokens: `mask_tokens` (N, 1 + 3 + 1, C).
    """

    def __init__(
        self, *, transformer: Sam2TwoWayTransformer, transformer_dim: int = 256, by_stability: bool = True
    ) -> None:
        super().__init__(transformer=transformer, transformer_dim=transformer_dim, by_stability=by_stability)
        drawn = transformer_dim // 8
        self.hf_token = learned_tokens(1, transformer_dim)
        self.hf_mlp = MLP(transformer_dim, transformer_dim, drawn, 3)
        self.embedding_maskfeature = fine_features(drawn, 2 * drawn)
        self.made_of = module_parts(self)

    def forward(
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
        multimask_output: bool,
        *,
        image_of_prompt: Tensor | None = None,
        hq_token_only: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Predict the masks of N prompts; see `Sam2MaskDecoder.forward`.

        With `hq_token_only`, the result is the HQ mask alone, (N, 1, 4h, 4w), and `iou_of_hq`.
        """
        asked = (image_embeddings, image_pe, sparse_prompt_embeddings, dense_prompt_embeddings)
        if not hq_token_only:
            return super().forward(*asked, multimask_output, image_of_prompt=image_of_prompt)
        if not len(sparse_prompt_embeddings):
            return no_answers(image_embeddings, 1)
        look = self.look(*asked, image_of_prompt=image_of_prompt)
        return self.draw_hq(look), self.iou_of_hq(look.predicted_iou, multimask=multimask_output)

    @property
    def weight_channels(self) -> int:
        """See `MaskDecoder.weight_channels`; SAM's and those of the HQ mask."""
        return 2 * super().weight_channels

    def output_tokens(self) -> Tensor:
        """Return the output tokens, (1 + 1 + 4 + 1, C)."""
        return torch.cat([super().output_tokens(), self.hf_token.weight])

    def share(
        self, image_embedding: Tensor, image_pe: Tensor, dense_prompt_embedding: Tensor, dtype: torch.dtype
    ) -> Shared:
        """As `MaskDecoder.share`: the convolutions of the HQ mask need whole images, not the pixels one by one."""
        return MaskDecoder.share(self, image_embedding, image_pe, dense_prompt_embedding, dtype)

    def draw(self, look: Look, masks: slice) -> Tensor:
        """Run the second half: the sums of SAM's masks and the HQ mask.

        Args:
            look: result of this decoder's `look`.
            masks: which of SAM's.

        Returns:
            (N, M, 4h, 4w) logits; for all masks M = 5, the last of them the HQ mask alone.
        """
        upscaled = self._upscaled(look, whole_image(look.image))
        of_hq = self._hq_mask(look, upscaled)
        sums = weighted_sums(self._weights(look.mask_tokens[:, :-1], masks), upscaled) + of_hq
        return torch.cat([sums, of_hq], dim=1) if masks == ALL_MASKS else sums

    def draw_hq(self, look: Look) -> Tensor:
        """Run the second half for the HQ mask alone, (N, 1, 4h, 4w) logits."""
        return self._hq_mask(look, self._upscaled(look, whole_image(look.image)))

    def iou_of_hq(self, predicted_iou: Tensor, *, multimask: bool) -> Tensor:
        """Return what is predicted for the HQ mask alone: (N, 1), SAM's for its single mask, or the best of its three.

        The network predicts IoU of SAM's masks only.
        """
        return predicted_iou[:, THREE_MASKS].amax(dim=1, keepdim=True) if multimask else predicted_iou[:, :1]

    def _sams(self, logits: Tensor) -> Tensor:
        """SAM's first mask of the drawn ones."""
        return logits[:, :1] - logits[:, -1:]

    def _hq_mask(self, look: Look, upscaled: Tensor) -> Tensor:
        return weighted_sums(self.hf_mlp(look.mask_tokens[:, -1:]), self.embedding_maskfeature(upscaled))
