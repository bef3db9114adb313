"""Who takes part in `speed.py`: samara in its engines, its peers, and the official network in other runtimes.

All but `transformers` get the same weights from one file: an image encoder with random numbers (they cost what trained
ones cost), and the prompt encoder and mask decoder of samara_mini. Random embeddings would make masks like noise,
which no real image has and which would distort everything after the decoder; so what a prompt is asked against is
samara_mini's embedding of the image, at the full 64 × 64 grid, put in the place of the encoder's output after the
encoder did its work. `transformers` has random numbers of its own; nothing of it is measured that depends on them.
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
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import samara
from samara.checkpoints.reading.sam2_names import to_published
from samara.engines.engine import DecodedMasks, Engine, InputPrompts, Prepared
from samara.masks.rle import Rle, encode_mask
from samara.networks.variants import VARIANTS
from samara.segmentation.automatic.settings import AutomaticSettings

SIDE = 1024
IMAGE = Path(__file__).parent.parent / "examples" / "truck.jpg"


@dataclass(frozen=True)
class Work:
    """What one contender can do, ready to be timed; None for what it is not asked.

    Attributes:
        encode: network input (1, 3, 1024, 1024) → embedding.
        decode: 64 clicks (64, 2) in the input frame → three masks each.
        everything: the image → masks with the settings.
    """

    encode: Callable[[Tensor], Any]
    decode: Callable[[Tensor], Any] | None = None
    everything: Callable[[], list[Rle]] | None = None


@dataclass(frozen=True)
class Weights:
    """What all contenders share.

    Attributes:
        variant: e.g. "vit_b".
        file: checkpoint in the official layout.
        content: (1, 256, 64, 64) float32, the embedding to ask.
        settings: of everything; thresholds as numbers.
        device: where all contenders run.
        side: of the network input in pixels; the official code knows its own alone.
    """

    variant: str
    file: Path
    content: Tensor
    settings: AutomaticSettings
    device: str = "cpu"
    side: int = SIDE

    def on(self, device: str) -> Weights:
        """The same for another device."""
        return replace(self, device=device, content=self.content.to(device))


def weights_for(variant: str, settings: AutomaticSettings, folder: Path) -> Weights:
    """Random encoder, samara_mini's decoder, and its embedding of the image.

    Args:
        variant: of the encoder.
        settings: of everything.
        folder: where the file goes.
    """
    return (sam2_weights if VARIANTS[variant].family == "sam2" else sam_weights)(variant, settings, folder)


def sam_weights(variant: str, settings: AutomaticSettings, folder: Path) -> Weights:
    """For SAM, see `weights_for`."""
    mini = samara.load("samara_mini", device="cpu", precision="float32", input_size=SIDE)
    rest = {name: value for name, value in mini.network.state_dict().items() if not name.startswith("image_encoder.")}
    encoder = samara.load(variant, weights="random", device="cpu", precision="float32").sam.image_encoder
    file = folder / f"{variant}.safetensors"
    save_file(rest | {f"image_encoder.{name}": value for name, value in encoder.state_dict().items()}, file)
    return Weights(variant, file, samara.Predictor(mini).embed(IMAGE).features[None], settings)


class AnswersWithContent:
    """An engine whose encoder does its work, and answers with an embedding that has something in it."""

    def __init__(self, engine: Engine, content: Tensor) -> None:
        self.engine, self.content = engine, content

    def __getattr__(self, name: str) -> Any:
        """Whatever else an engine can do."""
        return getattr(self.engine, name)

    def encode(self, images: Tensor) -> Tensor:
        """See `Engine.encode`."""
        self.engine.encode(images)
        return self.content.expand(len(images), -1, -1, -1)

    def prepare(self, embeddings: Tensor) -> Prepared:
        """See `Engine.prepare`."""
        return self.engine.prepare(embeddings)

    def decode(self, images: Prepared, prompts: InputPrompts, **how: Any) -> DecodedMasks:
        """See `Engine.decode`."""
        return self.engine.decode(images, prompts, **how)


def ours(weights: Weights, engine: str = "torch", precision: str = "float32") -> Work:
    """Samara in one of its engines."""
    loaded = samara.load(
        weights.file, device=weights.device, engine=engine, precision=precision, input_size=weights.side
    )
    generator = samara.AutomaticMaskGenerator(loaded, weights.settings)
    runs = generator.predictor.engine
    generator.predictor.engine = AnswersWithContent(runs, weights.content)

    def decode(points: Tensor) -> Any:
        points = points.to(weights.device)
        labels = torch.ones(len(points), 1, dtype=torch.int64, device=weights.device)
        of_image = torch.zeros(len(points), dtype=torch.int64, device=weights.device)
        prompts = InputPrompts((points[:, None], labels), None, None, of_image)
        return runs.decode(runs.prepare(weights.content), prompts, frame_size=weights.side, multimask=True)

    return Work(runs.encode, decode, lambda: list(generator.generate(IMAGE).rles))


class WithContent(nn.Module):
    """The same for the official generator: an image encoder that answers with content."""

    def __init__(self, encoder: Callable[[Tensor], Any], content: Tensor) -> None:
        super().__init__()
        self.encoder = encoder
        self.register_buffer("content", content, persistent=False)
        self.img_size = SIDE  # the official generator asks for it

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) → (B, 256, 64, 64)."""
        self.encoder(images)
        return self.content.expand(len(images), -1, -1, -1)


def official_network(weights: Weights) -> Any:
    """The official package's Sam with the shared weights."""
    from segment_anything import sam_model_registry

    network = sam_model_registry[weights.variant]()
    network.load_state_dict(load_file(weights.file))
    return network.eval().to(weights.device)


def official(weights: Weights, precision: str = "float32") -> Work:
    """segment-anything as it is, under PyTorch's autocast to bfloat16, or with its weights in float16."""
    network = official_network(weights)
    if precision == "float16":
        network.half()
        weights = replace(weights, content=weights.content.half())
    encoder = network.image_encoder
    network.image_encoder = WithContent(encoder, weights.content)
    return _official_work(network, encoder, weights, precision)


def sam2_weights(variant: str, settings: AutomaticSettings, folder: Path) -> Weights:
    """The same for SAM 2: its image encoder random, of its decoder what SAM has too samara_mini's, no finer maps.

    samara_mini's predicted IoU goes through SAM 2's sigmoid, so thresholds differ from SAM's.
    """
    mini = samara.load("samara_mini", device="cpu", precision="float32", input_size=SIDE)
    network = samara.load(variant, weights="random", device="cpu", precision="float32").sam
    shared = {
        name.replace("mlp.lin1.", "mlp.layers.0.").replace("mlp.lin2.", "mlp.layers.1."): value
        for name, value in mini.network.state_dict().items()
    }
    state = {
        name: shared[name] if name in shared and not name.startswith("image_encoder.") else value
        for name, value in network.state_dict().items()
    }
    without = ("image_encoder.conv_s0.", "image_encoder.conv_s1.", "image_encoder.no_mem_embed")
    state |= {name: torch.zeros_like(value) for name, value in state.items() if name.startswith(without)}
    file = folder / f"{variant.replace('+', '_plus')}.pt"
    torch.save({"model": to_published(state)}, file)
    content = samara.Predictor(mini).embed(IMAGE).features[None]
    further = network.mask_decoder.further_channels
    return Weights(variant, file, torch.nn.functional.pad(content, (0, 0, 0, 0, 0, further)), settings)


def sam2_official(weights: Weights) -> Work:
    """SAM 2's own package as it is; its decoder alone is not measured."""
    from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator
    from sam2.build_sam import build_sam2

    config = f"configs/{weights.variant.split('_')[0]}/{weights.variant}.yaml"
    network = build_sam2(config, None, device="cpu")
    state = torch.load(weights.file, weights_only=True)["model"]
    missing, unexpected = network.load_state_dict(state, strict=False)  # without the memory for videos
    if unexpected or any(name.startswith(("image_encoder.", "sam_")) for name in missing):
        raise RuntimeError(f"the official network needs {missing} and does not know {unexpected}")
    encoder, coarsest = network.image_encoder, weights.content[:, :256]

    class Answers(nn.Module):
        def forward(self, images: Tensor) -> Any:
            found = encoder(images)
            found["backbone_fpn"][-1] = coarsest
            return found

    asked = weights.settings
    network.image_encoder = Answers()
    generator = SAM2AutomaticMaskGenerator(
        network,
        points_per_side=asked.points_per_side,
        pred_iou_thresh=asked.pred_iou_thresh,
        stability_score_thresh=asked.stability_score_thresh,
        box_nms_thresh=asked.box_nms_thresh,
    )

    @torch.inference_mode()
    def encode(images: Tensor) -> Any:
        return encoder(images)

    def everything() -> list[Rle]:
        found = generator.generate(samara.read_image(IMAGE))
        return [encode_mask(np.asarray(one["segmentation"])) for one in found]

    return Work(encode, everything=everything)


def openvino_assembly(weights: Weights) -> Work:
    """What a good engineer puts together: the official generator around the official network in OpenVINO."""
    network = official_network(weights)
    encoder = _openvino(network.image_encoder, {"x": torch.zeros(1, 3, SIDE, SIDE)})
    network.image_encoder = WithContent(encoder, weights.content)
    example = {
        "image_embeddings": weights.content,
        "image_pe": network.prompt_encoder.get_dense_pe(),
        "sparse_prompt_embeddings": torch.zeros(64, 2, 256),
        "dense_prompt_embeddings": torch.zeros(64, 256, 64, 64),
    }
    decoder = _openvino(_ThreeMasks(network.mask_decoder), example)

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
    return Work(lambda images: session.run(None, {name: images.numpy()}))


def transformers_network(weights: Weights, precision: str = "float32") -> Work:
    """SAM in `transformers`, with random numbers of its own: encoder and decoder."""
    from transformers import SamConfig, SamModel

    if weights.variant not in TRANSFORMERS_VISION:
        raise ValueError(f"transformers takes part with {', '.join(TRANSFORMERS_VISION)}, not with {weights.variant}")
    config = SamConfig(vision_config=TRANSFORMERS_VISION[weights.variant])
    dtype = getattr(torch, precision)
    network = SamModel(config).eval().to(weights.device, dtype)

    @torch.inference_mode()
    def encode(images: Tensor) -> Any:
        return network.get_image_embeddings(images.to(dtype))

    @torch.inference_mode()
    def decode(points: Tensor) -> Any:
        asked = points[None, :, None].to(weights.device)
        return network(image_embeddings=weights.content.to(dtype), input_points=asked)

    return Work(encode, decode)


TRANSFORMERS_VISION: dict[str, dict[str, Any]] = {
    "vit_b": {},
    "vit_h": {
        "hidden_size": 1280,
        "num_hidden_layers": 32,
        "num_attention_heads": 16,
        "global_attn_indexes": [7, 15, 23, 31],
    },
}
"""The image encoders in the words of `transformers`, whose default is ViT-B."""


def _official_work(
    network: Any, encoder: Callable[[Tensor], Any], weights: Weights, precision: str = "float32"
) -> Work:
    from segment_anything import SamAutomaticMaskGenerator

    asked = weights.settings
    generator = SamAutomaticMaskGenerator(
        network,
        points_per_side=asked.points_per_side,
        pred_iou_thresh=asked.pred_iou_thresh,
        stability_score_thresh=asked.stability_score_thresh,
        box_nms_thresh=asked.box_nms_thresh,
    )

    def in_precision() -> Any:
        return torch.autocast(torch.device(weights.device).type, dtype=torch.bfloat16, enabled=precision == "bfloat16")

    def decode(points: Tensor) -> Any:
        with torch.inference_mode(), in_precision():
            points = points.to(weights.device)
            labels = torch.ones(len(points), 1, dtype=torch.int64, device=weights.device)
            sparse, dense = network.prompt_encoder(points=(points[:, None], labels), boxes=None, masks=None)
            return network.mask_decoder(
                image_embeddings=weights.content,
                image_pe=network.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=True,
            )

    def everything() -> list[Rle]:
        with in_precision():
            found = generator.generate(samara.read_image(IMAGE))
        return [encode_mask(np.asarray(one["segmentation"])) for one in found]

    def encode(images: Tensor) -> Any:
        with torch.inference_mode(), in_precision():
            return encoder(images.half() if precision == "float16" else images)

    # 16 bits: the official post-processing cannot turn its tensors into NumPy's.
    return Work(encode, decode, everything if precision == "float32" else None)


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


def _openvino(network: nn.Module, example: dict[str, Tensor]) -> Any:
    """A compiled network that takes and gives tensors, float32."""
    import openvino

    with torch.no_grad():
        model = openvino.convert_model(network, example_input=tuple(example.values()))
    model.reshape(dict(zip(model.inputs, [list(value.shape) for value in example.values()], strict=True)))
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(*inputs: Tensor) -> Any:
        given = [
            value.expand(shape.shape).contiguous().numpy()
            for value, shape in zip(inputs, example.values(), strict=True)
        ]
        outputs = [torch.from_numpy(output) for output in compiled(given).values()]
        return outputs[0] if len(outputs) == 1 else outputs

    return run


OFFICIAL = ("segment_anything", "torchvision")

OFFICIAL_2 = ("sam2", "torchvision")

CONTENDERS: dict[str, tuple[tuple[str, ...], Callable[[Weights], Work]]] = {
    "segment-anything": (OFFICIAL, official),
    "segment-anything bfloat16": (OFFICIAL, lambda weights: official(weights, "bfloat16")),
    "sam2": (OFFICIAL_2, sam2_official),
    "transformers": (("transformers",), transformers_network),
    "OpenVINO assembly": ((*OFFICIAL, "openvino"), openvino_assembly),
    "ONNX Runtime": ((*OFFICIAL, "onnxruntime", "onnx"), onnxruntime_encoder),
    "samara": ((), ours),
    "samara bfloat16": ((), lambda weights: ours(weights, precision="bfloat16")),
    "samara openvino": (("openvino",), lambda weights: ours(weights, "openvino")),
    "samara openvino int8": (("openvino", "nncf"), lambda weights: ours(weights, "openvino", "int8")),
    "samara onnxruntime": (("onnxruntime", "onnx", "onnxscript"), lambda weights: ours(weights, "onnxruntime")),
}
"""Name → what must be installed, and how it is made ready."""


def missing(name: str) -> list[str]:
    """What a contender lacks here."""
    return [module for module in CONTENDERS[name][0] if importlib.util.find_spec(module) is None]
