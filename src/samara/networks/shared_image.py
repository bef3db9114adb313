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

from samara.networks.two_way_transformer import TwoWayAttentionBlock, TwoWayTransformer


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
        """Project the images by the next layer, some prompts at a time: (n, L, K), pixel by pixel, without its bias.

        Args:
            weight: (K, C), the layer's weight; the one passed to `share_image`.
        """
        dtype = self.projected.dtype
        rows = F.linear(self.rows, weight).to(dtype)
        if takes_all_at_once(rows.device):
            yield torch.baddbmm(self.projected * self.scale.mT.to(dtype), self.weights.mT, rows)
            return
        for scale, row, weights in zip(self.scale, rows, self.weights, strict=True):
            yield torch.addmm(self.projected * scale.T.to(dtype), weights.T, row).unsqueeze(0)


def takes_all_at_once(device: torch.device) -> bool:
    """Return whether a device is fastest with all prompts in one product each.

    A processor is not: the few megabytes of one prompt stay in its cache.
    """
    return device.type != "cpu"


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
        values=by_head(last.v_proj.weight @ base, last.num_heads).to(dtype),
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
    values = by_head(looking.v_proj.weight @ base, heads).to(dtype)
    queries = _share_attention(looked_at.q_proj, base, positions, heads, dtype)
    centred = base - base.mean(0)
    norm = _share_norm(block, centred, rows, dtype)
    return SharedBlock(keys, values, queries, norm), centred * block.norm4.weight[:, None], norm.after


def _share_norm(block: TwoWayAttentionBlock, centred_base: Tensor, rows: SharedRows, dtype: torch.dtype) -> SharedNorm:
    out = block.cross_attn_image_to_token.out_proj
    heads = block.cross_attn_image_to_token.num_heads
    new = by_head(out.weight.T, heads)  # (A, D, C)
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
        image=by_head(layer.weight @ base, heads).to(dtype),
        position=by_head(torch.addmm(layer.bias[:, None], layer.weight, positions), heads).to(dtype),
    )


def by_head(x: Tensor, heads: int) -> Tensor:
    """View (A · D, ·) as (A, D, ·)."""
    return x.view(heads, -1, x.shape[-1])


def only_once(products: Tensor, old: int) -> Tensor:
    """Zero the upper right block of symmetric products (N, R, R) and double the lower left: the same sum."""
    products = products.clone()
    products[:, old:, :old] *= 2
    return products


def scale_of(values: Tensor) -> float:
    """Return the scale of attention logits; values (A, D, L)."""
    return float(values.shape[1] ** -0.5)
