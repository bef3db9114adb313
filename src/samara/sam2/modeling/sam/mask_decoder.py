"""The official `modeling.sam.mask_decoder`, on samara's decoder of SAM 2.

Here the finer maps come beside the image embedding, as `high_res_features`, and the two convolutions that make them
belong to the decoder, as in the published files.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from samara.errors import PromptError
from samara.networks import sam2_mask_decoder
from samara.networks.architectures import SAM2_MAPS
from samara.networks.finer_maps import pack
from samara.networks.layers import MLP, LayerNorm2d
from samara.networks.mask_decoder import SINGLE_MASK, THREE_MASKS
from samara.networks.sam2_mask_decoder import ALL_MASKS, Sam2Look, Sam2TwoWayTransformer

__all__ = ["MLP", "LayerNorm2d", "MaskDecoder"]

Answer = tuple[Tensor, Tensor, Tensor, Tensor]
"""Low-res logits (N, M, 4h, 4w), predicted IoU (N, M), tokens (N, M, C), object score (N, 1) as a logit."""


class MaskDecoder(sam2_mask_decoder.Sam2MaskDecoder):
    """Predict masks; whatever overrides `predict_masks` changes `forward` too, as in the official class.

    Args:
        transformer: the two-way transformer, of width `transformer_dim`.
        transformer_dim: C of embeddings and tokens.
        dynamic_multimask_via_stability: see the property.
    """

    use_high_res_features = True
    pred_obj_scores = True
    use_multimask_token_for_obj_ptr = True

    def __init__(
        self,
        *,
        transformer: Sam2TwoWayTransformer,
        transformer_dim: int = 256,
        dynamic_multimask_via_stability: bool = False,
    ) -> None:
        super().__init__(
            transformer=transformer,
            transformer_dim=transformer_dim,
            by_stability=dynamic_multimask_via_stability,
        )
        finest, finer = SAM2_MAPS
        self.conv_s0 = nn.Conv2d(transformer_dim, finest.channels, kernel_size=1)
        self.conv_s1 = nn.Conv2d(transformer_dim, finer.channels, kernel_size=1)

    @property
    def dynamic_multimask_via_stability(self) -> bool:
        """Whether, in eval mode, a single mask that is not stable gives way to the best of three."""
        return self.by_stability

    @dynamic_multimask_via_stability.setter
    def dynamic_multimask_via_stability(self, wanted: bool) -> None:
        self.by_stability = wanted

    @property
    def dynamic_multimask_stability_delta(self) -> float:
        """Logits that the threshold is moved by to see whether a mask is stable."""
        return self.stability_offset

    @dynamic_multimask_stability_delta.setter
    def dynamic_multimask_stability_delta(self, offset: float) -> None:
        self.stability_offset = offset

    @property
    def dynamic_multimask_stability_thresh(self) -> float:
        """What stability a mask needs."""
        return self.stability_thresh

    @dynamic_multimask_stability_thresh.setter
    def dynamic_multimask_stability_thresh(self, threshold: float) -> None:
        self.stability_thresh = threshold

    def forward(  # type: ignore[override]  # noqa: PLR0917 - the official arguments and results
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
        multimask_output: bool,
        repeat_image: bool,
        high_res_features: Sequence[Tensor] | None = None,
    ) -> Answer:
        """Predict the masks of N prompts.

        Args:
            image_embeddings: (N, C, h, w), one image for each prompt; with `repeat_image` (1, C, h, w) for all.
            image_pe: (1, C, h, w).
            sparse_prompt_embeddings: (N, T, C).
            dense_prompt_embeddings: (N, C, h, w), or (1, C, h, w) for all.
            multimask_output: three masks per prompt instead of one.
            repeat_image: whether all prompts are on one image.
            high_res_features: (·, 32, 4h, 4w) and (·, 64, 2h, 2w), of the images or of one for all.

        Returns:
            low_res_logits: (N, M, 4h, 4w), M = 3 or 1.
            predicted_iou: (N, M), in [0, 1].
            sam_tokens: (N, M, C); for a single mask always the first token, also where another mask took its place.
            object_score: (N, 1) logits.

        Raises:
            PromptError: numbers of images and prompts that do not fit, or no `high_res_features`.
        """
        logits, iou, tokens, object_score = self.predict_masks(
            image_embeddings=image_embeddings,
            image_pe=image_pe,
            sparse_prompt_embeddings=sparse_prompt_embeddings,
            dense_prompt_embeddings=dense_prompt_embeddings,
            repeat_image=repeat_image,
            high_res_features=high_res_features,
        )
        if multimask_output:
            return logits[:, THREE_MASKS], iou[:, THREE_MASKS], tokens[:, THREE_MASKS], object_score
        masks = self.masks_for_single
        return *self.single_of(logits[:, masks], iou[:, masks]), tokens[:, SINGLE_MASK], object_score

    def predict_masks(
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
        repeat_image: bool,
        high_res_features: Sequence[Tensor] | None = None,
    ) -> Answer:
        """All masks: the single one, then the three. Arguments and results as `forward`, M = 4."""
        prompts = len(sparse_prompt_embeddings)
        images = _packed(image_embeddings, high_res_features, prompts, repeat_image)
        if not prompts:
            return self._no_answer(image_embeddings)
        look = self.look(
            images, image_pe, sparse_prompt_embeddings, dense_prompt_embeddings.expand(prompts, -1, -1, -1)
        )
        assert isinstance(look, Sam2Look), "made by `_judge`"
        return self.draw(look, ALL_MASKS), look.predicted_iou, look.mask_tokens, look.object_score

    def _no_answer(self, image_embeddings: Tensor) -> Answer:
        """What no prompts get; no layer has to know of them."""
        h, w = image_embeddings.shape[-2:]
        shapes = ((4, 4 * h, 4 * w), (4,), (4, self.transformer_dim), (1,))
        logits, iou, tokens, object_score = (image_embeddings.new_zeros(0, *shape) for shape in shapes)
        return logits, iou, tokens, object_score


def _packed(
    image_embeddings: Tensor, high_res_features: Sequence[Tensor] | None, prompts: int, repeat_image: bool
) -> Tensor:
    """Image embeddings with their finer maps behind them, (1 or N, C + V, h, w)."""
    if high_res_features is None:
        raise PromptError(
            "SAM 2's mask decoder needs high_res_features; those of an image are in backbone_fpn of forward_image, "
            "and in _features['high_res_feats'] of a predictor"
        )
    if not repeat_image and len(image_embeddings) != prompts:
        raise PromptError(
            f"{len(image_embeddings)} image embeddings for {prompts} prompts; give one for each, or "
            "repeat_image=True with one for all"
        )
    parts = [image_embeddings, *high_res_features]
    images = max(len(part) for part in parts)
    if any(len(part) not in (1, images) for part in parts) or (prompts and images not in (1, prompts)):
        numbers = ", ".join(str(len(part)) for part in parts)
        raise PromptError(f"embeddings and finer maps of {numbers} images for {prompts} prompts do not fit")
    embeddings, *maps = (part.expand(images, *[-1] * (part.ndim - 1)) for part in parts)
    return pack(embeddings, maps)
