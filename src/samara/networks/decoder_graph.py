"""The mask decoder in a form suited to exporters and their runtimes: three graphs of matrix products, same weights.

    details   HQ-SAM only: features of one image → additional input for drawing its masks, once per image (SAM 2's masks
              are drawn on the features themselves)
    look      image and prompt tokens → predicted IoU, and the inputs of draw
    draw      for the prompts worth drawing → mask logits

The image stays a list of tokens (S = h · w of them) from beginning to end. K images come with n prompts each,
N = K · n: prompts without mask input share their image (K = 1), prompts with mask input have each its own (n = 1).

Differs from `two_way_transformer`, with the same result: where few tokens meet many, the many are not projected.
With scores q · k = (t Wq) · (x Wk) = (t Wq Wkᵀ) · x the projection moves to the few tokens t, as for values and the
other direction; the keys' bias adds the same to every score of a token and cancels in the softmax. For a click (7
tokens) this halves the work of the second block. In the first block all prompts of an image see the same keys, so there
the image is projected, once.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.networks.hq_mask_decoder import HqMaskDecoder
from samara.networks.mask_decoder import MaskDecoder
from samara.networks.pixelwise import as_linear, normalise_pixels
from samara.networks.sam2_hq_mask_decoder import Sam2HqMaskDecoder
from samara.networks.sam2_mask_decoder import Sam2MaskDecoder
from samara.networks.two_way_transformer import Attention, TwoWayAttentionBlock


class DetailsGraph(nn.Module):
    """(1, C + V, h, w) → (1, C / 8, 4h, 4w), see `HqMaskDecoder.details_of`."""

    def __init__(self, decoder: MaskDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        details: Tensor | None = self.decoder.details_of(features)
        assert details is not None, "only decoders that make some have this graph"
        return details


class LookGraph(nn.Module):
    """The two-way transformer and the heads that depend only on tokens.

    Args:
        decoder: of any family.
        positions: (1, C, h, w) of the grid, float32.
    """

    positions: Tensor

    def __init__(self, decoder: MaskDecoder, positions: Tensor) -> None:
        super().__init__()
        self.decoder = decoder
        self.register_buffer("positions", positions.detach().flatten(2).transpose(1, 2).contiguous())  # (1, S, C)

    def forward(self, image: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Let the tokens of prompts and their images look at each other.

        Args:
            image: (K, C, h, w), image embeddings, dense prompts added; without early features and finer maps.
            prompts: (K, n, T, C), sparse prompt embeddings.

        Returns:
            predicted_iou: (N, 4), of the single mask and of the three; HQ-SAM (N, 2), of the two candidate base masks.
            weights: (N, 4, C / 8), weights of the upscaled image's channels for these masks; HQ-SAM (N, 2, C / 4):
                SAM's weights, then those of the HQ mask, which both share; HQ-SAM 2 (N, 5, C / 4) likewise, and last
                the HQ mask alone.
            image: (N, S, C), updated by the prompts.
        """
        decoder = self.decoder
        wanted = decoder.output_tokens()  # (1 + 4, C), HQ-SAM one more
        K, n, _, _ = prompts.shape  # noqa: N806
        tokens = torch.cat([wanted.expand(K, n, -1, -1), prompts], dim=2)
        tokens, seen = self._attend(image.flatten(2).transpose(1, 2), tokens)
        answered = tokens[:, decoder.iou_token_index : wanted.shape[0]]  # (N, 1 + 4, C)
        iou = decoder.iou_prediction_head(answered[:, 0])
        mlps = decoder.output_hypernetworks_mlps
        weights = torch.stack([mlp(answered[:, 1 + index]) for index, mlp in enumerate(mlps)], dim=1)
        if isinstance(decoder, HqMaskDecoder):
            best = 1 + iou[:, 1:].argmax(dim=1, keepdim=True)  # (N, 1)
            answers = torch.cat([torch.zeros_like(best), best], dim=1)
            iou = iou.gather(1, answers)
            weights = weights.gather(1, answers.unsqueeze(-1).expand(-1, -1, weights.shape[-1]))
            weights = _with_hq(weights, decoder.hf_mlp(answered[:, -1:]))
        if isinstance(decoder, Sam2HqMaskDecoder):
            alone = torch.zeros_like(weights[:, :1])
            weights = _with_hq(torch.cat([weights, alone], dim=1), decoder.hf_mlp(answered[:, -1:]))
        return iou, weights, seen

    def _attend(self, image: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Image (K, S, C) and tokens (K, n, T, C) → tokens (N, T, C), image (N, S, C)."""
        transformer, positions = self.decoder.transformer, self.positions
        first, *others = transformer.blocks
        queries, keys = _first_block(first, image, tokens, positions)
        query_pe = tokens.flatten(0, 1)  # (N, T, C)
        for block in others:
            queries, keys = _block(block, queries, keys, query_pe, positions)
        looked = _few_look_at_many(transformer.final_attn_token_to_image, queries + query_pe, keys + positions, keys)
        return transformer.norm_final_attn(queries + looked), keys


def _with_hq(weights: Tensor, of_hq: Tensor) -> Tensor:
    """Append the weights of the HQ mask (N, 1, K) to those of each of SAM's masks: (N, M, K) → (N, M, 2K)."""
    return torch.cat([weights, of_hq.expand(-1, weights.shape[1], -1)], dim=-1)


def _first_block(
    block: TwoWayAttentionBlock, image: Tensor, tokens: Tensor, positions: Tensor
) -> tuple[Tensor, Tensor]:
    """The first two-way block: all prompts of an image see the same keys."""
    K, n, T, C = tokens.shape  # noqa: N806
    S = image.shape[1]  # noqa: N806
    query_pe = tokens.flatten(0, 1)  # (N, T, C)
    queries = block.consult(query_pe, query_pe)
    positioned = image + positions  # (K, S, C)

    # Tokens of all prompts of an image attend to it together.
    together = (queries + query_pe).view(K, n * T, C)
    looked = block.cross_attn_token_to_image(together, positioned, image)
    queries = block.digest(queries, looked.view(K * n, T, C))

    # The image attends to the tokens of each prompt, with the same queries for all of them.
    attention = block.cross_attn_image_to_token
    heads, d = attention.num_heads, attention.q_proj.out_features // attention.num_heads
    q = attention.q_proj(positioned).view(K, 1, S, heads, d).transpose(2, 3)  # (K, 1, heads, S, d)
    k = attention.k_proj(queries + query_pe).view(K, n, T, heads, d).permute(0, 1, 3, 4, 2)  # (K, n, heads, d, T)
    scores = ((q * d**-0.5) @ k).softmax(dim=-1)  # (K, n, heads, S, T)
    v = attention.v_proj(queries).view(K, n, T, heads, d).transpose(2, 3)  # (K, n, heads, T, d)
    attended = (scores @ v).transpose(2, 3).reshape(K, n, S, heads * d)
    keys = image.unsqueeze(1) + attention.out_proj(attended)  # (K, n, S, C)
    return queries, block.norm4(keys.flatten(0, 1))


def _block(
    block: TwoWayAttentionBlock, queries: Tensor, keys: Tensor, query_pe: Tensor, positions: Tensor
) -> tuple[Tensor, Tensor]:
    """Run any other two-way block, where each prompt has its own keys; (N, T, C) and (N, S, C) in and out."""
    queries = block.consult(queries, query_pe)
    positioned = keys + positions
    looked = _few_look_at_many(block.cross_attn_token_to_image, queries + query_pe, positioned, keys)
    queries = block.digest(queries, looked)
    keys = keys + _many_look_at_few(block.cross_attn_image_to_token, positioned, queries + query_pe, queries)
    return queries, block.norm4(keys)


def _few_look_at_many(attention: Attention, tokens: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attend from (N, T, C) to (N, S, C) without projecting keys or values; (N, T, C)."""
    N, T, C = tokens.shape  # noqa: N806
    heads, d = attention.num_heads, attention.q_proj.out_features // attention.num_heads
    q = attention.q_proj(tokens).view(N, T, heads, d).transpose(1, 2) * d**-0.5  # (N, heads, T, d)
    asked = q @ attention.k_proj.weight.view(heads, d, C)  # (N, heads, T, C)
    scores = (asked.flatten(1, 2) @ keys.transpose(1, 2)).softmax(dim=-1)  # (N, heads · T, S)
    seen = (scores @ values).view(N, heads, T, C)
    told = seen @ attention.v_proj.weight.view(heads, d, C).transpose(1, 2)  # (N, heads, T, d)
    told = told.transpose(1, 2).reshape(N, T, heads * d) + attention.v_proj.bias
    return attention.out_proj(told)  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped


def _many_look_at_few(attention: Attention, image: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attend from (N, S, C) to (N, T, C) without projecting queries or the output; (N, S, C)."""
    N, T, C = keys.shape  # noqa: N806
    S = image.shape[1]  # noqa: N806
    heads, d = attention.num_heads, attention.q_proj.out_features // attention.num_heads
    k = attention.k_proj(keys).view(N, T, heads, d).transpose(1, 2) * d**-0.5  # (N, heads, T, d)
    asked = k @ attention.q_proj.weight.view(heads, d, C)  # (N, heads, T, C)
    constant = k @ attention.q_proj.bias.view(heads, d, 1)  # (N, heads, T, 1)
    scores = image @ asked.flatten(1, 2).transpose(1, 2) + constant.view(N, 1, heads * T)  # (N, S, heads · T)
    scores = scores.view(N, S, heads, T).softmax(dim=-1).view(N, S, heads * T)
    v = attention.v_proj(values).view(N, T, heads, d).transpose(1, 2)  # (N, heads, T, d)
    told = v @ attention.out_proj.weight.view(C, heads, d).permute(1, 2, 0)  # (N, heads, T, C)
    output: Tensor = scores @ told.flatten(1, 2) + attention.out_proj.bias
    return output


class DrawGraph(nn.Module):
    """Upscale the image updated by the prompts, and combine its channels into masks, for SAM.

    Each of the two transposed convolutions has a kernel as wide as its stride, so it is one product per token; the
    pixels are rearranged last, when the channels have been reduced to masks.
    """

    first: Tensor
    second: Tensor

    def __init__(self, decoder: MaskDecoder, grid_hw: tuple[int, int]) -> None:
        super().__init__()
        self.grid_hw = grid_hw
        first, self.norm, self.activation, second = decoder.upscaling_layers()
        self.first, self.first_bias = (nn.Buffer(tensor.detach().contiguous()) for tensor in as_linear(first))
        self.second, self.second_bias = (nn.Buffer(tensor.detach().contiguous()) for tensor in as_linear(second))

    def forward(self, weights: Tensor, image: Tensor) -> Tensor:
        """Weights (N, M, C / 8) and image (N, S, C) → logits (N, M, 4h, 4w)."""
        return self._drawn(weights, image)

    def _drawn(
        self, weights: Tensor, image: Tensor, finest: Tensor | None = None, finer: Tensor | None = None
    ) -> Tensor:
        """With what is added between the layers: (1, S, 16, C / 8) and (1, S, 4, C / 4), or nothing."""
        return self._placed(self._pixels(image, finest, finer) @ weights.transpose(1, 2))

    def _pixels(self, image: Tensor, finest: Tensor | None, finer: Tensor | None) -> Tensor:
        """Channels of the upscaled image, (N, S · 16, C / 8)."""
        N, S, _ = image.shape  # noqa: N806
        x = F.linear(image, self.first, self.first_bias).view(N, S, 4, -1)  # (N, S, 4, C / 4)
        x = x if finer is None else x + finer
        x = self.activation(normalise_pixels(self.norm, x))
        x = F.linear(x, self.second, self.second_bias).view(N, S, 16, len(self.second_bias) // 4)
        upscaled: Tensor = self.activation(x if finest is None else x + finest)
        return upscaled.view(N, S * 16, len(self.second_bias) // 4)

    def _placed(self, pixels: Tensor) -> Tensor:
        """Put pixels (N, S · 16, M) into the order of images, (N, M, 4h, 4w)."""
        N, _, M = pixels.shape  # noqa: N806
        h, w = self.grid_hw
        placed = pixels.view(N, h, w, 2, 2, 2, 2, M)  # row and column of the token, of the half, of the quarter
        return placed.permute(0, 7, 1, 3, 5, 2, 4, 6).reshape(N, M, 4 * h, 4 * w)


class Sam2DrawGraph(DrawGraph):
    """The same for SAM 2, with the finer maps of the image added between the layers."""

    def __init__(self, decoder: Sam2MaskDecoder, grid_hw: tuple[int, int]) -> None:
        super().__init__(decoder, grid_hw)
        self.finer_maps = decoder.finer_maps

    def forward(self, weights: Tensor, image: Tensor, details: Tensor) -> Tensor:  # type: ignore[override]
        """Weights (N, M, C / 8), image (N, S, C) and details (1, C + V, h, w) → logits (N, M, 4h, 4w)."""
        finest, finer = (one for one in self._by_token(details))
        return self._drawn(weights, image, finest, finer)

    def _by_token(self, details: Tensor) -> Iterator[Tensor]:
        """The finer maps in the order of the layers' outputs: (1, S, s², V), a cell's halves before its quarters."""
        start = details.shape[1] - sum(one.packed_channels for one in self.finer_maps)
        h, w = self.grid_hw
        for one in self.finer_maps:
            packed = details[:, start : start + one.packed_channels]
            start += one.packed_channels
            halvings = one.scale.bit_length() - 1
            # (V, rows of each halving, columns of each halving, S) → (S, row and column of each halving, V)
            cells = packed.reshape(one.channels, *[2] * (2 * halvings), h * w)
            order = [axis for step in range(halvings) for axis in (1 + step, 1 + halvings + step)]
            yield cells.permute(1 + 2 * halvings, *order, 0).reshape(1, h * w, one.scale**2, one.channels)


class Sam2HqDrawGraph(Sam2DrawGraph):
    """Like `Sam2DrawGraph`, for HQ-SAM 2: SAM's masks plus the HQ mask, as one product."""

    def __init__(self, decoder: Sam2HqMaskDecoder, grid_hw: tuple[int, int]) -> None:
        super().__init__(decoder, grid_hw)
        self.convolved = decoder.embedding_maskfeature

    def forward(self, weights: Tensor, image: Tensor, details: Tensor) -> Tensor:  # type: ignore[override]
        """Weights (N, M, C / 4), image (N, S, C) and details (1, C + V, h, w) → logits (N, M, 4h, 4w)."""
        N, M, _ = weights.shape  # noqa: N806
        h, w = self.grid_hw
        upscaled = self._placed(self._pixels(image, *self._by_token(details)))  # (N, C / 8, 4h, 4w)
        masks: Tensor = weights @ torch.cat([upscaled, self.convolved(upscaled)], dim=1).flatten(2)
        return masks.reshape(N, M, 4 * h, 4 * w)


class HqDrawGraph(nn.Module):
    """Like `DrawGraph`, for HQ-SAM: SAM's masks plus the HQ mask, as one product."""

    def __init__(self, decoder: HqMaskDecoder, grid_hw: tuple[int, int]) -> None:
        super().__init__()
        self.grid_hw = grid_hw
        self.upscaling, self.convolved = decoder.output_upscaling, decoder.embedding_maskfeature

    def forward(self, weights: Tensor, image: Tensor, details: Tensor) -> Tensor:
        """Weights (N, M, C / 4), image (N, S, C) and details (1, C / 8, 4h, 4w) → logits (N, M, 4h, 4w).

        Zeros as SAM's weights, the first half, result in the HQ mask alone.
        """
        N, M, _ = weights.shape  # noqa: N806
        h, w = self.grid_hw
        # No size is inferred: the exporter would fix it to the example's.
        upscaled = self.upscaling(image.transpose(1, 2).reshape(N, image.shape[2], h, w))
        fine = self.convolved(upscaled) + details
        masks: Tensor = weights @ torch.cat([upscaled, fine], dim=1).flatten(2)
        return masks.reshape(N, M, 4 * h, 4 * w)


def draw_graph(decoder: MaskDecoder, grid_hw: tuple[int, int]) -> nn.Module:
    """Return the graph that draws what a decoder's `LookGraph` saw; it takes details where `details_of` gives some."""
    if isinstance(decoder, HqMaskDecoder):
        return HqDrawGraph(decoder, grid_hw)
    if isinstance(decoder, Sam2HqMaskDecoder):
        return Sam2HqDrawGraph(decoder, grid_hw)
    if isinstance(decoder, Sam2MaskDecoder):
        return Sam2DrawGraph(decoder, grid_hw)
    return DrawGraph(decoder, grid_hw)
