"""Names and shapes of the promptable families' state dicts, as rules.

A file is compared with these tables to report e.g. "3 keys are missing" without building a network. The encoders'
numbers come from `samara.networks.variants`; tests compare every table with the official networks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from samara.checkpoints.identification import efficient_sam_keys
from samara.checkpoints.identification.layer_keys import WIDTH as _WIDTH
from samara.checkpoints.identification.layer_keys import Shape, Shapes
from samara.checkpoints.identification.layer_keys import attention as _attention
from samara.checkpoints.identification.layer_keys import batch_norm as _batch_norm
from samara.checkpoints.identification.layer_keys import conv_bn as _conv_bn
from samara.checkpoints.identification.layer_keys import convolution as _convolution
from samara.checkpoints.identification.layer_keys import linear as _linear
from samara.checkpoints.identification.layer_keys import neck as _neck
from samara.checkpoints.identification.layer_keys import norm as _norm
from samara.checkpoints.identification.layer_keys import under as _under
from samara.checkpoints.identification.repvit_keys import repvit
from samara.networks.architectures import (
    BlockKind,
    EfficientViTConfig,
    EncoderConfig,
    HieraConfig,
    PlainViTConfig,
    RepViTConfig,
    TinyViTConfig,
    ViTConfig,
)
from samara.networks.variants import VARIANTS, Family, Variant

_FAMILIES = (
    "sam",
    "mobile_sam",
    "hq_sam",
    "sam2",
    "efficientvit_sam",
    "efficient_sam",
    "edge_sam",
    "repvit_sam",
)
_PATCH = 16
_WINDOW = 14

# Left over from ImageNet and never used: MobileSAM files are complete with or without it.
OPTIONAL_PREFIXES = ("image_encoder.norm_head.", "image_encoder.head.")
# Counts training steps; some converters drop it, and no output depends on it.
_OPTIONAL_SUFFIX = ".num_batches_tracked"
# Stored by some tools although every network computes them: normalisation constants, TinyViT's index table.
_MADE_ANEW = re.compile(r"pixel_mean|pixel_std|image_encoder\.layers\..*\.attention_bias_idxs")


@dataclass(frozen=True)
class Faults:
    """Differences between names and shapes and those of a network.

    Attributes:
        missing: required names that are absent.
        unexpected: names that do not belong.
        misshapen: names of tensors with another shape.
    """

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    misshapen: tuple[str, ...] = ()


NO_FAULTS = Faults()


def faults(found: Mapping[str, Shape], expected: Mapping[str, Shape]) -> Faults:
    """Compare names and shapes with those of a network; both identification and loading use this rule."""
    return Faults(
        missing=tuple(name for name in expected if name not in found and not is_optional(name)),
        unexpected=tuple(name for name in found if name not in expected and not is_made_anew(name)),
        misshapen=tuple(
            name for name, shape in found.items() if expected.get(name, shape) != shape and not is_optional(name)
        ),
    )


def is_optional(name: str) -> bool:
    """Return whether a network's output does not depend on this entry of its state dict."""
    return name.startswith(OPTIONAL_PREFIXES) or name.endswith(_OPTIONAL_SUFFIX)


def is_made_anew(name: str) -> bool:
    """Return whether the network computes this entry of a file itself."""
    return _MADE_ANEW.fullmatch(name) is not None


def expected_shapes(variant: str | Variant) -> Mapping[str, Shape] | None:
    """Return name and shape of every entry of a variant's state dict; None for families without a table."""
    variant = VARIANTS[variant] if isinstance(variant, str) else variant
    encoder, early_channels = variant.image_encoder, variant.early_channels
    if variant.family not in _FAMILIES or encoder is None:
        return None
    shapes = {
        **_under("image_encoder", image_encoder(encoder, variant.preprocessing.input_size)),
        **_under("prompt_encoder", _PROMPT_ENCODERS.get(variant.family, _prompt_encoder)()),
        **_under("mask_decoder", _MASK_DECODERS.get(variant.family, _mask_decoder)()),
    }
    if early_channels:
        shapes.update(_under("mask_decoder", _hq_decoder(early_channels)))
    return shapes


def image_encoder(config: EncoderConfig, input_size: int = 1024) -> Shapes:
    """Return the entries of an image encoder, without their common prefix."""
    match config:
        case ViTConfig():
            return _vit(config, input_size // _PATCH)
        case TinyViTConfig():
            return _tiny_vit(config)
        case HieraConfig():
            return _sam2_encoder(config)
        case EfficientViTConfig():
            return _efficientvit(config)
        case PlainViTConfig():
            return efficient_sam_keys.plain_vit(config)
        case RepViTConfig():
            return repvit(config)


def _mlp(name: str, inputs: int, hidden: int, outputs: int) -> Shapes:
    """Return the entries of a three-layer MLP."""
    first, second = _linear(f"{name}.layers.0", inputs, hidden), _linear(f"{name}.layers.1", hidden, hidden)
    return {**first, **second, **_linear(f"{name}.layers.2", hidden, outputs)}


def _vit(config: ViTConfig, grid: int) -> Shapes:
    width, hidden = config.embed_dim, round(config.embed_dim * config.mlp_ratio)
    shapes: Shapes = {
        "pos_embed": (1, grid, grid, width),
        **_convolution("patch_embed.proj", (width, 3, 16, 16), width),
        **_neck(width),
    }
    for index in range(config.depth):
        side = grid if index in config.global_attention_blocks else _WINDOW
        relative = (2 * side - 1, width // config.num_heads)
        block = f"blocks.{index}"
        shapes |= {f"{block}.attn.rel_pos_h": relative, f"{block}.attn.rel_pos_w": relative}
        shapes |= _norm(f"{block}.norm1", width) | _norm(f"{block}.norm2", width)
        shapes |= _linear(f"{block}.attn.qkv", width, 3 * width) | _linear(f"{block}.attn.proj", width, width)
        shapes |= _linear(f"{block}.mlp.lin1", width, hidden) | _linear(f"{block}.mlp.lin2", hidden, width)
        if config.adapter_width is not None:
            gate, near, narrow = f"{block}.Adapter.channel", f"{block}.Adapter.spatial", config.adapter_width
            shapes |= {f"{gate}.0.weight": (narrow, width), f"{gate}.2.weight": (width, narrow)}
            shapes |= {f"{near}.0.weight": (width, width, 3, 3), f"{near}.2.weight": (width, width, 4, 4)}
            shapes |= _norm(f"{block}.Adapter.norm", width)
    return shapes


def _tiny_vit(config: TinyViTConfig) -> Shapes:
    widths, size = config.embed_dims, 2 * config.stem_stride - 1
    shapes: Shapes = {
        **_conv_bn("patch_embed.seq.0", (widths[0] // 2, 3, size, size)),
        **_conv_bn("patch_embed.seq.2", (widths[0], widths[0] // 2, size, size)),
        **_neck(widths[-1]),
    }
    if config.num_classes:
        shapes |= _norm("norm_head", widths[-1]) | _linear("head", widths[-1], config.num_classes)
    for stage, (width, depth) in enumerate(zip(widths, config.depths, strict=True)):
        for index in range(depth):
            block = f"layers.{stage}.blocks.{index}"
            heads, window = config.num_heads[stage], config.window_sizes[stage]
            shapes |= _tiny_block(block, width, heads, window) if stage else _inverted_residual(block, width)
        if stage + 1 < len(widths):
            shapes |= _merging(f"layers.{stage}.downsample", width, widths[stage + 1])
    return shapes


def _sam2_encoder(config: HieraConfig) -> Shapes:
    width, side, window = config.embed_dim, config.position_grid, config.window_sizes[0]
    shapes: Shapes = {
        "no_mem_embed": (1, 1, _WIDTH),
        "trunk.pos_embed": (1, width, side, side),
        "trunk.pos_embed_window": (1, width, window, window),
        **_convolution("trunk.patch_embed.proj", (width, 3, 7, 7), width),
        **_convolution("conv_s0", (32, _WIDTH, 1, 1), 32),
        **_convolution("conv_s1", (64, _WIDTH, 1, 1), 64),
    }
    block = 0
    for stage, depth in enumerate(config.depths):
        width = config.embed_dim << stage
        shapes |= _convolution(f"neck.convs.{len(config.depths) - 1 - stage}.conv", (_WIDTH, width, 1, 1), _WIDTH)
        for position in range(depth):
            opens = stage > 0 and position == 0
            shapes |= _hiera_block(f"trunk.blocks.{block}", width // 2 if opens else width, width)
            block += 1
    return shapes


def _hiera_block(name: str, inputs: int, width: int) -> Shapes:
    return {
        **_norm(f"{name}.norm1", inputs),
        **_linear(f"{name}.attn.qkv", inputs, 3 * width),
        **_linear(f"{name}.attn.proj", width, width),
        **_norm(f"{name}.norm2", width),
        **_linear(f"{name}.mlp.layers.0", width, 4 * width),
        **_linear(f"{name}.mlp.layers.1", 4 * width, width),
        **(_linear(f"{name}.proj", inputs, width) if inputs != width else {}),
    }


def _efficientvit(config: EfficientViTConfig) -> Shapes:
    shapes = {
        **_norm("norm", _WIDTH),
        **_convolution("neck.output_ops.0.op_list.0.conv", (_WIDTH, _WIDTH, 1, 1), _WIDTH),
    }
    previous = 3
    numbers = zip(config.widths, config.depths, config.kinds, config.expansions, strict=True)
    for stage, (width, depth, kind, expansion) in enumerate(numbers):
        name = f"backbone.stages.{stage}.op_list"
        if stage == 0:
            shapes |= _conv_layer(f"{name}.0", (width, previous, 3, 3))
        else:
            opening = _fused_block if kind == "fused" else _mobile_block
            shapes |= opening(f"{name}.0.main", previous, width, 4 * expansion)
        for block in range(1, depth + 1):
            shapes |= _efficientvit_block(f"{name}.{block}", kind, width, expansion, config.attention_kernel)
        previous = width
    for place, width in enumerate(reversed(config.widths[-3:])):
        shapes |= _conv_layer(f"neck.input_ops.{place}.op_list.0", (_WIDTH, width, 1, 1))
    for block in range(config.neck_depth):
        shapes |= _fused_block(f"neck.middle.op_list.{block}.main", _WIDTH, _WIDTH, config.neck_expansion)
    return shapes


def _efficientvit_block(name: str, kind: BlockKind, width: int, expansion: int, kernel: int) -> Shapes:
    match kind:
        case "residual":
            square = (width, width, 3, 3)
            return _conv_layer(f"{name}.main.conv1", square) | _conv_layer(f"{name}.main.conv2", square)
        case "fused":
            return _fused_block(f"{name}.main", width, width, expansion)
        case "mobile":
            return _mobile_block(f"{name}.main", width, width, expansion)
        case "attention":
            attention = f"{name}.context_module.main"
            return {
                f"{attention}.qkv.conv.weight": (3 * width, width, 1, 1),
                f"{attention}.aggreg.0.0.weight": (3 * width, 1, kernel, kernel),
                f"{attention}.aggreg.0.1.weight": (3 * width, 32, 1, 1),
                **_conv_layer(f"{attention}.proj", (width, 2 * width, 1, 1)),
                **_mobile_block(f"{name}.local_module.main", width, width, expansion),
            }


def _fused_block(name: str, inputs: int, width: int, expansion: int) -> Shapes:
    wide = inputs * expansion
    return {
        **_conv_layer(f"{name}.spatial_conv", (wide, inputs, 3, 3)),
        **_conv_layer(f"{name}.point_conv", (width, wide, 1, 1)),
    }


def _mobile_block(name: str, inputs: int, width: int, expansion: int) -> Shapes:
    wide = inputs * expansion
    return {
        **_convolution(f"{name}.inverted_conv.conv", (wide, inputs, 1, 1), wide),
        **_convolution(f"{name}.depth_conv.conv", (wide, 1, 3, 3), wide),
        **_conv_layer(f"{name}.point_conv", (width, wide, 1, 1)),
    }


def _conv_layer(name: str, weight: Shape) -> Shapes:
    """A convolution without bias and its batch norm."""
    return {f"{name}.conv.weight": weight, **_batch_norm(f"{name}.norm", weight[0])}


def _inverted_residual(name: str, width: int) -> Shapes:
    wide = 4 * width
    return {
        **_conv_bn(f"{name}.conv1", (wide, width, 1, 1)),
        **_conv_bn(f"{name}.conv2", (wide, 1, 3, 3)),
        **_conv_bn(f"{name}.conv3", (width, wide, 1, 1)),
    }


def _merging(name: str, width: int, outputs: int) -> Shapes:
    return {
        **_conv_bn(f"{name}.conv1", (outputs, width, 1, 1)),
        **_conv_bn(f"{name}.conv2", (outputs, 1, 3, 3)),
        **_conv_bn(f"{name}.conv3", (outputs, outputs, 1, 1)),
    }


def _tiny_block(name: str, width: int, heads: int, window: int) -> Shapes:
    return {
        f"{name}.attn.attention_biases": (heads, window * window),
        **_norm(f"{name}.attn.norm", width),
        **_linear(f"{name}.attn.qkv", width, 3 * width),
        **_linear(f"{name}.attn.proj", width, width),
        **_norm(f"{name}.mlp.norm", width),
        **_linear(f"{name}.mlp.fc1", width, 4 * width),
        **_linear(f"{name}.mlp.fc2", 4 * width, width),
        **_conv_bn(f"{name}.local_conv", (width, 1, 3, 3)),
    }


def _prompt_encoder() -> Shapes:
    return {
        "pe_layer.positional_encoding_gaussian_matrix": (2, _WIDTH // 2),
        **{f"point_embeddings.{label}.weight": (1, _WIDTH) for label in range(4)},
        "not_a_point_embed.weight": (1, _WIDTH),
        "no_mask_embed.weight": (1, _WIDTH),
        **_convolution("mask_downscaling.0", (4, 1, 2, 2), 4),
        **_norm("mask_downscaling.1", 4),
        **_convolution("mask_downscaling.3", (16, 4, 2, 2), 16),
        **_norm("mask_downscaling.4", 16),
        **_convolution("mask_downscaling.6", (_WIDTH, 16, 1, 1), _WIDTH),
    }


def _two_way_layer(name: str) -> Shapes:
    shapes = _attention(f"{name}.self_attn", _WIDTH)
    shapes |= _attention(f"{name}.cross_attn_token_to_image", _WIDTH // 2)
    shapes |= _attention(f"{name}.cross_attn_image_to_token", _WIDTH // 2)
    shapes |= _linear(f"{name}.mlp.lin1", _WIDTH, 2048) | _linear(f"{name}.mlp.lin2", 2048, _WIDTH)
    for index in range(1, 5):
        shapes |= _norm(f"{name}.norm{index}", _WIDTH)
    return shapes


def _mask_decoder() -> Shapes:
    shapes: Shapes = {
        "iou_token.weight": (1, _WIDTH),
        "mask_tokens.weight": (4, _WIDTH),
        **_two_way_layer("transformer.layers.0"),
        **_two_way_layer("transformer.layers.1"),
        **_attention("transformer.final_attn_token_to_image", _WIDTH // 2),
        **_norm("transformer.norm_final_attn", _WIDTH),
        **_convolution("output_upscaling.0", (_WIDTH, 64, 2, 2), 64),
        **_norm("output_upscaling.1", 64),
        **_convolution("output_upscaling.3", (64, 32, 2, 2), 32),
        **_mlp("iou_prediction_head", _WIDTH, _WIDTH, 4),
    }
    for index in range(4):
        shapes |= _mlp(f"output_hypernetworks_mlps.{index}", _WIDTH, _WIDTH, 32)
    return shapes


def _sam2_decoder() -> Shapes:
    """SAM's with an object score, and with other names in the transformer's feed-forward parts."""
    renamed = {
        name.replace(".mlp.lin1.", ".mlp.layers.0.").replace(".mlp.lin2.", ".mlp.layers.1."): shape
        for name, shape in _mask_decoder().items()
    }
    return {
        **renamed,
        "obj_score_token.weight": (1, _WIDTH),
        **_mlp("pred_obj_score_head", _WIDTH, _WIDTH, 1),
    }


def _hq_decoder(early_width: int) -> Shapes:
    """Return HQ-SAM's additional entries; `early_width` is the number of channels of the early features."""
    return {
        "hf_token.weight": (1, _WIDTH),
        **_mlp("hf_mlp", _WIDTH, _WIDTH, 32),
        **_convolution("compress_vit_feat.0", (early_width, _WIDTH, 2, 2), _WIDTH),
        **_norm("compress_vit_feat.1", _WIDTH),
        **_convolution("compress_vit_feat.3", (_WIDTH, 32, 2, 2), 32),
        **_convolution("embedding_encoder.0", (_WIDTH, 64, 2, 2), 64),
        **_norm("embedding_encoder.1", 64),
        **_convolution("embedding_encoder.3", (64, 32, 2, 2), 32),
        **_convolution("embedding_maskfeature.0", (64, 32, 3, 3), 64),
        **_norm("embedding_maskfeature.1", 64),
        **_convolution("embedding_maskfeature.3", (32, 64, 3, 3), 32),
    }


# Of families whose parts are not SAM's.
_PROMPT_ENCODERS: Mapping[Family, Callable[[], Shapes]] = {"efficient_sam": efficient_sam_keys.prompt_encoder}
_MASK_DECODERS: Mapping[Family, Callable[[], Shapes]] = {
    "sam2": _sam2_decoder,
    "efficient_sam": efficient_sam_keys.mask_decoder,
}
