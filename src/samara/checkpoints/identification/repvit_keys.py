"""Names and shapes of EdgeSAM's and RepViT-SAM's image encoders, as rules, see `key_tables`."""

from __future__ import annotations

from samara.checkpoints.identification.layer_keys import WIDTH, Shape, Shapes, batch_norm, conv_bn, convolution, neck
from samara.networks.architectures import RepViTConfig


def repvit(config: RepViTConfig) -> Shapes:
    """Return the entries of the image encoder, without their common prefix."""
    width, index = config.widths[0], 0
    shapes = _repvit_layer(config, "features.0.0", (width // 2, 3, 3, 3))
    shapes |= _repvit_layer(config, "features.0.2", (width, width // 2, 3, 3))
    for stage, (wider, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
        for position in range(depth):
            index += 1
            name, inputs, width = f"features.{index}", width, wider
            opens, squeezes = stage > 0 and position == 0, position % 2 == min(stage, 1) and position + 1 < depth
            shapes |= _repvit_opening(config, name, inputs, width) if opens else _repvit_mixer(config, name, width)
            shapes |= _squeeze_excite(f"{name}.token_mixer.1", width) if squeezes else {}
            shapes |= _repvit_layer(config, f"{name}.channel_mixer.m.0", (2 * width, width, 1, 1))
            shapes |= _repvit_layer(config, f"{name}.channel_mixer.m.2", (width, 2 * width, 1, 1))
    if config.strides[-1] == 1:
        return shapes | neck(width)
    fused = {"fuse_stage2": config.widths[-2], "fuse_stage3.op_list.0": width}
    return shapes | {f"{name}.weight": (WIDTH, inputs, 1, 1) for name, inputs in fused.items()} | neck(WIDTH)


def _repvit_layer(config: RepViTConfig, name: str, weight: Shape) -> Shapes:
    """A convolution and its norm, or what both became."""
    return convolution(name, weight, weight[0]) if config.reparameterised else conv_bn(name, weight)


def _repvit_opening(config: RepViTConfig, name: str, inputs: int, width: int) -> Shapes:
    depthwise = _repvit_layer(config, f"{name}.token_mixer.0", (inputs, 1, 3, 3))
    return depthwise | _repvit_layer(config, f"{name}.token_mixer.2", (width, inputs, 1, 1))


def _repvit_mixer(config: RepViTConfig, name: str, width: int) -> Shapes:
    """Depthwise convolutions, 3×3 and 1×1, each with a norm, or with one of their sum; or what they became."""
    mixer, narrow = f"{name}.token_mixer.0", (width, 1, 1, 1)
    if config.reparameterised:
        return convolution(mixer, (width, 1, 3, 3), width)
    wide = conv_bn(f"{mixer}.conv", (width, 1, 3, 3))
    if config.branches == "normed":
        return wide | conv_bn(f"{mixer}.conv1", narrow)
    return wide | convolution(f"{mixer}.conv1", narrow, width) | batch_norm(f"{mixer}.bn", width)


def _squeeze_excite(name: str, width: int) -> Shapes:
    inner = (width // 4 + 4) // 8 * 8
    return {
        **convolution(f"{name}.fc1", (inner, width, 1, 1), inner),
        **convolution(f"{name}.fc2", (width, inner, 1, 1), width),
    }
