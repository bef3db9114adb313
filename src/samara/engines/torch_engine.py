"""The network in PyTorch, on any device: the reference for all other engines.

Prompts go through the mask decoder by one of three paths:

    shared   many prompts on one image, fast on a CPU; uses the decoder's inner layers, so only for unadapted ones
    halves   look, judge, draw only good masks; calls every layer, adapted or not
    whole    calls the decoder as a module; for one that is itself adapted: with hooks, or replaced
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from samara.engines.engine import (
    DecodedMasks,
    InputPrompts,
    Prepared,
    SparingEngine,
    concatenate_decoded,
    nothing_decoded,
)
from samara.engines.forms import DEVICES_WITH_FORMS, CurrentForm
from samara.engines.loaded import fingerprint
from samara.networks.hq_mask_decoder import DrawsHqMask
from samara.networks.mask_decoder import THREE_MASKS, Look, MaskDecoder, Shared
from samara.networks.plain import dtype_of, is_plain, own_adaptations
from samara.networks.ranking import scores_of
from samara.networks.sam import Sam
from samara.system.cores import map_on_cores
from samara.system.devices import COMPUTED_IN, Precision, computing

# Batch size of prompts. In the plain path each keeps about 12 copies of the embedding (4 MB at 1024 px) alive: a few
# keep a CPU's cores busy, a GPU needs more.
PROMPTS_AT_A_TIME = {"cpu": 8, "cuda": 64}

# Batch size of prompts that share an image, per core: four for 64 × 64 embeddings, more for smaller ones, so that
# image-independent work is shared by many.
SHARED_PIXELS_AT_A_TIME = 4 * 64 * 64

# From this many prompts per image, a CPU first computes what they share, which costs as much as three plain prompts.
MIN_THAT_SHARE = 6

# Devices on which sharing pays off. It trades arithmetic for many small steps, which suits a CPU; not yet measured on a
# GPU.
SHARING_DEVICES = {"cpu"}


@dataclass(frozen=True, eq=False)
class PreparedByTorch(Prepared):
    """Embeddings, with decoder results computed on first use and recomputed when its weights change.

    Attributes:
        engine: engine that prepared them.
    """

    engine: TorchEngine
    _made: dict[str, tuple[str, Any]] = field(default_factory=dict)  # Any: what `details` and `shared` return

    @property
    def details(self) -> Tensor | None:
        """Details of all images, see `MaskDecoder.details_of`."""
        make = functools.partial(self.engine.details_of, self.embeddings)
        layers = self.engine.network.mask_decoder.detail_layers
        if layers is None:
            return make()  # nothing to cache
        details: Tensor | None = self._remembered("details", layers, make)
        return details

    @property
    def shared(self) -> tuple[Shared, ...]:
        """Computation shared by the prompts on each image."""
        shared: tuple[Shared, ...] = self._remembered(
            "shared",
            decoder_of(self.engine.network),
            lambda: tuple(self.engine.share(embedding[None]) for embedding in self.embeddings),
        )
        return shared

    def _remembered(self, name: str, layers: nn.Module, make: Callable[[], Any]) -> Any:
        weights = fingerprint(layers)
        if self._made.get(name, ("",))[0] != weights:
            self._made[name] = weights, make()
        return self._made[name][1]


class TorchEngine(SparingEngine):
    """Run a network with PyTorch.

    Args:
        network: in eval mode, on `device`.
        device: device of the network.
        precision: compute precision; below float32 through autocast, so that norms and weights stay float32. A network
            whose weights have another type computes in that.
        hq_token_only: return the HQ mask alone, see `Loaded`.
    """

    def __init__(
        self, network: Sam, device: str, precision: Precision = "float32", *, hq_token_only: bool = False
    ) -> None:
        self.network = network
        self.hq_token_only = hq_token_only
        self.device = torch.device(device)
        self.precision: Precision = precision
        self._encoder_form = CurrentForm(self.device, precision)
        self._decoder_form = CurrentForm(self.device, precision)

    @property
    def image_encoder(self) -> Callable[[Tensor], Tensor]:
        """The network's current image encoder, in the form that is fastest here, see `CurrentForm`."""
        return self._encoder_form.of(self.network.image_encoder)

    @torch.inference_mode()
    def _encode(self, images: Tensor) -> Tensor:
        encoder = self.network.image_encoder
        layout = torch.channels_last if self.device.type in DEVICES_WITH_FORMS else torch.preserve_format
        with self._computing(encoder):
            features = self.image_encoder(images.to(self.device, dtype_of(encoder), memory_format=layout))
        return features.float()

    def prepare(self, embeddings: Tensor) -> PreparedByTorch:
        """See `Engine.prepare`. Expensive work is done on first use."""
        return PreparedByTorch(embeddings.to(self.device, dtype_of(self.network.mask_decoder)), self)

    @torch.inference_mode()
    def _decode(
        self, images: Prepared, prompts: InputPrompts, frame_size: int, multimask: bool, threshold: float
    ) -> DecodedMasks:
        """Decode in chunks to bound memory; prompts are independent of each other."""
        assert isinstance(images, PreparedByTorch), "checked by `decode`"
        if not _has_halves(self.network.mask_decoder):
            return self._by_wholes(images, prompts, frame_size, multimask, threshold)
        shares = self._shares(images, prompts)
        # Computed once, before the prompts are distributed over the cores.
        shared, details = (images.shared, None) if shares else ((), images.details)

        @torch.inference_mode()
        def decoded(indices: Tensor) -> DecodedMasks:
            chunk = prompts[indices]
            sparse, dense = self._encode_prompts(chunk, frame_size, images.embeddings.shape[-2:])
            with self._computing(self.network.mask_decoder):
                if shares:
                    look = self._look_shared(shared[int(chunk.image_of_prompt[0])], sparse)
                else:
                    look = self._look(images, details, sparse, dense, chunk.image_of_prompt)
                part = self._judged(look, multimask, threshold, images.embeddings)
            return DecodedMasks(indices[part.prompt], part.low_res_logits, part.predicted_iou)

        if shares:
            size = max(1, SHARED_PIXELS_AT_A_TIME // images.embeddings[0, 0].numel())
            parts = map_on_cores(decoded, _chunks(prompts.image_of_prompt, size, by_image=True))
        else:
            parts = [decoded(indices) for indices in _chunks(prompts.image_of_prompt, self._at_a_time, by_image=False)]
        return concatenate_decoded(parts, images.embeddings)

    @torch.inference_mode()
    def details_of(self, embeddings: Tensor) -> Tensor | None:
        """See `MaskDecoder.details_of`."""
        with self._computing(self.network.mask_decoder):
            return self.network.mask_decoder.details_of(embeddings)

    @torch.inference_mode()
    def share(self, embedding: Tensor) -> Shared:
        """Compute what all prompts without a mask on one image (1, C, h, w) share, see `MaskDecoder.share`."""
        encoder = self.network.prompt_encoder
        with computing(self.device, "float32"):
            positions = encoder.get_dense_pe((embedding.shape[-2], embedding.shape[-1]))
            return self.network.mask_decoder.share(embedding, positions, encoder.no_mask(), COMPUTED_IN[self.precision])

    @property
    def _at_a_time(self) -> int:
        return PROMPTS_AT_A_TIME.get(self.device.type, PROMPTS_AT_A_TIME["cpu"])

    def _shares(self, images: PreparedByTorch, prompts: InputPrompts) -> bool:
        """Return whether these prompts may share image results, being numerous and uniform enough per image."""
        return (
            prompts.masks is None
            and self.device.type in SHARING_DEVICES
            and len(prompts) >= MIN_THAT_SHARE * len(images.embeddings)
            and images.embeddings.dtype == torch.float32
            and is_plain(self.network.mask_decoder)
            and is_plain(self.network.prompt_encoder)
        )

    def _look(
        self, images: PreparedByTorch, details: Tensor | None, sparse: Tensor, dense: Tensor, image_of_prompt: Tensor
    ) -> Look:
        """Look with any prompts."""
        return self.network.mask_decoder.look(
            images.embeddings,
            self._positions(images.embeddings),
            sparse,
            dense,
            image_of_prompt=image_of_prompt if len(images.embeddings) > 1 else None,
            details=details,
        )

    def _look_shared(self, shared: Shared, sparse: Tensor) -> Look:
        """Look with prompts without masks on one image, in the precision of the shared results."""
        with computing(self.device, "float32"):
            return self.network.mask_decoder.look_shared(shared, sparse)

    def _by_wholes(
        self, images: PreparedByTorch, prompts: InputPrompts, frame_size: int, multimask: bool, threshold: float
    ) -> DecodedMasks:
        """Call the decoder like the official code, one image after the other."""
        more = {"hq_token_only": True} if self.hq_token_only else {}  # decoders without the token do not accept it
        parts = []
        for indices in _chunks(prompts.image_of_prompt, self._at_a_time, by_image=True):
            chunk = prompts[indices]
            image = int(chunk.image_of_prompt[0])
            embedding = images.embeddings[image : image + 1]
            sparse, dense = self._encode_prompts(chunk, frame_size, embedding.shape[-2:])
            with self._computing(self.network.mask_decoder):
                logits, iou = self.network.mask_decoder(
                    image_embeddings=embedding,
                    image_pe=self._positions(embedding),
                    sparse_prompt_embeddings=sparse,
                    dense_prompt_embeddings=dense,
                    multimask_output=multimask,
                    **more,
                )
            scores = scores_of(self.network.mask_decoder, logits, iou).float()
            good = scores > threshold
            parts.append(DecodedMasks(indices[good.nonzero()[:, 0]], logits[good].float(), scores[good]))
        return concatenate_decoded(parts, images.embeddings)

    def _positions(self, embeddings: Tensor) -> Tensor:
        """Return the grid's positional encoding, in the decoder's type."""
        h, w = embeddings.shape[-2:]
        return self.network.prompt_encoder.get_dense_pe((h, w)).to(embeddings.dtype)

    def _encode_prompts(
        self, prompts: InputPrompts, frame_size: int, grid_hw: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        encoder, dtype = self.network.prompt_encoder, dtype_of(self.network.mask_decoder)
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

    def _judged(self, look: Look, multimask: bool, threshold: float, embeddings: Tensor) -> DecodedMasks:
        """Draw the masks whose score is above the threshold."""
        decoder = self.network.mask_decoder
        masks = THREE_MASKS if multimask else decoder.masks_for_single
        drawn = decoder.worth_drawing(look.predicted_iou[:, masks], threshold)  # (N,)
        if not bool(drawn.any()):
            return nothing_decoded(embeddings)
        kept = look if bool(drawn.all()) else look[drawn]
        logits, iou = self._drawn(kept, multimask)
        scores = decoder.scores_of(logits, iou).float()
        good = scores > threshold
        return DecodedMasks(
            prompt=drawn.nonzero()[:, 0][good.nonzero()[:, 0]],
            low_res_logits=logits[good].float(),
            predicted_iou=scores[good],
        )

    def _drawn(self, look: Look, multimask: bool) -> tuple[Tensor, Tensor]:
        """Draw the masks asked for: logits (N, M, 4h, 4w) and predicted IoU (N, M)."""
        decoder = self.network.mask_decoder
        if self.hq_token_only and isinstance(decoder, DrawsHqMask):
            return decoder.draw_hq(look), decoder.iou_of_hq(look.predicted_iou, multimask=multimask)
        if multimask:
            return decoder.draw(look, THREE_MASKS), look.predicted_iou[:, THREE_MASKS]
        return decoder.draw_single(look)

    def _computing(self, part: nn.Module) -> AbstractContextManager[None]:
        """Compute in the engine's precision, or to that of a part whose weights are in 16 bits."""
        is_half = dtype_of(part) in (torch.float16, torch.bfloat16)
        return computing(self.device, "float32" if is_half else self.precision)


class CompiledTorchEngine(TorchEngine):
    """Like `TorchEngine`, with the image encoder compiled by `torch.compile`, once per process and batch size.

    The first call takes about a minute, which pays off in long jobs. The compiler does not see hooks and similar
    adaptations added later, so an adapted encoder runs uncompiled.
    """

    def __init__(
        self, network: Sam, device: str, precision: Precision = "float32", *, hq_token_only: bool = False
    ) -> None:
        super().__init__(network, device, precision, hq_token_only=hq_token_only)
        self._compiled = network.image_encoder, torch.compile(network.image_encoder, dynamic=False)
        self._batch_size = 0

    @property
    def image_encoder(self) -> Callable[[Tensor], Tensor]:
        """The network's image encoder, compiled unless adapted."""
        encoder, compiled = self._compiled
        return compiled if self.network.image_encoder is encoder and is_plain(encoder) else self.network.image_encoder

    def _encode(self, images: Tensor) -> Tensor:
        """Pad a batch smaller than an earlier one, since another size would recompile."""
        self._batch_size = max(self._batch_size, len(images))
        filling = images[-1:].expand(self._batch_size - len(images), -1, -1, -1)
        return super()._encode(torch.cat([images, filling]))[: len(images)]


def decoder_of(network: Sam) -> nn.Module:
    """Return everything that masks depend on besides the image embedding."""
    return nn.ModuleDict({"prompt_encoder": network.prompt_encoder, "mask_decoder": network.mask_decoder})


def _has_halves(decoder: nn.Module) -> bool:
    """Return whether calling a decoder does nothing but `look` and `draw`."""
    return isinstance(decoder, MaskDecoder) and next(own_adaptations(decoder), None) is None


def _chunks(image_of_prompt: Tensor, size: int, *, by_image: bool) -> Iterator[Tensor]:
    """Yield the prompt indices of each batch: at most `size`, and optionally of one image only."""
    indices = torch.arange(len(image_of_prompt), device=image_of_prompt.device)
    groups = [indices]
    if by_image:
        groups = [indices[image_of_prompt == image] for image in sorted(set(image_of_prompt.tolist()))]
    for group in groups:
        yield from torch.split(group, size)
