"""The mask decoder's transformer: tokens attend to the image, the image attends to the tokens.

Source: Kirillov et al. 2023, appendix A "Lightweight mask decoder", figure 14; segment-anything
`modeling/transformer.py` @dca509f for key names, constants and the arguments of the constructors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch.nn.functional as F
from torch import Tensor, nn

from samara.errors import SettingsError
from samara.networks.layers import MLPBlock

NORM_EPSILON = 1e-5
"""Of SAM's norms there, PyTorch's own."""


class TwoWayTransformer(nn.Module):
    """Two-way blocks and a final attention of the tokens to the image.

    Args:
        depth: number of blocks.
        embedding_dim: C of tokens and image.
        num_heads: attention heads.
        mlp_dim: hidden width of a block's feed-forward part.
        activation: activation of that part.
        attention_downsample_rate: C / width of queries and keys in cross-attention.
    """

    def __init__(
        self,
        depth: int = 2,
        embedding_dim: int = 256,
        num_heads: int = 8,
        mlp_dim: int = 2048,
        activation: Callable[[], nn.Module] = nn.ReLU,
        attention_downsample_rate: int = 2,
    ) -> None:
        super().__init__()
        self.depth, self.embedding_dim, self.num_heads, self.mlp_dim = depth, embedding_dim, num_heads, mlp_dim
        self.layers = nn.ModuleList(
            TwoWayAttentionBlock(
                embedding_dim,
                num_heads,
                mlp_dim,
                activation,
                attention_downsample_rate,
                skip_first_layer_pe=index == 0,
            )
            for index in range(depth)
        )
        self.final_attn_token_to_image = Attention(embedding_dim, num_heads, attention_downsample_rate)
        self.norm_final_attn = nn.LayerNorm(embedding_dim, eps=NORM_EPSILON)

    @property
    def blocks(self) -> list[TwoWayAttentionBlock]:
        """The two-way blocks of an unadapted transformer, in order; an adapted one may have other layers."""
        return list(self.layers)  # type: ignore[arg-type]  # built above

    def with_norm_epsilon(self, epsilon: float) -> Self:
        """Set the epsilon of every norm; the constructors have the official arguments alone."""
        for module in self.modules():
            if isinstance(module, nn.LayerNorm):
                module.eps = epsilon
        return self

    def forward(self, image_embedding: Tensor, image_pe: Tensor, point_embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Let tokens and image attend to each other.

        Args:
            image_embedding: (N, C, h, w), dense prompts already added.
            image_pe: (1 or N, C, h, w), positions of the grid.
            point_embedding: (N, T, C), all tokens.

        Returns:
            tokens: (N, T, C).
            image: (N, h · w, C).
        """
        image = image_embedding.flatten(2).transpose(1, 2)  # (N, C, h, w) → (N, h · w, C)
        image_pe = image_pe.flatten(2).transpose(1, 2)
        tokens = point_embedding
        queries, keys = tokens, image
        for layer in self.layers:  # any layer: it may be a wrapped block
            queries, keys = layer(queries=queries, keys=keys, query_pe=tokens, key_pe=image_pe)
        looked = self.final_attn_token_to_image(queries + tokens, keys + image_pe, keys)
        return self.norm_final_attn(queries + looked), keys


class TwoWayAttentionBlock(nn.Module):
    """Self-attention of tokens, tokens → image, feed-forward, image → tokens; norms after each."""

    def __init__(
        self,
        embedding_dim: int,
        num_heads: int,
        mlp_dim: int = 2048,
        activation: Callable[[], nn.Module] = nn.ReLU,
        attention_downsample_rate: int = 2,
        skip_first_layer_pe: bool = False,
    ) -> None:
        super().__init__()
        self.self_attn = Attention(embedding_dim, num_heads)
        self.norm1 = nn.LayerNorm(embedding_dim, eps=NORM_EPSILON)
        self.cross_attn_token_to_image = Attention(embedding_dim, num_heads, attention_downsample_rate)
        self.norm2 = nn.LayerNorm(embedding_dim, eps=NORM_EPSILON)
        self.mlp = MLPBlock(embedding_dim, mlp_dim, activation)
        self.norm3 = nn.LayerNorm(embedding_dim, eps=NORM_EPSILON)
        self.norm4 = nn.LayerNorm(embedding_dim, eps=NORM_EPSILON)
        self.cross_attn_image_to_token = Attention(embedding_dim, num_heads, attention_downsample_rate)
        self.skip_first_layer_pe = skip_first_layer_pe

    def forward(self, queries: Tensor, keys: Tensor, query_pe: Tensor, key_pe: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (N, T, C) and image (N, h · w, C) in and out."""
        queries = self.consult(queries, query_pe)
        positioned = keys + key_pe
        looked = self.cross_attn_token_to_image(queries + query_pe, positioned, keys)
        queries = self.digest(queries, looked)
        # The image attends to the tokens.
        keys = keys + self.cross_attn_image_to_token(positioned, queries + query_pe, queries)
        return queries, self.norm4(keys)

    def consult(self, queries: Tensor, query_pe: Tensor) -> Tensor:
        """Apply self-attention to the tokens, (N, T, C) in and out.

        In the first block the tokens are their own positions, and there is no residual.
        """
        if self.skip_first_layer_pe:
            consulted: Tensor = self.norm1(self.self_attn(queries, queries, queries))
            return consulted
        q = queries + query_pe
        consulted = self.norm1(queries + self.self_attn(q, q, queries))
        return consulted

    def digest(self, queries: Tensor, looked: Tensor) -> Tensor:
        """Add the tokens' attention to the image, then the feed-forward part; (N, T, C) in and out."""
        queries = self.norm2(queries + looked)
        digested: Tensor = self.norm3(queries + self.mlp(queries))
        return digested


class Attention(nn.Module):
    """Multi-head attention whose inner width may be a fraction of the embedding's.

    Raises:
        SettingsError: the inner width is not a multiple of the number of heads.
    """

    def __init__(self, embedding_dim: int, num_heads: int, downsample_rate: int = 1) -> None:
        super().__init__()
        self.embedding_dim, self.num_heads = embedding_dim, num_heads
        self.internal_dim = embedding_dim // downsample_rate
        if self.internal_dim % num_heads:
            raise SettingsError(
                f"{num_heads} heads cannot share a width of {self.internal_dim}; num_heads must divide it"
            )
        self.q_proj = nn.Linear(embedding_dim, self.internal_dim)
        self.k_proj = nn.Linear(embedding_dim, self.internal_dim)
        self.v_proj = nn.Linear(embedding_dim, self.internal_dim)
        self.out_proj = nn.Linear(self.internal_dim, embedding_dim)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Q (N, T, C), k and v (N, S, C) → (N, T, C)."""
        q, k, v = (self._separate_heads(x, self.num_heads) for x in (self.q_proj(q), self.k_proj(k), self.v_proj(v)))
        attended = F.scaled_dot_product_attention(q, k, v)
        output: Tensor = self.out_proj(self._recombine_heads(attended))
        return output

    def _separate_heads(self, x: Tensor, num_heads: int) -> Tensor:
        """(N, T, C) → (N, heads, T, C / heads)."""
        N, T, C = x.shape  # noqa: N806
        return x.reshape(N, T, num_heads, C // num_heads).transpose(1, 2)

    def _recombine_heads(self, x: Tensor) -> Tensor:
        """(N, heads, T, C / heads) → (N, T, C)."""
        return x.transpose(1, 2).flatten(2)
