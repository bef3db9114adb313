"""The mask decoder's transformer for many prompts on one image: exact, at an eighth of the arithmetic.

For every prompt the image side of two-way attention is the same image plus a few directions: a prompt of T tokens adds
to each pixel a mixture of A · T rows, and layer normalisation scales a pixel and adds a constant. So before each block,
and at the end, the image of a prompt is

    x = scale ⊙ Z + rowsᵀ · weights,        scale (L,), Z (C, L), rows (R, C), weights (R, L)

where Z is the same for all prompts. Linear layers are applied to Z once per image (`SharedImage`); applying them to the
rest costs R instead of C multiplications per pixel; with the seven tokens of a click R is 58 after one block and 115
after two. The variance for a norm follows from products of rows. The image of a prompt is never materialised.

Nothing is approximated: results differ from `TwoWayTransformer.forward`, the reference
(tests/networks/test_shared_image.py), only by the order of sums. This is for inference: buffers are written in place,
so gradients cannot flow.

Letters besides those of docs/notation.md: L = h · w pixels of the embedding, A heads, D their width, R rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.networks.two_way_transformer import Attention, TwoWayAttentionBlock, TwoWayTransformer


@dataclass(frozen=True)
class SharedAttention:
    """The image's part of an attention layer's keys or queries, the same for every prompt.

    Attributes:
        image: (A, D, L), from Z.
        position: (A, D, L), from the positions of the pixels, and the layer's bias.
    """

    image: Tensor
    position: Tensor


@dataclass(frozen=True)
class SharedRows:
    """The factors of the rows, after some blocks.

    Attributes:
        outputs: matrices of each block so far, (A, D, C): its values times these are its rows.
        constants: constant rows (C,), the same for every prompt; one more than blocks.
    """

    outputs: tuple[Tensor, ...]
    constants: tuple[Tensor, ...]

    def rows(self, values: Sequence[Tensor]) -> Tensor:
        """Compute all rows of N prompts, (N, R, C), from each block's values (N, A, T, D), constants first."""
        N = len(values[0])  # noqa: N806
        parts = []
        for constant, output, value in zip(self.constants, self.outputs, values, strict=False):
            parts += [constant.expand(N, 1, -1), (value @ output).flatten(1, 2)]
        parts += [constant.expand(N, 1, -1) for constant in self.constants[len(self.outputs) :]]
        return torch.cat(parts, dim=1)


@dataclass(frozen=True)
class SharedNorm:
    """The inputs of the norm at the end of a block.

    Attributes:
        centred: the rows minus their mean over the channels, including the new block's.
        squares: (L,) float32, squared length of the pixels of Z minus their mean.
        heads: products of each block's `centred.outputs` with Z, (A, D, L).
        constants: products of each constant row with Z, (L,).
        after: the rows after the norm.
        eps: epsilon of the norm.
    """

    centred: SharedRows
    squares: Tensor
    heads: tuple[Tensor, ...]
    constants: tuple[Tensor, ...]
    after: SharedRows
    eps: float


@dataclass(frozen=True)
class SharedBlock:
    """One block's shared part: keys and values for tokens, queries to tokens, and the norm."""

    keys: SharedAttention
    values: Tensor
    queries: SharedAttention
    norm: SharedNorm


@dataclass(frozen=True)
class SharedImage:
    """What every prompt on one image shares.

    Attributes:
        blocks: the blocks, in order.
        keys: keys of the final attention of the tokens to the image.
        values: (A, D, L), values of the same.
        base: (C, L), Z after the last block.
        projected: (L, K), `base` projected by the next layer, without its bias.
        grid_hw: (h, w).
    """

    blocks: tuple[SharedBlock, ...]
    keys: SharedAttention
    values: Tensor
    base: Tensor
    projected: Tensor
    grid_hw: tuple[int, int]


@dataclass(frozen=True)
class PromptedImages:
    """The image updated by each of N prompts: scale ⊙ base + rowsᵀ · weights.

    Attributes:
        base: (C, L).
        projected: (L, K), see `SharedImage`.
        scale: (N, 1, L).
        rows: (N, R, C).
        weights: (N, R, L).
        grid_hw: (h, w).
    """

    base: Tensor
    projected: Tensor
    scale: Tensor
    rows: Tensor
    weights: Tensor
    grid_hw: tuple[int, int]

    def __getitem__(self, prompts: Tensor) -> PromptedImages:
        """Select some of the prompts: (K,) indices or (N,) booleans."""
        return replace(self, scale=self.scale[prompts], rows=self.rows[prompts], weights=self.weights[prompts])

    def __len__(self) -> int:
        """N."""
        return len(self.scale)

    def whole(self) -> Tensor:
        """Materialise the images, (N, C, h, w)."""
        images = torch.baddbmm(self.scale * self.base, self.rows.mT, self.weights.to(self.rows.dtype))
        return images.view(*images.shape[:2], *self.grid_hw)

    def project(self, weight: Tensor) -> Iterator[Tensor]:
        """Project the images by the next layer, one prompt at a time: (L, K), pixel by pixel, without its bias.

        Args:
            weight: (K, C), the layer's weight; the one passed to `share_image`.
        """
        rows = F.linear(self.rows, weight).to(self.projected.dtype)
        for scale, row, weights in zip(self.scale, rows, self.weights, strict=True):
            yield torch.addmm(self.projected * scale.T.to(self.projected.dtype), weights.T, row)


def share_image(
    transformer: TwoWayTransformer,
    image: Tensor,
    positions: Tensor,
    next_weight: Tensor,
    dtype: torch.dtype = torch.float32,
) -> SharedImage:
    """Compute once what every prompt on an image would repeat.

    Args:
        transformer: transformer of the mask decoder.
        image: (C, h, w) float32, the embedding with the dense prompt shared by all prompts.
        positions: (C, h, w) float32, positional encoding of the grid.
        next_weight: (K, C), weight of the linear layer applied to the images, see `PromptedImages.project`.
        dtype: dtype of the prompts' computation; sums over channels are computed in float32 before.
    """
    grid_hw = (image.shape[-2], image.shape[-1])
    base, positions = image.flatten(1).float(), positions.flatten(1).float()
    rows = SharedRows((), ())
    blocks = []
    for block in transformer.blocks:
        shared, base, rows = _share_block(block, base, positions, rows, dtype)
        blocks.append(shared)
    last = transformer.final_attn_token_to_image
    return SharedImage(
        blocks=tuple(blocks),
        keys=_share_attention(last.k_proj, base, positions, last.num_heads, dtype),
        values=_by_head(last.v_proj.weight @ base, last.num_heads).to(dtype),
        base=base,
        projected=(base.T @ next_weight.T).to(dtype),
        grid_hw=grid_hw,
    )


def _share_block(
    block: TwoWayAttentionBlock, base: Tensor, positions: Tensor, rows: SharedRows, dtype: torch.dtype
) -> tuple[SharedBlock, Tensor, SharedRows]:
    """Compute one block's shared part, and base and rows after it."""
    looking, looked_at = block.cross_attn_token_to_image, block.cross_attn_image_to_token
    heads = looking.num_heads
    keys = _share_attention(looking.k_proj, base, positions, heads, dtype)
    values = _by_head(looking.v_proj.weight @ base, heads).to(dtype)
    queries = _share_attention(looked_at.q_proj, base, positions, heads, dtype)
    centred = base - base.mean(0)
    norm = _share_norm(block, centred, rows, dtype)
    return SharedBlock(keys, values, queries, norm), centred * block.norm4.weight[:, None], norm.after


def _share_norm(block: TwoWayAttentionBlock, centred_base: Tensor, rows: SharedRows, dtype: torch.dtype) -> SharedNorm:
    out = block.cross_attn_image_to_token.out_proj
    heads = block.cross_attn_image_to_token.num_heads
    new = _by_head(out.weight.T, heads)  # (A, D, C)
    *earlier, last = rows.constants or (torch.zeros_like(out.bias),)
    centred = SharedRows(
        outputs=tuple(output - output.mean(-1, keepdim=True) for output in (*rows.outputs, new)),
        constants=tuple(constant - constant.mean() for constant in (*earlier, last + out.bias)),
    )
    gain = block.norm4.weight
    return SharedNorm(
        centred=centred,
        squares=centred_base.square().sum(0),
        heads=tuple((output @ centred_base).to(dtype) for output in centred.outputs),
        constants=tuple((constant @ centred_base).to(dtype) for constant in centred.constants),
        after=SharedRows(
            outputs=tuple(output * gain for output in centred.outputs),
            constants=(*(constant * gain for constant in centred.constants), block.norm4.bias),
        ),
        eps=block.norm4.eps,
    )


def _share_attention(
    layer: nn.Linear, base: Tensor, positions: Tensor, heads: int, dtype: torch.dtype
) -> SharedAttention:
    return SharedAttention(
        image=_by_head(layer.weight @ base, heads).to(dtype),
        position=_by_head(torch.addmm(layer.bias[:, None], layer.weight, positions), heads).to(dtype),
    )


def _by_head(x: Tensor, heads: int) -> Tensor:
    """View (A · D, ·) as (A, D, ·)."""
    return x.view(heads, -1, x.shape[-1])


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
    run = _Run(shared, tokens)
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


class _Run:
    """The images of N prompts during the pass through the blocks.

    Rows and weights grow by those of a block and a constant at a time, in a preallocated buffer. The loops over prompts
    are deliberate: the few megabytes of one prompt stay in the CPU cache.
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
        q = _split(attention.q_proj(queries), heads) * _scale_of(values)
        of_rows = (q @ _split(F.linear(self.rows, attention.k_proj.weight), heads).mT).flatten(1, 2).to(dtype)
        q = q.to(dtype)
        mixed = torch.empty(*q.shape[:2], q.shape[2], self.count, dtype=dtype, device=q.device)
        seen = torch.empty_like(q)
        logits = self.workspace[: self.new_rows]
        by_head = _by_head(logits, heads)
        for n in range(len(q)):
            self._logits(logits, q[n], keys, of_rows[n], n)
            torch.softmax(by_head, dim=-1, out=by_head)
            if self.count:
                torch.mm(logits, self.weights[n].T, out=mixed[n].flatten(0, 1))
                logits *= self.scale[n]
            torch.bmm(by_head, values.mT, out=seen[n])
        if self.count:
            seen = seen + mixed @ _split(F.linear(self.rows, attention.v_proj.weight), heads).to(dtype)
        seen = seen.transpose(1, 2).flatten(2) + attention.v_proj.bias
        looked: Tensor = attention.out_proj(seen)
        return looked

    def update(self, block: TwoWayAttentionBlock, shared: SharedBlock, queries: Tensor, tokens: Tensor) -> None:
        """Attend from the image to the tokens, and normalise it."""
        attention = block.cross_attn_image_to_token
        heads, dtype = attention.num_heads, shared.values.dtype
        k = _split(attention.k_proj(queries + tokens), heads) * _scale_of(shared.values)
        of_rows = (k @ _split(F.linear(self.rows, attention.q_proj.weight), heads).mT).flatten(1, 2).to(dtype)
        k = k.to(dtype)
        self.values.append(_split(attention.v_proj(queries), heads))
        old = max(self.count, 1)
        centred = shared.norm.centred.rows(self.values)
        products = _half(centred @ centred.mT, old).to(dtype)
        values = [value.to(dtype) for value in self.values]
        logits = self.workspace[: self.new_rows]
        for n in range(len(k)):
            self._logits(logits, k[n], shared.queries, of_rows[n], n)
            new = self.buffer[n, old : old + self.new_rows]
            torch.softmax(_by_head(logits, heads), dim=1, out=_by_head(new, heads))
            self._normalise(shared.norm, products[n], [value[n] for value in values], n, old)
        self.count = old + self.new_rows + 1
        self.rows = shared.norm.after.rows(self.values)

    def _logits(self, out: Tensor, of_tokens: Tensor, image: SharedAttention, of_rows: Tensor, n: int) -> None:
        """Multiply tokens (A, T, D) with the pixels of prompt n, into (A · T, L)."""
        by_head = _by_head(out, len(of_tokens))
        torch.bmm(of_tokens, image.image, out=by_head)
        if self.count:
            out *= self.scale[n]
            out.addmm_(of_rows, self.weights[n])
        by_head.baddbmm_(of_tokens, image.position)

    def _normalise(self, norm: SharedNorm, products: Tensor, values: list[Tensor], n: int, old: int) -> None:
        """Scale the pixels of prompt n to unit variance.

        |scale ⊙ Z + rowsᵀ w|² = scale² |Z|² + Σ w ⊙ (2 scale ⊙ rows Z + (rows rowsᵀ) w)
        """
        count = old + self.new_rows
        weights, sums = self.buffer[n, :count], self.workspace[:count]
        start = 0
        for constant, heads, value in zip(norm.constants, norm.heads, values, strict=True):
            sums[start] = constant
            torch.bmm(value, heads, out=_by_head(sums[start + 1 : start + 1 + self.new_rows], len(value)))
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


def _half(products: Tensor, old: int) -> Tensor:
    """Zero the upper right block of symmetric products (N, R, R) and double the lower left: the same sum."""
    products = products.clone()
    products[:, old:, :old] *= 2
    return products


def _split(x: Tensor, heads: int) -> Tensor:
    """(N, T, A · D) → (N, A, T, D)."""
    N, T, width = x.shape  # noqa: N806
    return x.view(N, T, heads, width // heads).transpose(1, 2)


def _scale_of(values: Tensor) -> float:
    """Return the scale of attention logits; values (A, D, L)."""
    return float(values.shape[1] ** -0.5)
