"""SAM 2's files: the entries of the video memory, and the names of the others here.

A published file contains a network for videos. Images need only its encoder, prompt encoder, mask decoder and one
vector; the rest is known, dropped and counted, so that the remaining entries can be loaded strictly.

Three sets of names occur: the published ones, those of Hugging Face's transformers, and samara's own, which are SAM's
for the three parts and put into the image encoder what depends on the image alone (`networks.sam2_image_encoder`).
Files are read in the first two and written in the published ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from samara.checkpoints.reading.pickle_values import StoredTensor
from samara.checkpoints.reading.transformers_names import SHARED_RULES, Rules, published

Entry = TypeVar("Entry")

# facebookresearch/sam2 `modeling/sam2_base.py` @2b90b9f; the last two are new in SAM 2.1.
MEMORY_ROOTS = (
    "mask_downsample",
    "maskmem_tpos_enc",
    "memory_attention",
    "memory_encoder",
    "no_mem_pos_enc",
    "no_obj_ptr",
    "obj_ptr_proj",
    "no_obj_embed_spatial",
    "obj_ptr_tpos_proj",
)
"""Prefixes of the entries of the video memory."""

TRANSFORMERS_MARK = "vision_encoder.backbone.pos_embed_window"
"""A name that identifies SAM 2 in the layout of transformers."""

KINDS_OF_POINTS = 4
_POINT_EMBED = "prompt_encoder.point_embed.weight"
_SHARED_POSITIONS = "prompt_encoder.shared_embedding.positional_embedding"
_SHARED_POSITIONS_AGAIN = "shared_image_embedding.positional_embedding"

# Names of `Sam2Model` and `Sam2VideoModel` (transformers 5.24.0, models/sam2 and sam2_video) and the published ones.
# Names inside the video memory are not translated, since it is never loaded.
_RULES: Rules = (
    (r"^vision_encoder\.backbone\.", "image_encoder.trunk."),
    (r"^vision_encoder\.neck\.convs\.(\d+)\.", r"image_encoder.neck.convs.\1.conv."),
    (r"^(prompt_encoder|mask_decoder)\.", r"sam_\1."),
    (r"^no_memory_embedding$", "no_mem_embed"),
    (r"^memory_temporal_positional_encoding$", "maskmem_tpos_enc"),
    (r"^no_memory_positional_encoding$", "no_mem_pos_enc"),
    (r"^no_object_pointer$", "no_obj_ptr"),
    (r"^occlusion_spatial_embedding_parameter$", "no_obj_embed_spatial"),
    (r"^object_pointer_proj\.", "obj_ptr_proj."),
    (r"^temporal_positional_encoding_projection_layer\.", "obj_ptr_tpos_proj."),
    (r"\.o_proj\.", ".out_proj."),
    (r"\.mlp\.proj_in\.", ".mlp.layers.0."),
    (r"\.mlp\.proj_out\.", ".mlp.layers.1."),
    *SHARED_RULES,
)


@dataclass(frozen=True)
class ImagePath(Generic[Entry]):
    """The entries of a SAM 2 file, split.

    Attributes:
        entries: entries needed for images, by published name, with any unknown ones, which strict loading refuses.
        memory: names of the entries that only videos need, in the file's order.
    """

    entries: dict[str, Entry]
    memory: tuple[str, ...]


def image_path(entries: Mapping[str, Entry]) -> ImagePath[Entry]:
    """Split off the video memory from a state dict with the published names or samara's."""
    memory = tuple(name for name in entries if name.split(".")[0] in MEMORY_ROOTS)
    left_out = set(memory)
    return ImagePath({name: entry for name, entry in entries.items() if name not in left_out}, memory)


# Published prefix → samara's; longer prefixes first.
_PARTS = (
    ("sam_prompt_encoder.", "prompt_encoder."),
    ("sam_mask_decoder.conv_s0.", "image_encoder.conv_s0."),
    ("sam_mask_decoder.conv_s1.", "image_encoder.conv_s1."),
    ("sam_mask_decoder.", "mask_decoder."),
    ("no_mem_embed", "image_encoder.no_mem_embed"),
)


def is_sam2(names: Iterable[str]) -> bool:
    """Whether these are published names of SAM 2, of a whole network or of some parts."""
    roots = {name.split(".")[0] for name in names}
    return not roots.isdisjoint({"sam_prompt_encoder", "sam_mask_decoder", "no_mem_embed"})


def from_published(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Give entries under published names those of samara; the memory keeps its own."""
    return {_with_prefix_replaced(name, _PARTS): entry for name, entry in entries.items()}


def to_published(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Give entries under samara's names the published ones."""
    back = tuple((ours, theirs) for theirs, ours in _PARTS)
    return {_with_prefix_replaced(name, back): entry for name, entry in entries.items()}


def _with_prefix_replaced(name: str, beginnings: Iterable[tuple[str, str]]) -> str:
    for old, new in beginnings:
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def is_transformers_layout(names: Iterable[str]) -> bool:
    """Return whether these are the names of SAM 2 in Hugging Face's transformers."""
    return TRANSFORMERS_MARK in set(names)


def from_transformers(entries: Mapping[str, Entry], rows: Callable[[Entry], Sequence[Entry]]) -> dict[str, Entry]:
    """Give the tensors of a `Sam2Model` or `Sam2VideoModel` their published names.

    Args:
        entries: name to tensor.
        rows: splits a tensor (n, C) into n of (1, C): the four kinds of points are one tensor there and four here.
    """
    renamed: dict[str, Entry] = {}
    for name, entry in entries.items():
        if name == _POINT_EMBED:
            parts = enumerate(rows(entry))
            renamed.update({f"sam_prompt_encoder.point_embeddings.{kind}.weight": part for kind, part in parts})
        elif name != _SHARED_POSITIONS_AGAIN:
            renamed[published(name, _RULES)] = entry
        elif _SHARED_POSITIONS not in entries:  # safetensors keeps one of two names of the same tensor
            renamed[published(_SHARED_POSITIONS, _RULES)] = entry
    return renamed


def stored_rows(tensor: StoredTensor) -> list[StoredTensor]:
    """Split a stored tensor (4, C) into four views of (1, C); any other is returned unchanged."""
    if len(tensor.shape) != 2 or tensor.shape[0] != KINDS_OF_POINTS:
        return [tensor]
    step, shape = tensor.stride[0], (1, tensor.shape[1])
    return [replace(tensor, shape=shape, offset=tensor.offset + row * step) for row in range(KINDS_OF_POINTS)]
