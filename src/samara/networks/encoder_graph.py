"""Image encoders in a form suited to exporters and their runtimes: fixed shapes, matrix products, the same weights.

The networks in this package are written for PyTorch, where global attention is sliced to bound memory. Runtimes that
compile a whole graph fuse attention themselves if it is not sliced: product, bias, softmax, product.

Differs from `vit`, with the same result: in a windowed block the border is padded after the projection to queries, keys
and values, with the projection's bias, and cropped before the output projection. At 1024 px that saves 16 % of both
projections.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from samara.networks.folding import folded, may_fold
from samara.networks.hiera import PATCH_STRIDE, Hiera, through_stages
from samara.networks.layers import join_windows, split_windows
from samara.networks.plain import sharing_copy
from samara.networks.plain_vit import PATCH, PlainViT
from samara.networks.sam2_image_encoder import Sam2ImageEncoder
from samara.networks.vit import Attention, Block, ImageEncoderViT, fed_forward, relative_positions


def encoder_graph(encoder: nn.Module, input_size: int) -> nn.Module:
    """Convert an image encoder to the form for export.

    Args:
        encoder: an encoder of this package, unadapted (`plain.is_plain`), in eval mode.
        input_size: side of the square input in pixels; the form is valid for no other.

    Returns:
        (1, 3, S, S) → the encoder's output. Shares the encoder's weights, but for those that were folded.
    """
    form = folded(encoder) if may_fold(encoder) else sharing_copy(encoder)
    if isinstance(form, Sam2ImageEncoder):
        form.trunk = HieraGraph(form.trunk, input_size)  # type: ignore[assignment]  # called in the same way
    if isinstance(form, ImageEncoderViT):
        grid = input_size // form.patch_size
        form.pos_embed = nn.Parameter(form.positions(grid, grid).detach(), requires_grad=False)
        form.blocks = nn.ModuleList(BlockGraph(block, grid) for block in form.blocks)  # type: ignore[arg-type]
    if isinstance(form, PlainViT):
        return PlainViTGraph(form, input_size).eval()
    return form.eval()


class HieraGraph(nn.Module):
    """Hiera's trunk for one input size, its positions computed; see `hiera.Hiera`."""

    positions: Tensor

    def __init__(self, trunk: Hiera, input_size: int) -> None:
        super().__init__()
        grid = input_size // PATCH_STRIDE
        self.patch_embed, self.blocks, self.last_blocks = trunk.patch_embed, trunk.blocks, trunk.last_blocks
        self.register_buffer("positions", trunk.positions(grid, grid).detach().contiguous())

    def forward(self, images: Tensor) -> list[Tensor]:
        """(1, 3, S, S) → the outputs of the stages, the finest first."""
        x = self.patch_embed(images) + self.positions
        return through_stages(x, self.blocks, self.last_blocks)


class PlainViTGraph(nn.Module):
    """A plain ViT for one input size, its positions computed; see `plain_vit.PlainViT`."""

    positions: Tensor

    def __init__(self, encoder: PlainViT, input_size: int) -> None:
        super().__init__()
        grid = input_size // PATCH
        self.encoder = encoder
        self.register_buffer("positions", encoder.positions(grid, grid).detach().contiguous())

    def forward(self, images: Tensor) -> Tensor:
        """(1, 3, S, S) → (1, C, h, w)."""
        return self.encoder.with_positions(images, self.positions)


class BlockGraph(nn.Module):
    """A ViT block for one grid; see `vit.Block`."""

    def __init__(self, block: Block, grid: int) -> None:
        super().__init__()
        self.norm1, self.norm2, self.mlp, self.Adapter = block.norm1, block.norm2, block.mlp, block.Adapter
        self.window_size = block.window_size
        self.grid = grid
        self.attend = AttentionGraph(block.attn, block.window_size or grid)

    def forward(self, x: Tensor) -> Tensor:
        """(1, h, w, D) in and out."""
        x = x + self._attended(self.norm1(x))
        return x + fed_forward(self.norm2(x), self.mlp, self.Adapter)

    def _attended(self, x: Tensor) -> Tensor:
        qkv = self.attend.qkv(x)  # (1, h, w, 3 · D)
        if self.window_size:
            qkv = split_windows(self._padded(qkv), self.window_size)
        attended = self.attend(qkv)
        if self.window_size:
            attended = join_windows(attended, (self.grid, self.grid))
        return self.attend.proj(attended)  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped

    def _padded(self, qkv: Tensor) -> Tensor:
        """Pad to whole windows with the projection of zeros."""
        missing = -self.grid % self.window_size
        if not missing:
            return qkv
        bias = self.attend.qkv.bias
        qkv = torch.cat([qkv, bias.expand(1, missing, self.grid, -1)], dim=1)
        return torch.cat([qkv, bias.expand(1, self.grid + missing, missing, -1)], dim=2)


class AttentionGraph(nn.Module):
    """Attention with relative positions over whole grids of one size; see `vit.Attention`."""

    rows: Tensor
    columns: Tensor

    def __init__(self, attention: Attention, size: int) -> None:
        super().__init__()
        self.qkv, self.proj, self.num_heads = attention.qkv, attention.proj, attention.num_heads
        self.register_buffer("rows", relative_positions(attention.rel_pos_h, size).detach())
        self.register_buffer("columns", relative_positions(attention.rel_pos_w, size).detach())

    def forward(self, qkv: Tensor) -> Tensor:
        """Queries, keys and values of G grids, (G, size, size, 3 · D) → (G, size, size, D)."""
        G, size, _, D = qkv.shape  # noqa: N806
        D //= 3  # noqa: N806
        heads, T = self.num_heads, size * size  # noqa: N806
        q, k, v = qkv.view(G, T, 3, heads, D // heads).permute(2, 0, 3, 1, 4).flatten(1, 2)  # each (G · heads, T, d)
        grid_q = q.reshape(G * heads, size, size, D // heads)
        bias_h = torch.einsum("bhwd,hkd->bhwk", grid_q, self.rows)
        bias_w = torch.einsum("bhwd,wkd->bhwk", grid_q, self.columns)
        # Exactly this form: OpenVINO fuses it into one kernel, but not scores + one bias of (T, T).
        scores = ((q * (D // heads) ** -0.5) @ k.transpose(-2, -1)).view(-1, size, size, size, size)
        scores = scores + bias_h[..., :, None] + bias_w[..., None, :]
        attended = (scores.view(-1, T, T).softmax(dim=-1) @ v).view(G, heads, T, D // heads)
        output: Tensor = attended.transpose(1, 2).reshape(G, size, size, D)
        return output
