"""Prompts that share an image, all at once: the form of `shared_attention` for GPUs, a few large products each.

The rows of a prompt are ordered by token, then head. So the same memory is, without a copy, a matrix per prompt (T · A,
L), for products with its own weights, and a matrix per head (N · T, L), for products with what prompts share.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from samara.networks.shared_image import (
    SharedAttention,
    SharedBlock,
    SharedImage,
    SharedNorm,
    SharedRows,
    only_once,
    scale_of,
)
from samara.networks.two_way_transformer import Attention, TwoWayAttentionBlock


class AllAtOnce:
    """The images of N prompts during the pass through the blocks; see `PromptedImages` for scale, rows and weights."""

    def __init__(self, shared: SharedImage, tokens: Tensor) -> None:
        N, T, _ = tokens.shape  # noqa: N806
        self.heads, _, L = shared.values.shape  # noqa: N806
        self.new_rows = T * self.heads
        self.buffer = shared.values.new_empty(N, 1 + len(shared.blocks) * (self.new_rows + 1), L)
        self.buffer[:, 0].fill_(1)
        self.scale = torch.ones(N, 1, L, device=tokens.device)
        self.values: list[Tensor] = []  # of each block so far, (N, T, A, D)
        self.count = 0
        self.rows = tokens[:, :0]

    @property
    def weights(self) -> Tensor:
        """(N, R, L)."""
        return self.buffer[:, : self.count]

    def look(self, attention: Attention, keys: SharedAttention, values: Tensor, queries: Tensor) -> Tensor:
        """Attend from tokens to the image: (N, T, C) → (N, T, C)."""
        q = self._split(attention.q_proj(queries)) * scale_of(values)
        chances = self._logits(q, keys, F.linear(self.rows, attention.k_proj.weight))
        torch.softmax(chances, dim=-1, out=chances)  # (N, T · A, L)
        own = self._own_part(chances, F.linear(self.rows, attention.v_proj.weight), q)
        if self.count:
            chances *= self.scale
        seen = torch.bmm(self._by_head(chances), values.mT).view(self.heads, *q.shape[:2], -1).permute(1, 2, 0, 3)
        looked: Tensor = attention.out_proj((seen + own).flatten(2) + attention.v_proj.bias)
        return looked

    def update(self, block: TwoWayAttentionBlock, shared: SharedBlock, queries: Tensor, tokens: Tensor) -> None:
        """Attend from the image to the tokens, and normalise it."""
        attention = block.cross_attn_image_to_token
        k = self._split(attention.k_proj(queries + tokens)) * scale_of(shared.values)
        logits = self._logits(k, shared.queries, F.linear(self.rows, attention.q_proj.weight))
        self.values.append(self._split(attention.v_proj(queries)))
        old = max(self.count, 1)
        new = self.buffer[:, old : old + self.new_rows]
        by_token = logits.view(*k.shape[:3], -1)  # (N, T, A, L)
        new.copy_(by_token.softmax(dim=1).flatten(1, 2))
        self._normalise(shared.norm, old)
        self.buffer[:, old + self.new_rows].fill_(1)
        self.count = old + self.new_rows + 1
        self.rows = _rows(shared.norm.after, self.values)

    def _logits(self, of_tokens: Tensor, image: SharedAttention, of_rows: Tensor) -> Tensor:
        """Multiply tokens (N, T, A, D) with all pixels, (N, T · A, L); `of_rows` are the rows, projected as pixels."""
        N, T, heads, D = of_tokens.shape  # noqa: N806
        dtype = image.image.dtype
        logits = image.image.new_empty(N, self.new_rows, image.image.shape[-1])
        by_head = self._by_head(logits)
        tokens = of_tokens.to(dtype).view(N * T, heads, D).transpose(0, 1)  # (A, N · T, D)
        torch.bmm(tokens, image.image, out=by_head)
        if self.count:
            products = torch.einsum("ntad,nrad->ntar", of_tokens, self._split(of_rows)).flatten(1, 2).to(dtype)
            logits *= self.scale
            logits.baddbmm_(products, self.weights)
        by_head.baddbmm_(tokens, image.position)
        return logits

    def _own_part(self, chances: Tensor, of_rows: Tensor, q: Tensor) -> Tensor:
        """Return what tokens see of the rows, (N, T, A, D); `of_rows` are the rows, projected like values."""
        if not self.count:
            return torch.zeros_like(q, dtype=chances.dtype)
        mixed = torch.bmm(chances, self.weights.mT).view(*q.shape[:3], -1)  # (N, T, A, R)
        return torch.einsum("ntar,nrad->ntad", mixed, self._split(of_rows).to(chances.dtype))

    def _normalise(self, norm: SharedNorm, old: int) -> None:
        """Scale the pixels to unit variance, see the one-by-one form in `shared_attention`."""
        rows = _rows(norm.centred, self.values)
        dtype, count = self.buffer.dtype, old + self.new_rows
        products = only_once(rows @ rows.mT, old).to(dtype)
        weights = self.buffer[:, :count]
        sums = torch.empty_like(weights)
        start = 0
        for constant, heads, value in zip(norm.constants, norm.heads, self.values, strict=True):
            sums[:, start] = constant
            of_heads = torch.bmm(value.to(dtype).flatten(0, 1).transpose(0, 1), heads)  # (A, N · T, L)
            sums[:, start + 1 : start + 1 + self.new_rows] = of_heads.transpose(0, 1).reshape(
                len(sums), self.new_rows, -1
            )
            start += 1 + self.new_rows
        sums *= 2 * self.scale
        sums[:, :old].baddbmm_(products[:, :old, :old], weights[:, :old])
        sums[:, old:].baddbmm_(products[:, old:], weights)
        sums *= weights
        squares = sums.sum(1, keepdim=True, dtype=torch.float32) + self.scale.square() * norm.squares
        shrink = torch.rsqrt(squares / norm.centred.constants[0].numel() + norm.eps)
        self.scale *= shrink
        weights *= shrink

    def _split(self, x: Tensor) -> Tensor:
        """(N, ·, A · D) → (N, ·, A, D)."""
        return x.view(*x.shape[:-1], self.heads, x.shape[-1] // self.heads)

    def _by_head(self, x: Tensor) -> Tensor:
        """View (N, T · A, L) as (A, N · T, L)."""
        return x.view(-1, self.heads, x.shape[-1]).transpose(0, 1)


def _rows(factors: SharedRows, values: Sequence[Tensor]) -> Tensor:
    """Compute all rows of N prompts, (N, R, C), from each block's values (N, T, A, D), constants first."""
    N = len(values[0])  # noqa: N806
    parts = []
    for constant, output, value in zip(factors.constants, factors.outputs, values, strict=False):
        parts += [constant.expand(N, 1, -1), torch.einsum("ntad,adc->ntac", value, output).flatten(1, 2)]
    parts += [constant.expand(N, 1, -1) for constant in factors.constants[len(factors.outputs) :]]
    return torch.cat(parts, dim=1)
