"""Which family, variant and part a set of names and shapes belongs to.

One function per family looks for names that no other family has and derives the size from shapes. Nothing here depends
on the file or its name. Of families that samara runs the names are compared with a complete table, so that missing,
unexpected and misshapen tensors can be reported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from samara.checkpoints.identification.key_tables import NO_FAULTS, Faults, expected_shapes, faults
from samara.checkpoints.identification.layer_keys import Shape
from samara.checkpoints.identification.vit_numbers import own_vit, published_vit, read_vit_numbers
from samara.checkpoints.reading.rename import with_part_prefix
from samara.checkpoints.reading.sam2_names import image_path
from samara.networks.architectures import EFFICIENTVIT, EfficientViTConfig
from samara.networks.class_names import OBJECT, numbered
from samara.networks.variant import FAMILY_TITLES
from samara.networks.variants import VARIANTS, Family, Variant

NetworkPart = Literal[
    "whole", "image_encoder", "prompt_encoder", "mask_decoder", "prompt_encoder+mask_decoder", "lora", "other"
]
Shapes = Mapping[str, Shape]

_PARTS: tuple[NetworkPart, ...] = ("image_encoder", "prompt_encoder", "mask_decoder")
_PROMPTED = ("prompt_encoder.", "mask_decoder.")
_PART_OF: Mapping[tuple[NetworkPart, ...], NetworkPart] = {
    _PARTS: "whole",
    ("image_encoder",): "image_encoder",
    ("prompt_encoder",): "prompt_encoder",
    ("mask_decoder",): "mask_decoder",
    ("prompt_encoder", "mask_decoder"): "prompt_encoder+mask_decoder",
}

# Sizes by width (Hiera: width and depth); None stands for a missing tensor.
_VIT_SIZES: Mapping[int | None, str] = {768: "b", 1024: "l", 1280: "h"}
_HQ_EARLY_WIDTHS: Mapping[int | None, str] = {
    160: "hq_vit_t",
    768: "hq_vit_b",
    1024: "hq_vit_l",
    1280: "hq_vit_h",
}
_HIERA_SIZES: Mapping[tuple[int | None, int], str] = {(96, 12): "t", (96, 16): "s", (112, 24): "b+", (144, 48): "l"}
_REPVIT_WIDTHS: Mapping[int, Family] = {48: "edge_sam", 80: "repvit_sam"}
_EFFICIENT_MARKS = {
    "prompt_encoder.bbox_top_left_embeddings.weight",
    "mask_decoder.final_output_upscaling_layers.0.0.weight",
}
_EFFICIENT_SIZES: Mapping[int | None, str] = {192: "efficient_sam_ti", 384: "efficient_sam_s"}

_YOLO_PROTOTYPES = re.compile(r"model\.(\d+)\.proto\.cv1\.conv\.weight")
# FastSAM is YOLOv8-seg with the single class "object"; a file with another single class is a custom model.
_FASTSAM = {"YOLOv8s": "fastsam_s", "YOLOv8x": "fastsam_x"}

_PEFT_NOTE = (
    "which does not state their scale: merge them with peft's merge_and_unload() and save the state_dict() of the "
    "result"
)
_LORA_NOTE = "low-rank updates of an image encoder, to be loaded with their checkpoint"


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """What is known about a file from names and shapes.

    Attributes:
        family: kind of network.
        title: name for people, e.g. "SAM ViT-B" or "YOLOv8s-seg".
        variant: name in `samara.networks.variants`, or of a variant derived from the file's own shapes; None if the
            size cannot be determined.
        network: the variant with the file's own numbers; None if the size is unknown or samara has no network for it.
        part: the part of the network that is present.
        faults: differences from the variant, or from the part of it that is present.
        classes: number of classes of a detector; None for families without classes.
        note: additional remarks; empty for most.
    """

    family: Family
    title: str
    variant: str | None
    network: Variant | None = None
    part: NetworkPart = "whole"
    faults: Faults = NO_FAULTS
    classes: int | None = None
    note: str = ""


def recognise(shapes: Shapes, classes: tuple[str, ...] | None = None) -> Recognition | None:
    """Identify a state dict; None if it belongs to no known family.

    Args:
        shapes: names and shapes of its tensors.
        classes: class names of a detector, if the file states them.
    """
    for family in _FAMILIES:
        found = family(shapes)
        if found is not None:
            return found
    return _yolo(shapes, classes)


def _sam_3(shapes: Shapes) -> Recognition | None:
    if not any(name.startswith(("detector.", "detector_model.")) for name in shapes):
        return None
    return Recognition(
        family="sam3",
        title="SAM 3",
        variant="sam3",
        note="recognised by its detector's names, which SAM 3.1 has as well",
    )


def _low_rank(shapes: Shapes) -> Recognition | None:
    named = with_part_prefix(shapes)
    if not any(_has(named, name) for name in _PARTS):
        return None
    if any(name.endswith(".lora_a") for name in named):
        return Recognition(family="sam", title="Low-rank updates", variant=None, part="lora", note=_LORA_NOTE)
    if any(".lora_A." in name or ".lora_embedding_A." in name for name in named):
        return Recognition(family="sam", title="SAM with updates of peft", variant=None, part="other", note=_PEFT_NOTE)
    return None


def _sam_2(shapes: Shapes) -> Recognition | None:
    named = image_path(with_part_prefix(shapes))
    width = _first(named.entries, "image_encoder.trunk.patch_embed.proj.weight")
    if width is None and "mask_decoder.obj_score_token.weight" not in named.entries:
        return None
    size = _HIERA_SIZES.get((width, _depth(named.entries, "image_encoder.trunk.blocks.")))
    quality = "hq_" if "mask_decoder.hf_token.weight" in named.entries else ""
    # Added in SAM 2.1; without the video memory, neither generation has it.
    generation = "sam2.1" if {"no_obj_embed_spatial", "obj_ptr_tpos_proj.weight"} & set(named.memory) else "sam2"
    variant = VARIANTS.get(f"{generation}_{quality}hiera_{size}")
    network = variant if variant is not None and variant.is_runnable else None
    found = _compare(named.entries, network) if network else NO_FAULTS
    return Recognition(
        family="sam2",
        title=variant.title if variant else "SAM 2",
        variant=variant.name if variant else None,
        network=network,
        # A published mask decoder includes two convolutions of the image encoder.
        part=_part(named.entries if width else {name: () for name in named.entries if name.startswith(_PROMPTED)}),
        faults=found,
        note=_memory_note(named.memory) if width else "the same for all sizes",
    )


def _memory_note(memory: tuple[str, ...]) -> str:
    if memory:
        return f"of which {len(memory)} are its video memory and are not used"
    return "without the video memory, the only difference between SAM 2.0 and 2.1 files"


def _efficientvit_sam(shapes: Shapes) -> Recognition | None:
    named = with_part_prefix(shapes)
    if "image_encoder.backbone.stages.0.op_list.0.conv.weight" not in named:
        return None
    sizes = (f"efficientvit_sam_{size}" for size, config in EFFICIENTVIT.items() if _has_blocks_of(config, named))
    network = VARIANTS.get(next(sizes, ""))
    found = _compare(named, network) if network else NO_FAULTS
    return Recognition(
        family="efficientvit_sam",
        title=network.title if network else "EfficientViT-SAM",
        variant=network.name if network else None,
        network=network,
        part=_part(named),
        faults=found,
        note="" if network else "its blocks are those of no published size",
    )


def _has_blocks_of(config: EfficientViTConfig, shapes: Shapes) -> bool:
    """Whether stages and neck have so many blocks, those that open a stage included."""
    stages = [f"image_encoder.backbone.stages.{stage}" for stage in range(len(config.depths))]
    found = [_depth(shapes, f"{stage}.op_list.") - 1 for stage in stages]
    return found == list(config.depths) and _depth(shapes, "image_encoder.neck.middle.op_list.") == config.neck_depth


def _efficient_sam(shapes: Shapes) -> Recognition | None:
    named = with_part_prefix(shapes)
    has_positions_in_a_row = len(named.get("image_encoder.pos_embed", ())) == 3
    if not has_positions_in_a_row and not _EFFICIENT_MARKS & named.keys():
        return None
    width = _first(named, "image_encoder.patch_embed.proj.weight")
    network = VARIANTS.get(_EFFICIENT_SIZES.get(width, ""))
    # Parts without an encoder are the same for all sizes.
    comparable = network or (None if _has(named, "image_encoder") else VARIANTS["efficient_sam_ti"])
    found = _compare(named, comparable) if comparable else NO_FAULTS
    return Recognition(
        family="efficient_sam",
        title=network.title if network else "EfficientSAM",
        variant=network.name if network else None,
        network=network,
        part=_part(named),
        faults=found,
        note="" if network else "the same for all sizes" if width is None else f"{width} wide as no published size",
    )


def _repvit(shapes: Shapes) -> Recognition | None:
    """EdgeSAM and RepViT-SAM, published or re-parameterised, that is, without batch norms."""
    named = with_part_prefix(shapes)
    published, merged = (_first(named, f"image_encoder.features.0.2.{name}") for name in ("c.weight", "weight"))
    width = published or merged
    if width is None:
        return None
    known = _REPVIT_WIDTHS.get(width)
    family = known or ("edge_sam" if "image_encoder.fuse_stage2.weight" in named else "repvit_sam")
    network = VARIANTS[known] if known else None
    if network and not published:
        network = network.reparameterised()
    found = _compare(named, network) if network else NO_FAULTS
    return Recognition(
        family=family,
        title=FAMILY_TITLES[family],
        variant=network.name if network else None,
        network=network,
        part=_part(named),
        faults=found,
        note=("" if published else "re-parameterised") if network else f"its stem is {width} wide, as no published one",
    )


def _sam(shapes: Shapes) -> Recognition | None:
    named = with_part_prefix(shapes)
    part = _part(named)
    if part == "other" and not any(_has(named, name) for name in _PARTS):
        return None
    network = _sam_network(named)
    # Parts without an encoder are the same for all sizes, so the table of any size will do.
    comparable = network or (None if _has(named, "image_encoder") else VARIANTS["vit_b"])
    found = _compare(named, comparable) if comparable else NO_FAULTS
    is_hq = "mask_decoder.hf_token.weight" in named
    return Recognition(
        family=network.family if network else "hq_sam" if is_hq else "sam",
        title=network.title if network else "HQ-SAM" if is_hq else "SAM",
        variant=network.name if network else None,
        network=network,
        part=part,
        faults=found,
        note=_size_note(named, network),
    )


def _sam_network(shapes: Shapes) -> Variant | None:
    is_hq = "mask_decoder.hf_token.weight" in shapes
    prefix = "hq_" if is_hq else ""
    if not _has(shapes, "image_encoder"):
        return VARIANTS.get(_HQ_EARLY_WIDTHS.get(_first(shapes, "mask_decoder.compress_vit_feat.0.weight"), ""))
    stem = shapes.get("image_encoder.patch_embed.seq.0.c.weight")
    if stem is not None:
        return VARIANTS["lite_medsam" if stem[2:] == (1, 1) and not is_hq else f"{prefix}vit_t"]
    size = _VIT_SIZES.get(_first(shapes, "image_encoder.patch_embed.proj.weight"))
    has_adapters = any(".Adapter." in name for name in shapes)
    published = VARIANTS.get(f"sam_med2d_{size}" if has_adapters and not is_hq else f"{prefix}vit_{size}")
    numbers = read_vit_numbers(shapes, early=is_hq)
    if numbers is None:
        return published
    known = published_vit(numbers.config, is_hq=is_hq)
    if known is not None:
        return known.at_input_size(numbers.input_size)
    own = own_vit(numbers.config, numbers.input_size)
    # Numbers that do not even fit their own file describe no network.
    return published if published is not None or _compare(shapes, own) != NO_FAULTS else own


def _size_note(shapes: Shapes, network: Variant | None) -> str:
    if network is None:
        return _why_no_size(shapes)
    usual = VARIANTS.get(network.name)
    size = network.preprocessing.input_size
    return f"trained at {size} px" if usual is None or size != usual.preprocessing.input_size else ""


def _why_no_size(shapes: Shapes) -> str:
    width = _first(shapes, "image_encoder.patch_embed.proj.weight")
    if width is not None:
        return f"its image encoder is {width} wide, and its other tensors are not those of a ViT of that width"
    if _has(shapes, "image_encoder"):
        return "its image encoder is unknown"
    return "the same for all sizes, so the image encoder it was trained for is unknown"


def _compare(shapes: Shapes, variant: Variant) -> Faults:
    """Compare the parts that are present with the variant's table."""
    table = expected_shapes(variant) or shapes  # without a table there is nothing to compare
    present = tuple(f"{part}." for part in _PARTS if _has(shapes, part))
    return faults(shapes, {name: shape for name, shape in table.items() if name.startswith(present)})


def _yolo(shapes: Shapes, names: tuple[str, ...] | None) -> Recognition | None:
    width = _first(shapes, "model.0.conv.weight")
    head = next((found[1] for name in shapes if (found := _YOLO_PROTOTYPES.fullmatch(name))), None)
    if width is None or head is None:
        return None
    classes = _first(shapes, f"model.{head}.cv3.0.2.weight")
    kind = _yolo_kind(shapes, head, width)
    if kind is None:
        note = "neither YOLOv8 nor YOLO11 in a published size"
        return Recognition(family="yolo_seg", title="YOLO-seg", variant=None, classes=classes, note=note)
    finds_everything = classes == 1 and names in (None, OBJECT)
    variant = (_FASTSAM.get(kind) if finds_everything else None) or f"{kind.lower()}_seg"
    note = _count_note(variant, shapes)
    against = _detector_faults(variant, classes or 0, shapes) if note else NO_FAULTS
    return Recognition(
        family="yolo_seg",
        title=VARIANTS[variant].title,
        variant=variant,
        network=VARIANTS[variant],
        faults=against,
        classes=classes,
        note=note,
    )


def _yolo_kind(shapes: Shapes, head: str, width: int) -> str | None:
    """Determine YOLOv8n ... YOLO11x from the head's index, the blocks specific to one of them, and the width."""
    if head == "22" and "model.2.m.0.cv1.conv.weight" in shapes:
        size = {16: "n", 32: "s", 48: "m", 64: "l", 80: "x"}.get(width)
        return f"YOLOv8{size}" if size else None
    if head == "23" and "model.10.m.0.attn.qkv.conv.weight" in shapes:
        deep = any(name.startswith("model.2.m.1.") for name in shapes)
        size = {16: "n", 32: "s", 64: "l" if deep else "m", 96: "x"}.get(width)
        return f"YOLO11{size}" if size else None
    return None


def _count_note(variant: str, shapes: Shapes) -> str:
    expected = VARIANTS[variant].keys
    return "" if len(shapes) == expected else f"with {len(shapes)} keys instead of {expected}"


def _detector_faults(variant: str, classes: int, shapes: Shapes) -> Faults:
    """Compare a detector's file with its network, which is built on the meta device since there is no table of it."""
    # Here, because identifying an intact file needs no PyTorch.
    import torch

    from samara.networks.build import build_network

    with torch.device("meta"):
        network = build_network(VARIANTS[variant].with_classes(numbered(classes)))
    return faults(shapes, {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()})


def _part(shapes: Shapes) -> NetworkPart:
    present = tuple(part for part in _PARTS if _has(shapes, part))
    return _PART_OF.get(present, "other")


def _has(shapes: Shapes, part: NetworkPart) -> bool:
    return any(name.startswith(f"{part}.") for name in shapes)


def _first(shapes: Shapes, name: str) -> int | None:
    """Return the first dimension of a tensor; None if it is missing."""
    return next(iter(shapes.get(name, ())), None)


def _depth(shapes: Shapes, prefix: str) -> int:
    """Count the blocks whose names start with `prefix` and a number."""
    numbers = (name.removeprefix(prefix).split(".")[0] for name in shapes if name.startswith(prefix))
    return 1 + max((int(number) for number in numbers if number.isdecimal()), default=-1)


_FAMILIES: tuple[Callable[[Shapes], Recognition | None], ...] = (
    _low_rank,
    _sam_3,
    _sam_2,
    _efficientvit_sam,
    _efficient_sam,
    _repvit,
    _sam,
)
