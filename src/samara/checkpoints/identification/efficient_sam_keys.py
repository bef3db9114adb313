"""EfficientSAM's names and shapes, see `key_tables`."""

from __future__ import annotations

from itertools import pairwise

from samara.checkpoints.identification.layer_keys import WIDTH, Shapes, attention, convolution, linear, neck, norm
from samara.networks.architectures import PlainViTConfig

_PATCH = 16


def plain_vit(config: PlainViTConfig) -> Shapes:
    """Return the entries of the image encoder."""
    width, hidden = config.embed_dim, round(config.embed_dim * config.mlp_ratio)
    shapes: Shapes = {
        "pos_embed": (1, 1 + config.position_grid**2, width),
        **convolution("patch_embed.proj", (width, 3, _PATCH, _PATCH), width),
        **neck(width),
    }
    for index in range(config.depth):
        block = f"blocks.{index}"
        shapes |= norm(f"{block}.norm1", width) | norm(f"{block}.norm2", width)
        shapes |= linear(f"{block}.attn.qkv", width, 3 * width) | linear(f"{block}.attn.proj", width, width)
        shapes |= linear(f"{block}.mlp.fc1", width, hidden) | linear(f"{block}.mlp.fc2", hidden, width)
    return shapes


def prompt_encoder() -> Shapes:
    """Return the entries of the prompt encoder."""
    kinds = ("invalid_points", "point_embeddings", "bbox_top_left_embeddings", "bbox_bottom_right_embeddings")
    return {
        "pe_layer.positional_encoding_gaussian_matrix": (2, WIDTH // 2),
        **{f"{kind}.weight": (1, WIDTH) for kind in kinds},
    }


def mask_decoder() -> Shapes:
    """Return the entries of the mask decoder."""
    shapes: Shapes = {
        "iou_token.weight": (1, WIDTH),
        "mask_tokens.weight": (4, WIDTH),
        **_two_way_layer("transformer.layers.0"),
        **_two_way_layer("transformer.layers.1"),
        **attention("transformer.final_attn_token_to_image", WIDTH // 2),
        **norm("transformer.norm_final_attn", WIDTH),
        **convolution("final_output_upscaling_layers.0.0", (WIDTH, 64, 2, 2), 64),
        **norm("final_output_upscaling_layers.0.1", 64),
        **convolution("final_output_upscaling_layers.1.0", (64, 32, 2, 2), 32),
        **_mlp("iou_prediction_head", WIDTH, 4, hidden_layers=2),
    }
    for index in range(4):
        shapes |= _mlp(f"output_hypernetworks_mlps.{index}", WIDTH, 32, hidden_layers=2)
    return shapes


def _two_way_layer(name: str) -> Shapes:
    shapes = attention(f"{name}.self_attn", WIDTH)
    for direction in ("token_to_image", "image_to_token"):
        shapes |= attention(f"{name}.cross_attn_{direction}", WIDTH // 2)
    for index in range(1, 5):
        shapes |= norm(f"{name}.norm{index}", WIDTH)
    return shapes | _mlp(f"{name}.mlp", 2048, WIDTH, hidden_layers=1)


def _mlp(name: str, hidden: int, outputs: int, *, hidden_layers: int) -> Shapes:
    shapes = linear(f"{name}.fc", hidden, outputs)
    for layer, (inputs, width) in enumerate(pairwise([WIDTH, *[hidden] * hidden_layers])):
        shapes |= linear(f"{name}.layers.{layer}.0", inputs, width)
    return shapes
