"""The interface of an export to client programs: samara's own graphs, or those of official clients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from samara.engines.calibration import calibration_inputs
from samara.engines.graphs import Graph, GraphInput, check_plain, encoder_graph_of, prompted_decoder_graph_of
from samara.engines.loaded import Loaded
from samara.errors import SettingsError
from samara.images.bundled import BUNDLED_IMAGES
from samara.images.preprocessing import Fit, Frame, resize
from samara.images.read import read_image
from samara.networks.encoder_graph import encoder_graph
from samara.networks.official_graphs import (
    FRAME,
    OfficialDecoderGraph,
    OfficialEncoderGraph,
    OfficialSwitches,
)
from samara.networks.plain import sharing_copy
from samara.networks.variant import Scale

Inputs = tuple[Tensor, ...]
POINTS = 5
"""Size in the example; any except 0 and 1."""


@dataclass(frozen=True)
class Interface:
    """One interface.

    Attributes:
        name: value of `--interface`.
        formats: supported formats.
        input_size: function from a checkpoint to the side of the square that its image encoder takes, in pixels.
        frame_size: function from a checkpoint to the side of the square that coordinates refer to, in pixels.
        graphs: function from a checkpoint to its image encoder and mask decoder.
        inputs: function from a checkpoint to real inputs of both: a photo, and its embedding with prompts.
        fit: how its image encoder fits images into the input; None if the caller does so, as the checkpoint requires.
        scale: the scale of its image encoder's input; None if the caller prepares the image.
        has_one_mask: whether the decoder returns one mask instead of all.
        facts: additional facts for the manifest.
    """

    name: str
    formats: tuple[str, ...]
    input_size: Callable[[Loaded], int]
    frame_size: Callable[[Loaded], int]
    graphs: Callable[[Loaded], tuple[Graph, Graph]]
    inputs: Callable[[Loaded], tuple[Inputs, Inputs]]
    fit: Fit | None = None
    scale: Scale | None = None
    has_one_mask: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON values

    def masks(self, loaded: Loaded) -> list[str]:
        """Return the meaning of the decoder's masks, in order."""
        if self.has_one_mask:
            return ["single for several points, else best of three"]
        if loaded.variant.early_channels:
            return ["single", "best of three"]
        alone = ["HQ mask alone"] if loaded.variant.hq_token else []
        return ["single", "first", "second", "third", *alone]


def interface_named(name: str, switches: OfficialSwitches) -> Interface:
    """Look up an interface.

    Raises:
        SettingsError: the name is unknown, or it has no such switches.
    """
    if name == "official":
        return Interface(
            name,
            ("onnx",),
            lambda loaded: FRAME,
            lambda loaded: FRAME,
            lambda loaded: _official_graphs(loaded, switches),
            _official_inputs,
            fit="pad",
            scale="fixed",
            has_one_mask=switches.return_single_mask,
            facts={"switches": asdict(switches), "normalises": "inside image_encoder, and pads"},
        )
    if name != "samara":
        raise SettingsError(f"there is no interface {name!r}; use samara or official")
    chosen = [f"`{switch}`" for switch, value in asdict(switches).items() if value]
    if chosen:
        raise SettingsError(f'{", ".join(chosen)} applies only to `interface="official"`; leave it out')
    return Interface(
        name,
        ("onnx", "openvino"),
        lambda loaded: loaded.input_size,
        lambda loaded: loaded.frame_size,
        lambda loaded: (encoder_graph_of(loaded), prompted_decoder_graph_of(loaded)),
        _own_inputs,
    )


def _own_inputs(loaded: Loaded) -> tuple[Inputs, Inputs]:
    (pixels,) = calibration_inputs(loaded, [str(BUNDLED_IMAGES[0])])
    image = torch.from_numpy(pixels)
    with torch.inference_mode():
        features = loaded.sam.image_encoder(image)
    # A click and a box; the click has its padding point, and a second one to match the length of the box with its
    # click.
    coordinates = torch.tensor([[[0.4, 0.4], [0.0, 0.0], [0.0, 0.0]], [[0.5, 0.3], [0.2, 0.1], [0.9, 0.6]]])
    labels = torch.tensor([[1.0, -1.0, -1.0], [1.0, 2.0, 3.0]])
    mask = (_mask_input(image, 4 * loaded.grid), torch.ones(1)) if loaded.variant.capabilities.mask_input else ()
    return (image,), (features, coordinates * loaded.frame_size, labels, *mask)


def _mask_input(image: Tensor, side: int) -> Tensor:
    """Return a mask (1, 1, side, side) derived from an image (1, 3, ·, ·)."""
    return torch.nn.functional.interpolate(image[:, :1], size=(side, side), mode="bilinear") * 4


def _official_inputs(loaded: Loaded) -> tuple[Inputs, Inputs]:
    pixels = read_image(BUNDLED_IMAGES[0])
    frame = Frame((pixels.shape[0], pixels.shape[1]), FRAME)
    image = torch.from_numpy(resize(pixels, frame)).float()
    encoder, _ = _official_graphs(loaded, OfficialSwitches())
    with torch.inference_mode():
        features = encoder.module(image)
    coordinates = torch.tensor([[[0.5, 0.3], [0.2, 0.1], [0.9, 0.6]]]) * FRAME
    mask = _mask_input(image.permute(2, 0, 1)[None] / 64 - 2, FRAME // 4)
    wanted = torch.tensor(frame.resized_size_hw, dtype=torch.float32).flip(0)  # portrait, unlike the example
    return (image,), (features, coordinates, torch.tensor([[1.0, 2.0, 3.0]]), mask, torch.ones(1), wanted)


def _official_graphs(loaded: Loaded, switches: OfficialSwitches) -> tuple[Graph, Graph]:
    network = loaded.sam
    check_plain(network, loaded.name)
    network = sharing_copy(network)
    if switches.gelu_approximate:
        for module in network.modules():
            if isinstance(module, nn.GELU):
                module.approximate = "tanh"
    preprocessing, size = loaded.variant.preprocessing, loaded.input_size
    encoder = OfficialEncoderGraph(
        encoder_graph(network.image_encoder, size), size, preprocessing.mean, preprocessing.std
    )
    frame_size, cell = loaded.frame_size, loaded.variant.frame_cell
    decoder = OfficialDecoderGraph(network.prompt_encoder, network.mask_decoder, frame_size, switches, frame_cell=cell)
    grid, points = loaded.grid, {1: "num_points"}
    return (
        Graph(
            "image_encoder",
            encoder.eval(),
            (GraphInput("input_image", torch.zeros(FRAME * 3 // 4, FRAME, 3), {0: "image_height", 1: "image_width"}),),
            ("image_embeddings",),
        ),
        Graph(
            "mask_decoder",
            decoder.eval(),
            (
                GraphInput("image_embeddings", torch.zeros(1, loaded.variant.embedding_channels, grid, grid), {}),
                GraphInput("point_coords", torch.zeros(1, POINTS, 2), points),
                GraphInput("point_labels", torch.zeros(1, POINTS), points),
                GraphInput("mask_input", torch.zeros(1, 1, FRAME // 4, FRAME // 4), {}),
                GraphInput("has_mask_input", torch.zeros(1), {}),
                GraphInput("orig_im_size", torch.tensor([FRAME * 3 // 4, FRAME], dtype=torch.float32), {}),
            ),
            switches.outputs,
        ),
    )
