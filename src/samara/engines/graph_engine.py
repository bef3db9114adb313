"""An engine made of graphs that some runtime compiled: everything about prompts, images and masks but the arithmetic.

Prompts are encoded by PyTorch in float32, whatever the graphs compute in: it costs nothing, and positions stay exact.

Many prompts on one image, as automatic mask generation has them, are decoded by the torch engine: its form for these
(`samara.networks.shared_image`) does an eighth of the arithmetic and is faster than the graphs in either runtime
(docs/engines.md has the numbers). It uses the same weights and gives the same masks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.devices import Precision
from samara.engines.engine import Decoded, InputPrompts, Prepared
from samara.engines.torch_engine import FEWEST_THAT_SHARE, PreparedByTorch, TorchEngine, concatenate_decoded
from samara.loaded import Loaded
from samara.networks.decoder_graph import embedding_of

Array = npt.NDArray[np.float32]
Run = Callable[..., list[Array]]
"""A compiled graph: arrays in the order of its inputs → arrays in the order of its outputs."""

# Prompts that go through a graph together; each holds about 12 copies of the embedding (4 MB at 1024 px) alive.
PROMPTS_AT_A_TIME = 8


@dataclass(frozen=True, eq=False)
class PreparedByGraphs(Prepared):
    """Embeddings, and what graphs or PyTorch make of them when it is needed first.

    Attributes:
        engine: that prepared them.
    """

    engine: GraphEngine

    @cached_property
    def by_torch(self) -> PreparedByTorch:
        """For prompts that PyTorch decodes."""
        return self.engine.torch.prepare(self.embeddings)

    @cached_property
    def details(self) -> tuple[Array, ...] | None:
        """HQ-SAM: of each image, see `HqMaskDecoder.details_of`."""
        run = self.engine.graphs.get("details")
        return None if run is None else tuple(run(one[None].numpy())[0].copy() for one in self.embeddings)


class GraphEngine:
    """Run a network as compiled graphs.

    Args:
        loaded: the checkpoint.
        graphs: a function for each graph of `samara.engines.graphs`, by its name.
        decoder_precision: what PyTorch decodes many prompts in.
    """

    def __init__(self, loaded: Loaded, graphs: Mapping[str, Run], decoder_precision: Precision) -> None:
        self.network = loaded.sam
        self.graphs = graphs
        self.hq_token_only = loaded.hq_token_only
        self.torch = TorchEngine(loaded.sam, "cpu", decoder_precision, hq_token_only=loaded.hq_token_only)

    def encode(self, images: Tensor) -> Tensor:
        """See `Engine.encode`. One image after the other: a CPU gains nothing from more."""
        encode = self.graphs["image_encoder"]
        return torch.from_numpy(np.concatenate([encode(image[None].numpy())[0] for image in images.float().cpu()]))

    def prepare(self, embeddings: Tensor) -> PreparedByGraphs:
        """See `Engine.prepare`. What costs time is done when it is first needed."""
        return PreparedByGraphs(embeddings.float().cpu().contiguous(), self)

    @torch.inference_mode()
    def decode(
        self,
        images: Prepared,
        prompts: InputPrompts,
        *,
        input_size: int,
        multimask: bool,
        min_predicted_iou: float | None = None,
    ) -> Decoded:
        """See `Engine.decode`."""
        if not isinstance(images, PreparedByGraphs) or images.engine is not self:
            raise TypeError("these images were prepared by another engine; prepare them with this one")
        if prompts.masks is None and len(prompts) >= FEWEST_THAT_SHARE * len(images.embeddings):
            return self.torch.decode(
                images.by_torch,
                prompts,
                input_size=input_size,
                multimask=multimask,
                min_predicted_iou=min_predicted_iou,
            )
        masks = slice(1, None) if multimask else slice(0, 1)
        threshold = -float("inf") if min_predicted_iou is None else min_predicted_iou
        indices = torch.arange(len(prompts))
        parts = []
        for image in sorted(set(prompts.image_of_prompt.tolist())):
            for chunk in torch.split(indices[prompts.image_of_prompt == image], PROMPTS_AT_A_TIME):
                part = self._decode_chunk(images, image, prompts[chunk], input_size, masks, threshold)
                parts.append(Decoded(chunk[part.prompt], part.low_res_logits, part.predicted_iou))
        return concatenate_decoded(parts, images.embeddings)

    def _decode_chunk(
        self,
        images: PreparedByGraphs,
        image: int,
        prompts: InputPrompts,
        input_size: int,
        masks: slice,
        threshold: float,
    ) -> Decoded:
        embedding = embedding_of(images.embeddings[image : image + 1], self.network.mask_decoder)
        sparse, dense = self.network.prompt_encoder(
            prompts.points,
            prompts.boxes,
            prompts.masks,
            input_size_hw=(input_size, input_size),
            grid_hw=(embedding.shape[-2], embedding.shape[-1]),
        )
        # Without mask input all prompts share one image; with it each has its own.
        shared = prompts.masks is None
        tokens = sparse.unsqueeze(0 if shared else 1)  # (images, prompts per image, T, C)
        seen = embedding + (dense[:1] if shared else dense)
        iou, weights, image_tokens = self.graphs["look"](_array(seen), _array(tokens))
        confident = iou[:, masks] > threshold  # (N, M)
        drawn = confident.any(axis=1)
        details = [] if images.details is None else [images.details[image]]
        if not drawn.any():
            return concatenate_decoded([], images.embeddings)
        (logits,) = self.graphs["draw"](
            np.ascontiguousarray(self._chosen(weights[drawn], masks)), image_tokens[drawn], *details
        )
        return Decoded(
            prompt=torch.from_numpy(confident.nonzero()[0]),
            low_res_logits=torch.from_numpy(logits[confident[drawn]]),
            predicted_iou=torch.from_numpy(iou[:, masks][confident]),
        )

    def _chosen(self, weights: Array, masks: slice) -> Array:
        """Weights of the masks to draw, (N, M, C / 8); HQ-SAM: and of the HQ mask, last."""
        if "details" not in self.graphs:
            return weights[:, masks]
        sam = weights[:, :-1][:, masks]
        return np.concatenate([np.zeros_like(sam) if self.hq_token_only else sam, weights[:, -1:]], axis=1)


def _array(tensor: Tensor) -> Array:
    return tensor.contiguous().numpy()
