"""From the names of SAM in Hugging Face's transformers to the published ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

Entry = TypeVar("Entry")

Rules = tuple[tuple[str, str], ...]
"""Patterns of names in transformers and their replacements, in order of application."""

# Rules shared by SAM and SAM 2 (transformers, models/sam and sam2); each model's own rules come before these.
_THREE_LAYERS = r"(_head|_mlps\.\d|obj_ptr_proj)"
SHARED_RULES: Rules = (
    (r"\.patch_embed\.projection\.", ".patch_embed.proj."),
    (r"\.shared_embedding\.positional_embedding$", ".pe_layer.positional_encoding_gaussian_matrix"),
    (r"\.mask_embed\.conv1\.", ".mask_downscaling.0."),
    (r"\.mask_embed\.layer_norm1\.", ".mask_downscaling.1."),
    (r"\.mask_embed\.conv2\.", ".mask_downscaling.3."),
    (r"\.mask_embed\.layer_norm2\.", ".mask_downscaling.4."),
    (r"\.mask_embed\.conv3\.", ".mask_downscaling.6."),
    (r"\.layer_norm(\d|_final_attn)\.", r".norm\1."),
    (r"\.upscale_conv1\.", ".output_upscaling.0."),
    (r"\.upscale_layer_norm\.", ".output_upscaling.1."),
    (r"\.upscale_conv2\.", ".output_upscaling.3."),
    (rf"{_THREE_LAYERS}\.layers\.0\.", r"\1.layers.1."),
    (rf"{_THREE_LAYERS}\.proj_in\.", r"\1.layers.0."),
    (rf"{_THREE_LAYERS}\.proj_out\.", r"\1.layers.2."),
)

_RULES: Rules = (
    (r"^shared_image_embedding\.positional_embedding$", "prompt_encoder.shared_embedding.positional_embedding"),
    (r"^vision_encoder\.", "image_encoder."),
    (r"^image_encoder\.layers\.", "image_encoder.blocks."),
    (r"\.neck\.conv1\.", ".neck.0."),
    (r"\.neck\.layer_norm1\.", ".neck.1."),
    (r"\.neck\.conv2\.", ".neck.2."),
    (r"\.neck\.layer_norm2\.", ".neck.3."),
    (r"\.point_embed\.", ".point_embeddings."),
    *SHARED_RULES,
)


def is_transformers_layout(names: Iterable[str]) -> bool:
    """Return whether these are the names of SAM in Hugging Face's transformers; HQ-SAM and SAM 2 differ."""
    found = set(names)
    return "vision_encoder.layers.0.attn.qkv.weight" in found and "mask_decoder.hq_token.weight" not in found


def from_transformers(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Give the tensors of a `SamModel` their published names; the shapes are the same."""
    return {published(name, _RULES): entry for name, entry in entries.items()}


def published(name: str, rules: Rules) -> str:
    """Return the published name of a tensor."""
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name
