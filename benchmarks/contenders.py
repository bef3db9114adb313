"""Who takes part in `speed.py`: samara, the official package, and the official network in other runtimes.

All of them get the same weights: an image encoder with random numbers (they cost what trained ones cost), and the
prompt encoder and mask decoder of samara_mini. Random embeddings would make masks like noise, which no real image has
and which would distort everything after the decoder; so what a prompt is asked against is samara_mini's embedding of
the picture, at the full 64 × 64 grid, put in the place of the encoder's output after the encoder did its work.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import samara
from samara.automatic.settings import AutomaticSettings
from samara.engines.engine import InputPrompts
from samara.masks.rle import Rle, encode_mask

SIDE = 1024
PICTURE = Path(__file__).parent.parent / "examples" / "truck.jpg"


@dataclass(frozen=True)
class Work:
    """What one contender can do, ready to be timed.

    Attributes:
        encode: network input (1, 3, 1024, 1024) → embedding.
        decode: 64 clicks (64, 2) in the input frame → three masks each.
        everything: the picture → masks with the settings.
    """

    encode: Callable[[Tensor], Any]
    decode: Callable[[Tensor], Any]
    everything: Callable[[], list[Rle]]


class WithContent(nn.Module):
    """An image encoder that does its work, and answers with an embedding that has something in it."""

    def __init__(self, encoder: Callable[[Tensor], Any], content: Tensor, img_size: int = SIDE) -> None:
        super().__init__()
        self.encoder = encoder
        self.register_buffer("content", content, persistent=False)
        self.img_size = img_size

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) → (B, 256, 64, 64)."""
        self.encoder(images)
        return self.content.expand(len(images), -1, -1, -1)


@dataclass(frozen=True)
class Weights:
    """What all contenders share."""

    variant: str
    state: dict[str, Tensor]
    content: Tensor
    settings: AutomaticSettings


def weights_for(variant: str, settings: AutomaticSettings) -> Weights:
    """Random encoder, samara_mini's decoder, and its embedding of the picture."""
    mini = samara.load("samara_mini", device="cpu", precision="float32", input_size=SIDE)
    rest = {name: value for name, value in mini.network.state_dict().items() if not name.startswith("image_encoder.")}
    encoder = samara.load(variant, weights="random", device="cpu", precision="float32").network.image_encoder
    state = rest | {f"image_encoder.{name}": value for name, value in encoder.state_dict().items()}
    content = samara.Predictor(mini).embed(PICTURE).features[None]
    return Weights(variant, state, content, settings)


def ours(weights: Weights, precision: str = "float32") -> Work:
    """Samara."""
    loaded = samara.load(weights.variant, weights="random", device="cpu", precision=precision)
    loaded.network.load_state_dict(weights.state, strict=False)
    plain = samara.Predictor(loaded).engine
    network = loaded.network
    hybrid = type(network)(
        image_encoder=WithContent(network.image_encoder, weights.content),
        prompt_encoder=network.prompt_encoder,
        mask_decoder=network.mask_decoder,
    )
    generator = samara.AutomaticMaskGenerator(replace(loaded, network=hybrid.eval()), weights.settings)
    engine = generator.predictor.engine

    def decode(points: Tensor) -> Any:
        prompts = InputPrompts(
            (points[:, None], torch.ones(len(points), 1, dtype=torch.int64)),
            None,
            None,
            torch.zeros(len(points), dtype=torch.int64),
        )
        return engine.decode(engine.prepare(weights.content), prompts, input_size=SIDE, multimask=True)

    return Work(plain.encode, decode, lambda: list(generator.generate(PICTURE).rles))


def official_network(weights: Weights) -> Any:
    """The official package's Sam with the shared weights."""
    from segment_anything import sam_model_registry

    network = sam_model_registry[weights.variant]()
    network.load_state_dict(weights.state, strict=False)
    return network.eval()


def official(weights: Weights) -> Work:
    """segment-anything as it is."""
    network = official_network(weights)
    encoder = network.image_encoder
    network.image_encoder = WithContent(encoder, weights.content)
    return _official_work(network, encoder, weights)


def openvino_assembly(weights: Weights) -> Work:
    """What a good engineer puts together: the official generator around the official network in OpenVINO."""
    import openvino

    network = official_network(weights)
    core = openvino.Core()
    precise = {"INFERENCE_PRECISION_HINT": "f32"}
    encoder = _openvino(core, network.image_encoder, {"x": torch.zeros(1, 3, SIDE, SIDE)}, precise)
    network.image_encoder = WithContent(encoder, weights.content)
    example = {
        "image_embeddings": weights.content,
        "image_pe": network.prompt_encoder.get_dense_pe(),
        "sparse_prompt_embeddings": torch.zeros(64, 2, 256),
        "dense_prompt_embeddings": torch.zeros(64, 256, 64, 64),
    }
    decoder = _openvino(core, _ThreeMasks(network.mask_decoder), example, precise)

    class Decoder(nn.Module):
        def forward(self, multimask_output: bool, **inputs: Tensor) -> tuple[Tensor, Tensor]:
            masks, iou = decoder(*inputs.values())
            return masks, iou

    network.mask_decoder = Decoder()
    return _official_work(network, encoder, weights)


def onnxruntime_encoder(weights: Weights) -> Work:
    """The official image encoder in ONNX Runtime; its decoder is not measured."""
    import onnxruntime

    network = official_network(weights)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "encoder.onnx")
        torch.onnx.export(network.image_encoder, (torch.zeros(1, 3, SIDE, SIDE),), path, dynamo=False)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def not_measured(*_: Any) -> Any:
        raise NotImplementedError("only the encoder runs in ONNX Runtime here")

    return Work(lambda images: session.run(None, {name: images.numpy()}), not_measured, not_measured)


def _official_work(network: Any, encoder: Callable[[Tensor], Any], weights: Weights) -> Work:
    from segment_anything import SamAutomaticMaskGenerator

    asked = weights.settings
    generator = SamAutomaticMaskGenerator(
        network,
        points_per_side=asked.points_per_side,
        pred_iou_thresh=asked.pred_iou_thresh,
        stability_score_thresh=asked.stability_score_thresh,
        box_nms_thresh=asked.box_nms_thresh,
    )

    def decode(points: Tensor) -> Any:
        with torch.inference_mode():
            labels = torch.ones(len(points), 1, dtype=torch.int64)
            sparse, dense = network.prompt_encoder(points=(points[:, None], labels), boxes=None, masks=None)
            return network.mask_decoder(
                image_embeddings=weights.content,
                image_pe=network.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=True,
            )

    def everything() -> list[Rle]:
        found = generator.generate(samara.read_image(PICTURE))
        return [encode_mask(np.asarray(one["segmentation"])) for one in found]

    def encode(images: Tensor) -> Any:
        with torch.inference_mode():
            return encoder(images)

    return Work(encode, decode, everything)


class _ThreeMasks(nn.Module):
    """The official decoder with its flag fixed, so that it can be traced."""

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
    ) -> tuple[Tensor, Tensor]:
        masks, iou = self.decoder(
            image_embeddings=image_embeddings,
            image_pe=image_pe,
            sparse_prompt_embeddings=sparse_prompt_embeddings,
            dense_prompt_embeddings=dense_prompt_embeddings,
            multimask_output=True,
        )
        return masks, iou


def _openvino(core: Any, network: nn.Module, example: dict[str, Tensor], options: dict[str, str]) -> Any:
    """A compiled network that takes and gives tensors."""
    import openvino

    with torch.no_grad():
        model = openvino.convert_model(network, example_input=tuple(example.values()))
    model.reshape(dict(zip(model.inputs, [list(value.shape) for value in example.values()], strict=True)))
    compiled = core.compile_model(model, "CPU", options)

    def run(*inputs: Tensor) -> Any:
        given = [
            value.expand(shape.shape).contiguous().numpy()
            for value, shape in zip(inputs, example.values(), strict=True)
        ]
        outputs = [torch.from_numpy(output) for output in compiled(given).values()]
        return outputs[0] if len(outputs) == 1 else outputs

    return run


CONTENDERS: dict[str, tuple[tuple[str, ...], Callable[[Weights], Work]]] = {
    "segment-anything": (("segment_anything", "torchvision"), official),
    "samara": ((), ours),
    "samara bfloat16": ((), lambda weights: ours(weights, "bfloat16")),
    "OpenVINO assembly": (("segment_anything", "torchvision", "openvino"), openvino_assembly),
    "ONNX Runtime": (("segment_anything", "torchvision", "onnxruntime", "onnx"), onnxruntime_encoder),
}
"""Name → what must be installed, and how it is made ready."""


def missing(name: str) -> list[str]:
    """What a contender lacks here."""
    return [module for module in CONTENDERS[name][0] if importlib.util.find_spec(module) is None]
