"""An engine that runs compiled graphs: handling of prompts, images and masks, without the arithmetic.

PyTorch encodes prompts in float32, whatever the graphs' precision: it is cheap, and positions stay exact.

Many prompts on one image, as in automatic mask generation, are decoded by the torch engine: its code path for these
(`samara.networks.shared_attention`) does an eighth of the arithmetic and is faster than the graphs in either runtime
(see docs/engines.md). It uses the same weights and returns the same masks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from samara.engines.decoding import decoder_of
from samara.engines.engine import (
    DecodedMasks,
    InputPrompts,
    Prepared,
    SparingEngine,
    concatenate_decoded,
    nothing_decoded,
)
from samara.engines.graphs import check_plain
from samara.engines.loaded import Loaded, fingerprint
from samara.engines.torch_engine import MIN_THAT_SHARE, PreparedByTorch, TorchEngine
from samara.errors import DeviceError, SettingsError
from samara.networks.hq_mask_decoder import DrawsHqMask
from samara.networks.mask_decoder import THREE_MASKS
from samara.networks.plain import state_of
from samara.networks.sam import Sam
from samara.system.devices import Precision, computing

Array = npt.NDArray[np.float32]
Run = Callable[..., list[Array]]
"""A compiled graph: a function from input arrays to output arrays, in the graph's order."""

_PARTS: Mapping[str, Callable[[Sam], nn.Module]] = {
    "image encoder": lambda network: network.image_encoder,
    "mask decoder": decoder_of,
}

# Batch size of prompts; each keeps about 12 copies of the embedding (4 MB at 1024 px) alive.
PROMPTS_AT_A_TIME = 8


@dataclass(frozen=True, eq=False)
class PreparedByGraphs(Prepared):
    """Embeddings, with results of graphs or PyTorch computed on first use.

    Attributes:
        engine: engine that prepared them.
    """

    engine: GraphEngine

    @cached_property
    def by_torch(self) -> PreparedByTorch:
        """Form for prompts that PyTorch decodes."""
        return self.engine.torch.prepare(self.embeddings)

    @cached_property
    def details(self) -> tuple[Array, ...] | None:
        """Details of each image, see `MaskDecoder.details_of`; computed by a graph if there is one."""
        run = self.engine.graphs.get("details")
        if run is not None:
            return tuple(run(one[None].numpy())[0].copy() for one in self.embeddings)
        details = self.engine.network.mask_decoder.details_of(self.embeddings)
        return None if details is None else tuple(one[None].numpy() for one in details)


class GraphEngine(SparingEngine):
    """Run a network as compiled graphs, which contain the weights it had when they were built.

    Args:
        loaded: the checkpoint.
        graphs: a function for each graph of `samara.engines.graphs`, by name.
        decoder_precision: precision in which PyTorch decodes many prompts.
    """

    def __init__(self, loaded: Loaded, graphs: Mapping[str, Run], decoder_precision: Precision) -> None:
        self.network = loaded.sam
        self.name = f"{loaded.name} in the engine {loaded.engine}"
        self.graphs = graphs
        self.hq_token_only = loaded.hq_token_only
        self.torch = TorchEngine(loaded.sam, "cpu", decoder_precision, hq_token_only=loaded.hq_token_only)
        self._weights = {part: fingerprint(part_of(self.network)) for part, part_of in _PARTS.items()}
        self._decoder_state: object = None  # its state when it last matched the graphs
        self._process = os.getpid()

    def check_current(self, part: Literal["image encoder", "mask decoder"]) -> None:
        """Raise if the graphs would differ from the network, or hang.

        Raises:
            SettingsError: weights or layers were changed since the engine was opened.
            DeviceError: this process was forked from the one that opened the engine.
        """
        if os.getpid() != self._process:
            raise DeviceError(
                f"{self.name} was opened before this process was forked, and threads do not survive a fork; start "
                'processes with "spawn", or use the engine torch'
            )
        check_plain(self.network, self.name)
        if fingerprint(_PARTS[part](self.network)) != self._weights[part]:
            raise SettingsError(
                f"the weights of the {part} changed after {self.name} was opened with the old ones; create a new "
                "samara.Predictor, or use the engine torch while weights change"
            )

    def _check_decoder(self) -> None:
        """Check the mask decoder once per prepared image and after changes to the network: clicks must be fast."""
        state = os.getpid(), state_of(self.network.prompt_encoder), state_of(self.network.mask_decoder)
        if state != self._decoder_state:
            self.check_current("mask decoder")
            self._decoder_state = state

    def _encode(self, images: Tensor) -> Tensor:
        """Encode one image at a time: a CPU gains nothing from batches."""
        self.check_current("image encoder")
        encode = self.graphs["image_encoder"]
        return torch.from_numpy(np.concatenate([encode(image[None].numpy())[0] for image in images.float().cpu()]))

    def prepare(self, embeddings: Tensor) -> PreparedByGraphs:
        """See `Engine.prepare`. Expensive work is done on first use."""
        self._decoder_state = None
        return PreparedByGraphs(embeddings.float().cpu().contiguous(), self)

    @torch.inference_mode()
    def _decode(
        self, images: Prepared, prompts: InputPrompts, frame_size: int, multimask: bool, threshold: float
    ) -> DecodedMasks:
        assert isinstance(images, PreparedByGraphs), "checked by `decode`"
        self._check_decoder()
        if prompts.masks is None and len(prompts) >= MIN_THAT_SHARE["cpu"] * len(images.embeddings):
            return self.torch.decode(
                images.by_torch,
                prompts,
                frame_size=frame_size,
                multimask=multimask,
                min_predicted_iou=threshold,
            )
        indices = torch.arange(len(prompts))
        parts = []
        for image in sorted(set(prompts.image_of_prompt.tolist())):
            for chunk in torch.split(indices[prompts.image_of_prompt == image], PROMPTS_AT_A_TIME):
                part = self._decode_chunk(images, image, prompts[chunk], frame_size, multimask, threshold)
                parts.append(DecodedMasks(chunk[part.prompt], part.low_res_logits, part.predicted_iou))
        return concatenate_decoded(parts, images.embeddings)

    def _decode_chunk(
        self,
        images: PreparedByGraphs,
        image: int,
        prompts: InputPrompts,
        frame_size: int,
        multimask: bool,
        threshold: float,
    ) -> DecodedMasks:
        decoder = self.network.mask_decoder
        embedding = decoder.embedding_of(images.embeddings[image : image + 1])
        with computing("cpu", "float32"):
            sparse, dense = self.network.prompt_encoder(
                prompts.points,
                prompts.boxes,
                prompts.masks,
                input_size_hw=(frame_size, frame_size),
                grid_hw=(embedding.shape[-2], embedding.shape[-1]),
            )
        # Without mask input all prompts share one image embedding; with it each has its own.
        shared = prompts.masks is None
        tokens = sparse.unsqueeze(0 if shared else 1)  # (images, prompts per image, T, C)
        seen = embedding + (dense[:1] if shared else dense)
        iou, weights, image_tokens = self.graphs["look"](_array(seen), _array(tokens))
        masks = THREE_MASKS if multimask else decoder.masks_for_single
        (drawn,) = decoder.worth_drawing(torch.from_numpy(iou[:, masks]), threshold).numpy().nonzero()
        details = [] if images.details is None else [images.details[image]]
        if not len(drawn):
            return nothing_decoded(images.embeddings)
        # For the single mask HQ-SAM 2 needs its HQ mask alone as well, which has no predicted IoU.
        chosen = weights[drawn, : iou.shape[1] if multimask else None][:, masks]
        if self.hq_token_only:
            chosen = _of_hq(weights[drawn, :1])
        (drawn_logits,) = self.graphs["draw"](np.ascontiguousarray(chosen), image_tokens[drawn], *details)
        logits, predicted_iou = torch.from_numpy(drawn_logits), torch.from_numpy(iou[drawn])
        if self.hq_token_only and isinstance(decoder, DrawsHqMask):
            predicted_iou = decoder.iou_of_hq(predicted_iou, multimask=multimask)
        elif multimask:
            predicted_iou = predicted_iou[:, masks]
        else:
            logits, predicted_iou = decoder.single_of(logits, predicted_iou[:, masks])
        scores = decoder.scores_of(logits, predicted_iou)
        good = scores > threshold
        return DecodedMasks(
            prompt=torch.from_numpy(drawn)[good.nonzero()[:, 0]],
            low_res_logits=logits[good],
            predicted_iou=scores[good],
        )


def _of_hq(weights: Array) -> Array:
    """Return weights of the HQ mask alone, see `LookGraph`: SAM's, the first half, are zero; (N, M, C / 4)."""
    is_hqs = np.arange(weights.shape[2]) >= weights.shape[2] // 2
    return np.where(is_hqs, weights, np.float32(0))


def _array(tensor: Tensor) -> Array:
    return tensor.contiguous().numpy()
