"""The official registry, variant name → function that builds a `Sam`, and the registry of HQ-SAM's package."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any, Literal

from torch import nn

from samara.checkpoints.catalogue import find
from samara.checkpoints.identification.identify import identify
from samara.checkpoints.load import load, runnable_variant, trained_size
from samara.checkpoints.reading.state_dicts import read_state_dict
from samara.errors import WrongCheckpoint
from samara.networks.variants import VARIANTS, Variant
from samara.segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from samara.segment_anything.modeling.hq import MaskDecoderHQ, freeze_all_but_hq_part

__all__ = [
    "ImageEncoderViT",
    "MaskDecoder",
    "PromptEncoder",
    "Sam",
    "TwoWayTransformer",
    "build_sam",
    "build_sam_hq",
    "build_sam_hq_vit_b",
    "build_sam_hq_vit_h",
    "build_sam_hq_vit_l",
    "build_sam_hq_vit_t",
    "build_sam_vit_b",
    "build_sam_vit_h",
    "build_sam_vit_l",
    "build_sam_vit_t",
    "build_samara_mini",
    "sam_hq_model_registry",
    "sam_model_registry",
]

File = str | os.PathLike[str]

INPUT_SIZE = 1024
PATCH_SIZE = 16
EMBED_DIM = 256

_CATALOGUED = {
    "vit_h": "sam_vit_h",
    "vit_l": "sam_vit_l",
    "vit_b": "sam_vit_b",
    "vit_t": "mobile_sam",
    "samara_mini": "samara_mini",
    "hq_vit_h": "sam_hq_vit_h",
    "hq_vit_l": "sam_hq_vit_l",
    "hq_vit_b": "sam_hq_vit_b",
    "hq_vit_t": "sam_hq_vit_tiny",
}
"""Keys of the registry with the catalogue names of their checkpoints."""


def _build(key: str, checkpoint: File | None = None, *, hq_token_only: bool = False) -> Sam:
    """Build a catalogue entry's network on the CPU, in eval mode.

    For HQ-SAM, everything but the HQ part is frozen, as in its own package.

    Args:
        key: key in the registry.
        checkpoint: file with the weights. Without one they are random, as in the official package, except for the
            bundled `samara_mini`.
        hq_token_only: for HQ-SAM, return the HQ mask alone instead of its sum with SAM's.

    Raises:
        WrongCheckpoint: The file contains another variant.
        SettingsError: `hq_token_only` for a variant without an HQ token.
    """
    entry = find(_CATALOGUED[key])
    if checkpoint is None:
        weights: Literal["file", "random"] = "file" if entry.embedded else "random"
        loaded = load(entry.name, device="cpu", precision="float32", weights=weights, hq_token_only=hq_token_only)
    else:
        variant = _fitting_variant(checkpoint, entry.variant)
        loaded = load(
            Path(checkpoint),
            device="cpu",
            precision="float32",
            input_size=trained_size(variant, entry),
            hq_token_only=hq_token_only,
        )
    sam = Sam.from_loaded(loaded)
    if loaded.variant.family == "hq_sam":
        freeze_all_but_hq_part(sam)
    return sam


def _fitting_variant(checkpoint: File, wanted: str) -> Variant:
    """Return the variant of a file, which must be the wanted one, with the file's own sizes."""
    identity = identify(checkpoint)
    variant = runnable_variant(identity)
    if variant.name != wanted:
        keys = [key for key, name in _CATALOGUED.items() if find(name).variant == identity.variant]
        fitting = " or ".join(f"sam_model_registry[{key!r}]" for key in keys) or "samara.load"
        raise WrongCheckpoint(f"{checkpoint}: {identity.description}, not {VARIANTS[wanted].title}; use {fitting}")
    return variant


def build_from_numbers(  # noqa: PLR0917 - the official arguments, behind two of ours
    make_encoder: Callable[..., nn.Module],
    make_decoder: Callable[[int], nn.Module],
    encoder_embed_dim: int,
    encoder_depth: int,
    encoder_num_heads: int,
    encoder_global_attn_indexes: Collection[int],
    checkpoint: File | None = None,
) -> Sam:
    """Build a network with a ViT of any size on the CPU, in eval mode; weights are random without a checkpoint.

    Args:
        make_encoder: function from the arguments of `ImageEncoderViT` to an encoder.
        make_decoder: function from the width of the encoder's tokens to a decoder.
        encoder_embed_dim: width of the encoder's tokens.
        encoder_depth: number of the encoder's blocks.
        encoder_num_heads: attention heads per block.
        encoder_global_attn_indexes: indices of the blocks with global attention.
        checkpoint: file with the weights.

    Raises:
        WrongCheckpoint: The file's tensors do not fit the network.
    """
    encoder = make_encoder(
        **vit_numbers(encoder_embed_dim, encoder_depth, encoder_num_heads, encoder_global_attn_indexes)
    )
    return assembled(encoder, make_decoder(encoder_embed_dim), checkpoint)


def _make_decoder(_: int) -> MaskDecoder:
    return MaskDecoder(transformer=TwoWayTransformer(), transformer_dim=EMBED_DIM)


def vit_numbers(embed_dim: int, depth: int, num_heads: int, global_attn_indexes: Collection[int]) -> dict[str, Any]:
    """Return the arguments of a SAM image encoder of any size."""
    return {
        "img_size": INPUT_SIZE,
        "patch_size": PATCH_SIZE,
        "embed_dim": embed_dim,
        "depth": depth,
        "num_heads": num_heads,
        "norm_layer": partial(nn.LayerNorm, eps=1e-6),
        "use_rel_pos": True,
        "window_size": 14,
        "global_attn_indexes": global_attn_indexes,
        "out_chans": EMBED_DIM,
    }


def assembled(image_encoder: nn.Module, mask_decoder: nn.Module, checkpoint: File | None) -> Sam:
    """Assemble a network in eval mode, with the weights of a file if given; frozen as in `_build`.

    Raises:
        WrongCheckpoint: The file's tensors do not fit the network.
    """
    side = INPUT_SIZE // PATCH_SIZE
    prompt_encoder = PromptEncoder(EMBED_DIM, (side, side), (INPUT_SIZE, INPUT_SIZE), mask_in_chans=16)
    sam = Sam(image_encoder, prompt_encoder, mask_decoder)
    if checkpoint is not None:
        try:
            sam.load_state_dict(read_state_dict(Path(checkpoint)), strict=True)
        except RuntimeError as problem:
            raise WrongCheckpoint(f"{checkpoint} does not fit a network of this size: {problem}") from problem
    if isinstance(mask_decoder, MaskDecoderHQ):
        freeze_all_but_hq_part(sam)
    return sam.eval()


_build_sam = partial(build_from_numbers, ImageEncoderViT, _make_decoder)
build_sam_vit_h = partial(_build, "vit_h")
build_sam_vit_l = partial(_build, "vit_l")
build_sam_vit_b = partial(_build, "vit_b")
build_sam_vit_t = partial(_build, "vit_t")
build_samara_mini = partial(_build, "samara_mini")
build_sam_hq_vit_h = partial(_build, "hq_vit_h")
build_sam_hq_vit_l = partial(_build, "hq_vit_l")
build_sam_hq_vit_b = partial(_build, "hq_vit_b")
build_sam_hq_vit_t = partial(_build, "hq_vit_t")
build_sam = build_sam_vit_h
build_sam_hq = build_sam_hq_vit_h

sam_model_registry: dict[str, Callable[..., Sam]] = {
    "default": build_sam,
    "vit_h": build_sam,
    "vit_l": build_sam_vit_l,
    "vit_b": build_sam_vit_b,
    "vit_t": build_sam_vit_t,
    "samara_mini": build_samara_mini,
    "hq_vit_h": build_sam_hq_vit_h,
    "hq_vit_l": build_sam_hq_vit_l,
    "hq_vit_b": build_sam_hq_vit_b,
    "hq_vit_t": build_sam_hq_vit_t,
}

sam_hq_model_registry: dict[str, Callable[..., Sam]] = {
    "default": build_sam_hq,
    "vit_h": build_sam_hq,
    "vit_l": build_sam_hq_vit_l,
    "vit_b": build_sam_hq_vit_b,
    "vit_tiny": build_sam_hq_vit_t,
}
