"""The weights of SAM 2's video memory. Nothing here computes.

samara runs SAM 2 on images, which need none of it. But the official code refuses a file without these entries, so the
network carries them: what was trained here and saved loads there. Programs that take the parts for videos off a network
(`del model.memory_attention`) find them.

Source of names, shapes and initial values: facebookresearch/sam2 `modeling/sam2_base.py`, `memory_attention.py` and
`memory_encoder.py`, and the published configurations @2b90b9f.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from samara.networks.layers import MLP, LayerNorm2d

CHANNELS = 256
MEMORY_CHANNELS = 64
FRAMES = 7
"""How many frames are remembered, that of the moment counted."""

_LAYERS = 4
_HIDDEN = 2048
_FUSER_LAYERS = 2
_DOWNSAMPLER_CHANNELS = (1, 4, 16, 64, 256)


class MemoryAttention(nn.Module):
    """Layers in which a frame looks at what is remembered."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(MemoryAttentionLayer() for _ in range(_LAYERS))
        self.norm = nn.LayerNorm(CHANNELS)


class MemoryAttentionLayer(nn.Module):
    """Self-attention, attention to the memory, and a feed-forward part."""

    def __init__(self) -> None:
        super().__init__()
        self.self_attn = _Attention(CHANNELS)
        self.cross_attn_image = _Attention(MEMORY_CHANNELS)
        self.linear1 = nn.Linear(CHANNELS, _HIDDEN)
        self.linear2 = nn.Linear(_HIDDEN, CHANNELS)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(CHANNELS) for _ in range(3))


class _Attention(nn.Module):
    """Projections of queries of `CHANNELS`, and of keys and values of any width."""

    def __init__(self, key_width: int) -> None:
        super().__init__()
        self.q_proj = nn.Linear(CHANNELS, CHANNELS)
        self.k_proj = nn.Linear(key_width, CHANNELS)
        self.v_proj = nn.Linear(key_width, CHANNELS)
        self.out_proj = nn.Linear(CHANNELS, CHANNELS)


class MemoryEncoder(nn.Module):
    """What makes a memory of a frame and its mask."""

    def __init__(self) -> None:
        super().__init__()
        self.mask_downsampler = MaskDownSampler()
        self.pix_feat_proj = nn.Conv2d(CHANNELS, CHANNELS, kernel_size=1)
        self.fuser = Fuser()
        self.out_proj = nn.Conv2d(CHANNELS, MEMORY_CHANNELS, kernel_size=1)


class MaskDownSampler(nn.Module):
    """A mask to the size of an embedding, in four steps."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels, more in pairwise(_DOWNSAMPLER_CHANNELS):
            layers += [nn.Conv2d(channels, more, kernel_size=3, stride=2, padding=1), LayerNorm2d(more), nn.GELU()]
        self.encoder = nn.Sequential(*layers, nn.Conv2d(_DOWNSAMPLER_CHANNELS[-1], CHANNELS, kernel_size=1))


class Fuser(nn.Module):
    """Blocks over the sum of a frame and its mask."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(CXBlock() for _ in range(_FUSER_LAYERS))


class CXBlock(nn.Module):
    """A block of ConvNeXt (Liu et al. 2022)."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((CHANNELS,), 1e-6))
        self.dwconv = nn.Conv2d(CHANNELS, CHANNELS, kernel_size=7, padding=3, groups=CHANNELS)
        self.norm = LayerNorm2d(CHANNELS)
        self.pwconv1 = nn.Linear(CHANNELS, 4 * CHANNELS)
        self.pwconv2 = nn.Linear(4 * CHANNELS, CHANNELS)


def learned_vectors(with_spatial_absence: bool) -> dict[str, nn.Parameter | None]:
    """The memory's own parameters by their published names; None for one that is not there.

    Args:
        with_spatial_absence: whether `no_obj_embed_spatial` is there, which came with SAM 2.1.
    """
    shapes = {
        "maskmem_tpos_enc": (FRAMES, 1, 1, MEMORY_CHANNELS),
        "no_mem_pos_enc": (1, 1, CHANNELS),
        "no_obj_ptr": (1, CHANNELS),
    }
    vectors: dict[str, nn.Parameter | None] = {
        name: nn.Parameter(_small_numbers(*shape)) for name, shape in shapes.items()
    }
    absence = nn.Parameter(_small_numbers(1, MEMORY_CHANNELS)) if with_spatial_absence else None
    return vectors | {"no_obj_embed_spatial": absence}


def layers(with_projected_times: bool) -> dict[str, nn.Module]:
    """The memory's layers by their published names.

    Args:
        with_projected_times: whether `obj_ptr_tpos_proj` has weights, which came with SAM 2.1.
    """
    return {
        "mask_downsample": nn.Conv2d(1, 1, kernel_size=4, stride=4),
        "memory_attention": MemoryAttention(),
        "memory_encoder": MemoryEncoder(),
        "obj_ptr_proj": MLP(CHANNELS, CHANNELS, CHANNELS, 3),
        "obj_ptr_tpos_proj": nn.Linear(CHANNELS, MEMORY_CHANNELS) if with_projected_times else nn.Identity(),
    }


def _small_numbers(*shape: int) -> Tensor:
    return nn.init.trunc_normal_(torch.empty(*shape), std=0.02)
