"""Prompts that share an image: the mask decoder's transformer without its image of each prompt, see `shared_image`.

Nothing is approximated: results differ from `TwoWayTransformer.forward`, the reference
(tests/networks/test_shared_attention.py), only by the order of sums. This is for inference: buffers are written in
place, so gradients cannot flow.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from samara.networks.shared_batch import AllAtOnce
from samara.networks.shared_image import (
    PromptedImages,
    SharedAttention,
    SharedBlock,
    SharedImage,
    SharedNorm,
    by_head,
    only_once,
    scale_of,
    takes_all_at_once,
)
from samara.networks.two_way_transformer import Attention, TwoWayAttentionBlock, TwoWayTransformer


def attend(transformer: TwoWayTransformer, shared: SharedImage, tokens: Tensor) -> tuple[Tensor, PromptedImages]:
    """Let the tokens of N prompts and their image attend to each other; `TwoWayTransformer.forward` for one image.

    Args:
        transformer: the transformer used for `shared`.
        shared: the shared image.
        tokens: (N, T, C).

    Returns:
        tokens: (N, T, C).
        images: the image updated by the prompts.
    """
    run: _OneByOne | AllAtOnce = (AllAtOnce if takes_all_at_once(tokens.device) else _OneByOne)(shared, tokens)
    queries = tokens
    for block, its_share in zip(transformer.blocks, shared.blocks, strict=True):
        queries = block.consult(queries, tokens)
        attention = block.cross_attn_token_to_image
        looked = run.look(attention, its_share.keys, its_share.values, queries + tokens)
        queries = block.digest(queries, looked)
        run.update(block, its_share, queries, tokens)
    attention = transformer.final_attn_token_to_image
    looked = run.look(attention, shared.keys, shared.values, queries + tokens)
    images = PromptedImages(shared.base, shared.projected, run.scale, run.rows, run.weights, shared.grid_hw)
    behind: Tensor = transformer.norm_final_attn(queries + looked)
    return behind, images


class _OneByOne:
    """The images of N prompts during the pass through the blocks.

    Rows and weights grow by those of a block and a constant at a time, in a preallocated buffer. The loops over prompts
    are deliberate, see `takes_all_at_once`.
    """

    def __init__(self, shared: SharedImage, tokens: Tensor) -> None:
        N, T, _ = tokens.shape  # noqa: N806
        heads, _, L = shared.values.shape  # noqa: N806
        self.new_rows = heads * T
        self.buffer = shared.values.new_empty(N, 1 + len(shared.blocks) * (self.new_rows + 1), L)
        self.buffer[:, 0] = 1
        self.workspace = torch.empty_like(self.buffer[0])
        self.scale = torch.ones(N, 1, L, device=tokens.device)
        self.values: list[Tensor] = []
        self.count = 0
        self.rows = tokens[:, :0]

    @property
    def weights(self) -> Tensor:
        """(N, R, L)."""
        return self.buffer[:, : self.count]

    def look(self, attention: Attention, keys: SharedAttention, values: Tensor, queries: Tensor) -> Tensor:
        """Attend from tokens to the image: (N, T, C) → (N, T, C)."""
        heads, dtype = attention.num_heads, values.dtype
        q = _split(attention.q_proj(queries), heads) * scale_of(values)
        of_rows = (q @ _split(F.linear(self.rows, attention.k_proj.weight), heads).mT).flatten(1, 2).to(dtype)
        q = q.to(dtype)
        mixed = torch.empty(*q.shape[:2], q.shape[2], self.count, dtype=dtype, device=q.device)
        seen = torch.empty_like(q)
        logits = self.workspace[: self.new_rows]
        heads_first = by_head(logits, heads)
        for n in range(len(q)):
            self._logits(logits, q[n], keys, of_rows[n], n)
            torch.softmax(heads_first, dim=-1, out=heads_first)
            if self.count:
                torch.mm(logits, self.weights[n].T, out=mixed[n].flatten(0, 1))
                logits *= self.scale[n]
            torch.bmm(heads_first, values.mT, out=seen[n])
        if self.count:
            seen = seen + mixed @ _split(F.linear(self.rows, attention.v_proj.weight), heads).to(dtype)
        seen = seen.transpose(1, 2).flatten(2) + attention.v_proj.bias
        looked: Tensor = attention.out_proj(seen)
        return looked

    def update(self, block: TwoWayAttentionBlock, shared: SharedBlock, queries: Tensor, tokens: Tensor) -> None:
        """Attend from the image to the tokens, and normalise it."""
        attention = block.cross_attn_image_to_token
        heads, dtype = attention.num_heads, shared.values.dtype
        k = _split(attention.k_proj(queries + tokens), heads) * scale_of(shared.values)
        of_rows = (k @ _split(F.linear(self.rows, attention.q_proj.weight), heads).mT).flatten(1, 2).to(dtype)
        k = k.to(dtype)
        self.values.append(_split(attention.v_proj(queries), heads))
        old = max(self.count, 1)
        centred = shared.norm.centred.rows(self.values)
        products = only_once(centred @ centred.mT, old).to(dtype)
        values = [value.to(dtype) for value in self.values]
        logits = self.workspace[: self.new_rows]
        for n in range(len(k)):
            self._logits(logits, k[n], shared.queries, of_rows[n], n)
            new = self.buffer[n, old : old + self.new_rows]
            torch.softmax(by_head(logits, heads), dim=1, out=by_head(new, heads))
            self._normalise(shared.norm, products[n], [value[n] for value in values], n, old)
        self.count = old + self.new_rows + 1
        self.rows = shared.norm.after.rows(self.values)

    def _logits(self, out: Tensor, of_tokens: Tensor, image: SharedAttention, of_rows: Tensor, n: int) -> None:
        """Multiply tokens (A, T, D) with the pixels of prompt n, into (A · T, L)."""
        heads_first = by_head(out, len(of_tokens))
        torch.bmm(of_tokens, image.image, out=heads_first)
        if self.count:
            out *= self.scale[n]
            out.addmm_(of_rows, self.weights[n])
        heads_first.baddbmm_(of_tokens, image.position)

    def _normalise(self, norm: SharedNorm, products: Tensor, values: list[Tensor], n: int, old: int) -> None:
        """Scale the pixels of prompt n to unit variance.

        |scale ⊙ Z + rowsᵀ w|² = scale² |Z|² + Σ w ⊙ (2 scale ⊙ rows Z + (rows rowsᵀ) w)
        """
        count = old + self.new_rows
        weights, sums = self.buffer[n, :count], self.workspace[:count]
        start = 0
        for constant, heads, value in zip(norm.constants, norm.heads, values, strict=True):
            sums[start] = constant
            torch.bmm(value, heads, out=by_head(sums[start + 1 : start + 1 + self.new_rows], len(value)))
            start += 1 + self.new_rows
        scale = self.scale[n]
        sums *= 2 * scale
        sums[:old].addmm_(products[:old, :old], weights[:old])
        sums[old:].addmm_(products[old:], weights)
        sums *= weights
        squares = sums.sum(0, keepdim=True, dtype=torch.float32) + scale.square() * norm.squares
        shrink = torch.rsqrt(squares / norm.centred.constants[0].numel() + norm.eps)
        scale *= shrink
        weights *= shrink
        self.buffer[n, count] = 1


def _split(x: Tensor, heads: int) -> Tensor:
    """(N, T, A · D) → (N, A, T, D)."""
    N, T, width = x.shape  # noqa: N806
    return x.view(N, T, heads, width // heads).transpose(1, 2)
