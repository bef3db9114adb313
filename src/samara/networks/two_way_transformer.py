"""The mask decoder's transformer: tokens look at the image, the image looks at the tokens.

Source: Kirillov et al. 2023, appendix A "Lightweight mask decoder", figure 14; segment-anything
`modeling/transformer.py` @dca509f for key names and constants.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from samara.networks.layers import MLPBlock


class TwoWayTransformer(nn.Module):
    """Two-way blocks and a last look of the tokens at the image.

    Args:
        depth: number of blocks.
        embedding_dim: C of tokens and image.
        num_heads: attention heads.
        mlp_dim: hidden width of a block's feed-forward part.
        attention_downsample_rate: C / width of queries and keys in cross-attention.
    """

    def __init__(
        self,
        *,
        depth: int = 2,
        embedding_dim: int = 256,
        num_heads: int = 8,
        mlp_dim: int = 2048,
        attention_downsample_rate: int = 2,
    ) -> None:
        super().__init__()
        cross_width = embedding_dim // attention_downsample_rate
        self.layers = nn.ModuleList(
            TwoWayAttentionBlock(embedding_dim, num_heads, mlp_dim, cross_width, skip_first_layer_pe=index == 0)
            for index in range(depth)
        )
        self.final_attn_token_to_image = Attention(embedding_dim, num_heads, cross_width)
        self.norm_final_attn = nn.LayerNorm(embedding_dim)

    @property
    def blocks(self) -> list[TwoWayAttentionBlock]:
        """The two-way blocks of a plain transformer, in their order; of an adapted one they may be anything."""
        return list(self.layers)  # type: ignore[arg-type]  # made above

    def forward(self, image_embedding: Tensor, image_pe: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Let tokens and image attend to each other.

        Args:
            image_embedding: (N, C, h, w), dense prompts already added.
            image_pe: (1 or N, C, h, w), positions of the grid.
            tokens: (N, T, C).

        Returns:
            tokens: (N, T, C).
            image: (N, h · w, C).
        """
        image = image_embedding.flatten(2).transpose(1, 2)  # (N, C, h, w) → (N, h · w, C)
        image_pe = image_pe.flatten(2).transpose(1, 2)
        queries, keys = tokens, image
        for block in self.blocks:
            queries, keys = block(queries, keys, query_pe=tokens, key_pe=image_pe)
        looked = self.final_attn_token_to_image(queries + tokens, keys + image_pe, keys)
        return self.norm_final_attn(queries + looked), keys


class TwoWayAttentionBlock(nn.Module):
    """Self-attention of tokens, tokens → image, feed-forward, image → tokens; norms after each."""

    def __init__(
        self, embedding_dim: int, num_heads: int, mlp_dim: int, cross_width: int, *, skip_first_layer_pe: bool
    ) -> None:
        super().__init__()
        self.self_attn = Attention(embedding_dim, num_heads, embedding_dim)
        self.norm1 = nn.LayerNorm(embedding_dim)
        self.cross_attn_token_to_image = Attention(embedding_dim, num_heads, cross_width)
        self.norm2 = nn.LayerNorm(embedding_dim)
        self.mlp = MLPBlock(embedding_dim, mlp_dim, nn.ReLU)
        self.norm3 = nn.LayerNorm(embedding_dim)
        self.norm4 = nn.LayerNorm(embedding_dim)
        self.cross_attn_image_to_token = Attention(embedding_dim, num_heads, cross_width)
        self.skip_first_layer_pe = skip_first_layer_pe

    def forward(self, queries: Tensor, keys: Tensor, query_pe: Tensor, key_pe: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (N, T, C) and image (N, h · w, C) in and out."""
        queries = self.consult(queries, query_pe)
        positioned = keys + key_pe
        looked = self.cross_attn_token_to_image(queries + query_pe, positioned, keys)
        queries = self.digest(queries, looked)
        # The image looks at the tokens.
        keys = keys + self.cross_attn_image_to_token(positioned, queries + query_pe, queries)
        return queries, self.norm4(keys)

    def consult(self, queries: Tensor, query_pe: Tensor) -> Tensor:
        """Self-attention of the tokens, (N, T, C) in and out.

        In the first block the tokens are their own positions, and there is no residual.
        """
        if self.skip_first_layer_pe:
            consulted: Tensor = self.norm1(self.self_attn(queries, queries, queries))
            return consulted
        q = queries + query_pe
        consulted = self.norm1(queries + self.self_attn(q, q, queries))
        return consulted

    def digest(self, queries: Tensor, looked: Tensor) -> Tensor:
        """Take in what the tokens saw in the image, then the feed-forward part; (N, T, C) in and out."""
        queries = self.norm2(queries + looked)
        digested: Tensor = self.norm3(queries + self.mlp(queries))
        return digested


class Attention(nn.Module):
    """Multi-head attention whose inner width may be smaller than the embedding's."""

    def __init__(self, embedding_dim: int, num_heads: int, inner_width: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_proj = nn.Linear(embedding_dim, inner_width)
        self.k_proj = nn.Linear(embedding_dim, inner_width)
        self.v_proj = nn.Linear(embedding_dim, inner_width)
        self.out_proj = nn.Linear(inner_width, embedding_dim)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Q (N, T, C), k and v (N, S, C) → (N, T, C)."""
        q, k, v = (self._heads(x) for x in (self.q_proj(q), self.k_proj(k), self.v_proj(v)))
        attended = F.scaled_dot_product_attention(q, k, v)  # (N, heads, T, ·)
        output: Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))  # (N, T, C)
        return output

    def _heads(self, x: Tensor) -> Tensor:
        N, T, C = x.shape  # noqa: N806
        return x.view(N, T, self.num_heads, C // self.num_heads).transpose(1, 2)  # (N, T, C) → (N, heads, T, ·)
