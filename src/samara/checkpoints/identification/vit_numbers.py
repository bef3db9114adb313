"""The dimensions of a ViT image encoder, derived from the shapes in a file.

A ViT trained at another input size, or pruned to another width (SlimSAM), is the same network with other numbers. All
of them follow from the shapes: the width from the patch embedding, the depth from the block indices, the heads from the
width of the relative positions, the feed-forward width from `mlp.lin1`, the input size from the absolute positions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from samara.checkpoints.identification.layer_keys import Shape
from samara.networks.architectures import ViTConfig
from samara.networks.variants import VARIANTS, Preprocessing, Variant

PATCH = 16

_WIDTH = "image_encoder.patch_embed.proj.weight"
_GATE = "image_encoder.blocks.0.Adapter.channel.0.weight"
_BLOCK = re.compile(r"image_encoder\.blocks\.(\d{1,3})\.")


@dataclass(frozen=True)
class ViTNumbers:
    """The dimensions of a file's image encoder.

    Attributes:
        config: the network's numbers.
        input_size: side in pixels of the square input it was trained on.
    """

    config: ViTConfig
    input_size: int


def read_vit_numbers(shapes: Mapping[str, Shape], *, early: bool) -> ViTNumbers | None:
    """Derive the numbers; None if the file lacks the tensors needed, or they do not describe a ViT.

    Args:
        shapes: names and shapes of its tensors, under the published names.
        early: whether to return the output of the first global block as early features, as HQ-SAM does.
    """
    width, hidden = _first(shapes, _WIDTH), _first(shapes, "image_encoder.blocks.0.mlp.lin1.weight")
    head = shapes.get("image_encoder.blocks.0.attn.rel_pos_h", ())[-1:]
    depth = 1 + max((int(match[1]) for name in shapes if (match := _BLOCK.match(name))), default=-1)
    grid = (shapes.get("image_encoder.pos_embed") or (0, 0))[1]
    if not width or not hidden or not head or not head[0] or width % head[0] or depth < 4 or not grid:
        return None
    blocks = _global_blocks(depth)
    # Another grid counts only if the relative positions agree; otherwise the absolute ones are wrong.
    if _first(shapes, f"image_encoder.blocks.{blocks[0]}.attn.rel_pos_h") != 2 * grid - 1:
        return None
    config = ViTConfig(
        embed_dim=width,
        depth=depth,
        num_heads=width // head[0],
        global_attention_blocks=blocks,
        mlp_ratio=hidden / width,
        early_block=blocks[0] if early else None,
        adapter_width=_first(shapes, _GATE),
    )
    return ViTNumbers(config, grid * PATCH)


def published_vit(config: ViTConfig, *, is_hq: bool) -> Variant | None:
    """Return the published variant with these numbers, at its own input size; None for an unpublished network."""
    family = "hq_sam" if is_hq else "sam"
    found = (one for one in VARIANTS.values() if one.family == family and _same(config, one.image_encoder))
    return next(found, None)


def _same(config: ViTConfig, other: object) -> bool:
    """Return whether two encoders are the same network; the early block is only a tap."""
    return isinstance(other, ViTConfig) and replace(config, early_block=None) == replace(other, early_block=None)


def own_vit(config: ViTConfig, input_size: int) -> Variant:
    """Build a variant for a ViT of an unpublished size, e.g. a pruned one.

    Its name contains the distinguishing numbers, because engines store their findings under it.
    """
    name = f"vit_{config.embed_dim}_{config.depth}_{config.num_heads}_{round(config.embed_dim * config.mlp_ratio)}"
    is_hq = config.early_block is not None
    name += "" if config.adapter_width is None else f"_{config.adapter_width}"
    return Variant(
        name=f"hq_{name}" if is_hq else name,
        family="hq_sam" if is_hq else "sam",
        title=f"{'HQ-SAM' if is_hq else 'SAM'} ViT, {config.embed_dim} wide",
        image_encoder=config,
        hq_token=is_hq,
        preprocessing=Preprocessing(input_size=input_size),
        capabilities=VARIANTS["hq_vit_b" if is_hq else "vit_b"].capabilities,
    )


def _global_blocks(depth: int) -> tuple[int, ...]:
    """Return four evenly spaced blocks including the last, as in every published size."""
    step = depth // 4
    return tuple(range(step - 1, 4 * step, step))


def _first(shapes: Mapping[str, Shape], name: str) -> int | None:
    return next(iter(shapes.get(name, ())), None)
