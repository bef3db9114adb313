"""The steps from prompts to masks in PyTorch, which the torch engine takes in an order that suits the device."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from samara.engines.engine import InputPrompts
from samara.engines.loaded import fingerprint
from samara.networks.hq_mask_decoder import DrawsHqMask
from samara.networks.mask_decoder import THREE_MASKS, Look, MaskDecoder, Shared
from samara.networks.plain import dtype_of
from samara.networks.prompt_encoder import BasePromptEncoder
from samara.networks.sam import Sam
from samara.system.devices import COMPUTED_IN, Precision, computing

EVERYTHING = -math.inf
"""The threshold that keeps every mask."""


@dataclass(frozen=True)
class ReadyImages:
    """Images ready for prompts.

    Attributes:
        embeddings: (B, C, h, w).
        details: of all images, see `MaskDecoder.details_of`; not used with `shared`.
        shared: what the prompts on each image share; None for the plain form.
    """

    embeddings: Tensor
    details: Tensor | None
    shared: tuple[Shared, ...] | None


@dataclass(frozen=True)
class Question:
    """What is asked about all prompts.

    Attributes:
        frame_size: side of the input frame in pixels.
        multimask: three masks per prompt instead of one.
        threshold: min. score, exclusive; `EVERYTHING` for all masks.
    """

    frame_size: int
    multimask: bool
    threshold: float


@dataclass(frozen=True, eq=False)
class Decoding:
    """The steps of one network in one precision.

    Attributes:
        network: in eval mode, on `device`.
        device: device of the network.
        precision: compute precision.
        hq_token_only: draw the HQ mask alone, see `Loaded`.
        decoder: the mask decoder in the form that is fastest on the device, see `CurrentForm`.
        prompt_encoder: the prompt encoder, in the same way.
    """

    network: Sam
    device: torch.device
    precision: Precision
    hq_token_only: bool
    decoder: MaskDecoder
    prompt_encoder: BasePromptEncoder

    @property
    def is_formed(self) -> bool:
        """Whether both parts are copies of unadapted ones, made for this device, which never change."""
        own = self.network
        return self.decoder is not own.mask_decoder and self.prompt_encoder is not own.prompt_encoder

    @property
    def state(self) -> object:
        """A value that stays equal as long as results of the decoder do."""
        return self if self.is_formed else fingerprint(decoder_of(self.network))

    def computing(self) -> AbstractContextManager[None]:
        """Compute as the mask decoder does, see `computing_for`."""
        return computing_for(self.network.mask_decoder, self.device, self.precision)

    @torch.inference_mode()
    def details_of(self, embeddings: Tensor) -> Tensor | None:
        """See `MaskDecoder.details_of`."""
        with self.computing():
            return self.decoder.details_of(embeddings)

    @torch.inference_mode()
    def share(self, embedding: Tensor) -> Shared:
        """Compute what all prompts without a mask on one image (1, C, h, w) share, see `MaskDecoder.share`."""
        encoder = self.prompt_encoder
        with computing(self.device, "float32"):
            positions = encoder.get_dense_pe((embedding.shape[-2], embedding.shape[-1]))
            return self.network.mask_decoder.share(embedding, positions, encoder.no_mask(), COMPUTED_IN[self.precision])

    def encode_prompts(self, prompts: InputPrompts, frame_size: int, grid_hw: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Embed prompts: (N, T, C) and (N, C, h, w), in the decoder's type."""
        encoder, dtype = self.prompt_encoder, dtype_of(self.network.mask_decoder)
        masks = None if prompts.masks is None else prompts.masks.to(dtype_of(encoder))
        sizes = {"input_size_hw": (frame_size, frame_size), "grid_hw": (grid_hw[0], grid_hw[1])}
        own = {
            "input_size_hw": getattr(encoder, "input_image_size", sizes["input_size_hw"]),
            "grid_hw": getattr(encoder, "image_embedding_size", sizes["grid_hw"]),
        }
        # A replaced encoder may support only the official arguments.
        more = {} if sizes == own else sizes
        # Never in the engine's precision: in bfloat16 neighbouring pixels would have the same position.
        with computing(self.device, "float32"):
            sparse, dense = encoder(points=prompts.points, boxes=prompts.boxes, masks=masks, **more)
        return sparse.to(dtype), dense.to(dtype)

    def positions(self, embeddings: Tensor) -> Tensor:
        """Return the grid's positional encoding, in the decoder's type."""
        h, w = embeddings.shape[-2:]
        return self.prompt_encoder.get_dense_pe((h, w)).to(embeddings.dtype)

    def look(
        self,
        embeddings: Tensor,
        details: Tensor | None,
        sparse: Tensor,
        dense: Tensor,
        image_of_prompt: Tensor,
    ) -> Look:
        """Look with any prompts at images (B, C, h, w)."""
        return self.decoder.look(
            embeddings,
            self.positions(embeddings),
            sparse,
            dense,
            image_of_prompt=image_of_prompt if len(embeddings) > 1 else None,
            details=details,
        )

    def look_shared(self, shared: Shared, sparse: Tensor) -> Look:
        """Look with prompts without masks on one image, in the precision of the shared results."""
        with computing(self.device, "float32"):
            return self.network.mask_decoder.look_shared(shared, sparse)

    def asked(self, multimask: bool) -> slice:
        """Return which masks have to be judged."""
        return THREE_MASKS if multimask else self.network.mask_decoder.masks_for_single

    def drawn(self, look: Look, multimask: bool) -> tuple[Tensor, Tensor]:
        """Draw the masks asked for: logits (N, M, 4h, 4w) and predicted IoU (N, M)."""
        decoder = self.decoder
        if self.hq_token_only and isinstance(decoder, DrawsHqMask):
            return decoder.draw_hq(look), decoder.iou_of_hq(look.predicted_iou, multimask=multimask)
        if multimask:
            return decoder.draw(look, THREE_MASKS), look.predicted_iou[:, THREE_MASKS]
        return decoder.draw_single(look)


def computing_for(part: nn.Module, device: torch.device, precision: Precision) -> AbstractContextManager[None]:
    """Compute in an engine's precision, or in that of a part whose weights are in 16 bits."""
    is_half = dtype_of(part) in (torch.float16, torch.bfloat16)
    return computing(device, "float32" if is_half else precision)


def decoder_of(network: Sam) -> nn.Module:
    """Return everything that masks depend on besides the image embedding."""
    return nn.ModuleDict({"prompt_encoder": network.prompt_encoder, "mask_decoder": network.mask_decoder})
