"""The parts of a network as graphs for other runtimes: inputs, outputs, and dynamic sizes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from samara.engines.loaded import Loaded
from samara.errors import SettingsError
from samara.networks.decoder_graph import DetailsGraph, LookGraph, draw_graph
from samara.networks.encoder_graph import encoder_graph
from samara.networks.plain import adaptations, dtype_of
from samara.networks.prompted_decoder_graph import PromptedDecoderGraph
from samara.networks.sam import Sam
from samara.system.devices import computing

FORM = 2
"""Increased when the same weights result in different graphs, so that graphs of older versions are not reused."""

# Example values of dynamic sizes: not 0 or 1, which torch.export treats as constants, and all different.
IMAGES, PROMPTS, TOKENS, MASKS = 2, 3, 5, 4


@dataclass(frozen=True)
class GraphInput:
    """One input of a graph.

    Attributes:
        name: unique in the graph.
        example: float32 or int64 tensor with a possible shape.
        varying: dynamic axes, with the name of each.
    """

    name: str
    example: Tensor
    varying: dict[int, str]

    @property
    def shape(self) -> list[int | str]:
        """Sizes, with names for dynamic ones."""
        return [self.varying.get(axis, size) for axis, size in enumerate(self.example.shape)]


@dataclass(frozen=True)
class Graph:
    """One part of a network.

    Attributes:
        name: e.g. "image_encoder".
        module: in eval mode; shares its weights with the network.
        inputs: in the order of the module's arguments.
        outputs: names of its outputs, in order.
    """

    name: str
    module: nn.Module
    inputs: tuple[GraphInput, ...]
    outputs: tuple[str, ...]

    def export(self) -> ExportedProgram:
        """Export the graph by `torch.export`, which traces it with fake tensors: no time, no memory."""
        sizes = {name: Dim(name) for one in self.inputs for name in one.varying.values()}
        with warnings.catch_warnings(), computing("cpu", "float32"):
            warnings.simplefilter("ignore")  # deprecations within PyTorch
            return torch.export.export(
                self.module.eval(),
                tuple(one.example for one in self.inputs),
                dynamic_shapes=tuple({axis: sizes[name] for axis, name in one.varying.items()} for one in self.inputs),
            )


def check_plain(network: Sam, name: str) -> None:
    """Refuse a network that graphs cannot fully represent.

    Args:
        network: network in any state.
        name: name for the message.

    Raises:
        SettingsError: one of its parts was adapted, or its weights are not float32.
    """
    for part in ("image_encoder", "prompt_encoder", "mask_decoder"):
        found = next(adaptations(getattr(network, part)), None)
        if found is not None:
            raise SettingsError(
                f"the {part.replace('_', ' ')} of {name} was adapted ({found}), which a graph would not contain; "
                "merge the adaptation into the weights and remove it (peft: merge_and_unload), or use the engine torch"
            )
        if dtype_of(getattr(network, part)) != torch.float32:
            raise SettingsError(
                f"the weights of {name} are {str(dtype_of(getattr(network, part))).removeprefix('torch.')}; graphs are "
                "made from float32, so call .float() on the network first"
            )


def encoder_graph_of(loaded: Loaded) -> Graph:
    """Build the image encoder: `image` (1, 3, S, S) → `image_embeddings` (1, C + V, h, w).

    Raises:
        SettingsError: see `check_plain`; the other functions here raise it too.
    """
    check_plain(loaded.sam, loaded.name)
    size = loaded.input_size
    module = encoder_graph(loaded.sam.image_encoder, size)
    return Graph(
        "image_encoder", module, (GraphInput("image", torch.zeros(1, 3, size, size), {}),), ("image_embeddings",)
    )


def decoder_graphs_of(loaded: Loaded) -> tuple[Graph, ...]:
    """Build the parts of the mask decoder; see `samara.networks.decoder_graph`."""
    check_plain(loaded.sam, loaded.name)
    network = loaded.sam
    decoder, C = network.mask_decoder, network.prompt_encoder.embed_dim  # noqa: N806
    side = loaded.grid
    positions = network.prompt_encoder.get_dense_pe((side, side))
    image = GraphInput("image", torch.zeros(IMAGES, C, side, side), {0: "images"})
    prompts = GraphInput(
        "prompts", torch.zeros(IMAGES, PROMPTS, TOKENS, C), {0: "images", 1: "prompts_per_image", 2: "tokens"}
    )
    weights = GraphInput("weights", torch.zeros(PROMPTS, MASKS, decoder.weight_channels), {0: "prompts", 1: "weights"})
    seen = GraphInput("image_tokens", torch.zeros(PROMPTS, side * side, C), {0: "prompts"})
    look = Graph("look", LookGraph(decoder, positions), (image, prompts), ("predicted_iou", "weights", "image_tokens"))
    draw = draw_graph(decoder, (side, side))
    features = torch.zeros(1, C + decoder.further_channels, side, side)
    details = decoder.details_of(features)
    if details is None:
        return look, Graph("draw", draw, (weights, seen), ("low_res_logits",))
    drawn_on = GraphInput("details", torch.zeros_like(details), {})
    detailed = Graph("draw", draw, (weights, seen, drawn_on), ("low_res_logits",))
    if decoder.detail_layers is None:  # masks are drawn on the features themselves
        return look, detailed
    making = Graph("details", DetailsGraph(decoder), (GraphInput("features", features, {}),), ("details",))
    return look, detailed, making


def prompted_decoder_graph_of(loaded: Loaded) -> Graph:
    """Build prompt encoder and mask decoder as one graph; see `samara.networks.prompted_decoder_graph`."""
    check_plain(loaded.sam, loaded.name)
    network, side = loaded.sam, loaded.grid
    many, points = {0: "prompts", 1: "points"}, (PROMPTS, TOKENS)
    mask = (
        GraphInput("mask_input", torch.zeros(1, 1, 4 * side, 4 * side), {}),
        GraphInput("has_mask_input", torch.zeros(1), {}),
    )
    return Graph(
        "mask_decoder",
        PromptedDecoderGraph(
            network.prompt_encoder, network.mask_decoder, loaded.frame_size, loaded.variant.frame_cell
        ),
        (
            GraphInput("image_embeddings", torch.zeros(1, loaded.variant.embedding_channels, side, side), {}),
            GraphInput("point_coords", torch.zeros(*points, 2), many),
            GraphInput("point_labels", torch.zeros(*points), many),
            *(mask if loaded.variant.capabilities.mask_input else ()),
        ),
        ("iou_predictions", "low_res_masks"),
    )
