"""EfficientSAM's mask decoder: SAM's with GELU everywhere, other residuals between tokens, and another norm.

What differs from SAM's (`mask_decoder`, `two_way_transformer`):

* the tokens' attention to each other always adds to its input, also in the first block;
* from the second block on the tokens get their positions before it, and keep them: queries, keys, values and the
  residual contain them;
* all heads and feed-forward parts have GELU, the heads two hidden layers and a last one named `fc`;
* between the upscaling layers all channels and pixels of a mask's image are normalised together;
* the published code returns three masks whatever the prompt, so where one mask is asked for, it is the best of them by
  predicted IoU. The first of the four masks is drawn only by `draw`.

Source: Xiong et al. 2023 (EfficientSAM); yformer/EfficientSAM `efficient_sam/efficient_sam_decoder.py`,
`two_way_transformer.py` and `mlp.py` @d525f62 for key names and constants.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from samara.networks.mask_decoder import SINGLE_MASK, THREE_MASKS, Look, MaskDecoder
from samara.networks.plain import module_parts
from samara.networks.two_way_transformer import TwoWayAttentionBlock, TwoWayTransformer


class GeluMlp(nn.Module):
    """Linear layers with GELU in between.

    Args:
        input_dim: width of the input.
        hidden_dim: width of the hidden layers.
        output_dim: width of the output.
        hidden_layers: how many there are.
    """

    def __init__(self, input_dim: int, hidden_dim: int, output_dim: int, hidden_layers: int) -> None:
        super().__init__()
        widths = [input_dim, *[hidden_dim] * hidden_layers]
        self.layers = nn.Sequential(*(nn.Sequential(nn.Linear(a, b), nn.GELU()) for a, b in pairwise(widths)))
        self.fc = nn.Linear(hidden_dim, output_dim)

    def forward(self, x: Tensor) -> Tensor:
        """(..., input_dim) → (..., output_dim)."""
        output: Tensor = self.fc(self.layers(x))
        return output


class EfficientSamBlock(TwoWayAttentionBlock):
    """Two-way block whose tokens keep their positions."""

    def __init__(
        self,
        embedding_dim: int,
        num_heads: int,
        mlp_dim: int,
        attention_downsample_rate: int,
        skip_first_layer_pe: bool,
    ) -> None:
        super().__init__(
            embedding_dim,
            num_heads,
            mlp_dim,
            attention_downsample_rate=attention_downsample_rate,
            skip_first_layer_pe=skip_first_layer_pe,
        )
        mlp = GeluMlp(embedding_dim, mlp_dim, embedding_dim, hidden_layers=1)
        self.mlp = mlp  # type: ignore[assignment]  # called in the same way

    def consult(self, queries: Tensor, query_pe: Tensor) -> Tensor:
        """Apply self-attention to the tokens, (N, T, C) in and out; see the module."""
        queries = queries if self.skip_first_layer_pe else queries + query_pe
        consulted: Tensor = self.norm1(queries + self.self_attn(queries, queries, queries))
        return consulted


class EfficientSamTwoWayTransformer(TwoWayTransformer):
    """SAM's transformer of other blocks."""

    def __init__(
        self,
        depth: int = 2,
        embedding_dim: int = 256,
        num_heads: int = 8,
        mlp_dim: int = 2048,
        attention_downsample_rate: int = 2,
    ) -> None:
        super().__init__(depth, embedding_dim, num_heads, mlp_dim, attention_downsample_rate=attention_downsample_rate)
        self.layers = nn.ModuleList(
            EfficientSamBlock(embedding_dim, num_heads, mlp_dim, attention_downsample_rate, index == 0)
            for index in range(depth)
        )


class EfficientSamMaskDecoder(MaskDecoder):
    """Predict masks.

    Args:
        transformer: the two-way transformer, of width `transformer_dim`.
        transformer_dim: C of embeddings and tokens.
    """

    def __init__(self, *, transformer: EfficientSamTwoWayTransformer, transformer_dim: int = 256) -> None:
        super().__init__(transformer=transformer, transformer_dim=transformer_dim)
        middle, drawn = transformer_dim // 4, transformer_dim // 8
        del self.output_upscaling
        self.final_output_upscaling_layers = nn.Sequential(
            nn.Sequential(
                nn.ConvTranspose2d(transformer_dim, middle, kernel_size=2, stride=2),
                nn.GroupNorm(1, middle),
                nn.GELU(),
            ),
            nn.Sequential(nn.ConvTranspose2d(middle, drawn, kernel_size=2, stride=2), nn.GELU()),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            GeluMlp(transformer_dim, transformer_dim, drawn, hidden_layers=2) for _ in range(self.num_mask_tokens)
        )
        head = GeluMlp(transformer_dim, transformer_dim, self.num_mask_tokens, hidden_layers=2)
        self.iou_prediction_head = head  # type: ignore[assignment]  # called in the same way
        self.made_of = module_parts(self)

    @property
    def masks_for_single(self) -> slice:
        """The three masks, the best of which is the single one."""
        return THREE_MASKS

    def single_of(self, logits: Tensor, predicted_iou: Tensor) -> tuple[Tensor, Tensor]:
        """Return the best of three masks by predicted IoU, see `MaskDecoder.single_of`."""
        best = predicted_iou.argmax(dim=1, keepdim=True)  # (N, 1)
        return logits.take_along_dim(best[..., None, None], dim=1), predicted_iou.take_along_dim(best, dim=1)

    def _answer(self, masks: slice, *asked: Tensor, image_of_prompt: Tensor | None) -> tuple[Tensor, Tensor]:
        """See `MaskDecoder._answer`."""
        if masks != SINGLE_MASK:
            return super()._answer(masks, *asked, image_of_prompt=image_of_prompt)
        return self.single_of(*super()._answer(self.masks_for_single, *asked, image_of_prompt=image_of_prompt))

    def _upscaled(self, look: Look, image: Tensor) -> Tensor:
        del look
        upscaled: Tensor = self.final_output_upscaling_layers(image)
        return upscaled

    def upscaling_layers(self) -> tuple[nn.ConvTranspose2d, nn.GroupNorm, nn.GELU, nn.ConvTranspose2d]:
        """See `MaskDecoder.upscaling_layers`."""
        whole, halves = self.final_output_upscaling_layers
        return whole[0], whole[1], whole[2], halves[0]  # type: ignore[index]  # as built above
