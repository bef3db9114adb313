"""The network in PyTorch, on any device: the reference for all other engines.

Prompts go through the mask decoder by one of three paths:

    shared   many prompts on one image, fast on a CPU; uses the decoder's inner layers, so only for unadapted ones
    halves   look, judge, draw only good masks; calls every layer, adapted or not
    whole    calls the decoder as a module; for one that is itself adapted: with hooks, or replaced
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from samara.engines.decoding import Decoding, Question, ReadyImages, computing_for
from samara.engines.device_decoder import DeviceDecoder
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
from samara.engines.recording import recorder_for
from samara.networks.mask_decoder import Look, MaskDecoder, Shared
from samara.networks.plain import dtype_of, is_plain, own_adaptations
from samara.networks.ranking import scores_of
from samara.networks.sam import Sam
from samara.system.cores import map_on_cores
from samara.system.devices import Precision

# Batch size of prompts where memory is not asked for. Each keeps about 12 copies of the embedding (4 MB at 1024 px)
# alive: a few keep a CPU's cores busy.
PROMPTS_AT_A_TIME = {"cpu": 8}

# Batch size of prompts that share an image, per core: four for 64 × 64 embeddings, more for smaller ones, so that
# image-independent work is shared by many.
SHARED_PIXELS_AT_A_TIME = 4 * 64 * 64

# From this many prompts per image, what they share is computed first. On a CPU that costs as much as three plain
# prompts. On a GPU fewer prompts are a recorded piece of work in the plain form. Apple's have not been measured.
MIN_THAT_SHARE = {"cpu": 6, "cuda": 9}


@dataclass(frozen=True, eq=False)
class PreparedByTorch(Prepared):
    """Embeddings, with decoder results computed on first use and recomputed when its weights change.

    Attributes:
        engine: engine that prepared them.
    """

    engine: TorchEngine
    _made: dict[str, tuple[object, Any]] = field(default_factory=dict)  # Any: what `details` and `shared` return

    def details(self, decoding: Decoding) -> Tensor | None:
        """Details of all images, see `MaskDecoder.details_of`."""
        make = functools.partial(decoding.details_of, self.embeddings)
        layers = decoding.decoder.detail_layers
        if layers is None:
            return make()  # nothing to cache
        state = decoding if decoding.is_formed else fingerprint(layers)
        details: Tensor | None = self._remembered("details", state, make)
        return details

    def shared(self, decoding: Decoding) -> tuple[Shared, ...]:
        """Computation shared by the prompts on each image."""
        shared: tuple[Shared, ...] = self._remembered(
            "shared",
            decoding.state,
            lambda: tuple(decoding.share(embedding[None]) for embedding in self.embeddings),
        )
        return shared

    def _remembered(self, name: str, state: object, make: Callable[[], Any]) -> Any:
        if name not in self._made or self._made[name][0] != state:
            self._made[name] = state, make()
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
        self._prompt_form = CurrentForm(self.device, "float32")
        self._decoding: Decoding | None = None
        self._device_decoder: DeviceDecoder | None = None

    @property
    def image_encoder(self) -> Callable[[Tensor], Tensor]:
        """The network's current image encoder, in the form that is fastest here, see `CurrentForm`."""
        return self._encoder_form.of(self.network.image_encoder)

    @property
    def decoding(self) -> Decoding:
        """The steps from prompts to masks, with the network's parts in their present form."""
        decoder, encoder = self.network.mask_decoder, self.network.prompt_encoder
        form, prompt_form = self._decoder_form.of(decoder), self._prompt_form.of(encoder)
        made = self._decoding
        if made is None or made.decoder is not form or made.prompt_encoder is not prompt_form:
            made = Decoding(self.network, self.device, self.precision, self.hq_token_only, form, prompt_form)  # type: ignore[arg-type]  # of their own classes
            self._decoding = made
        return made

    @torch.inference_mode()
    def _encode(self, images: Tensor) -> Tensor:
        encoder = self.network.image_encoder
        layout = torch.channels_last if self.device.type in DEVICES_WITH_FORMS else torch.preserve_format
        with computing_for(encoder, self.device, self.precision):
            features = self.image_encoder(images.to(self.device, dtype_of(encoder), memory_format=layout))
        return features.float()

    def prepare(self, embeddings: Tensor) -> PreparedByTorch:
        """See `Engine.prepare`. Expensive work is done on first use."""
        return PreparedByTorch(embeddings.to(self.device, dtype_of(self.network.mask_decoder)), self)

    @torch.inference_mode()
    def _decode(
        self, images: Prepared, prompts: InputPrompts, frame_size: int, multimask: bool, threshold: float
    ) -> DecodedMasks:
        """Decode in batches to bound memory; prompts are independent of each other."""
        assert isinstance(images, PreparedByTorch), "checked by `decode`"
        question, decoding = Question(frame_size, multimask, threshold), self.decoding
        if not _has_halves(self.network.mask_decoder):
            return self._by_wholes(decoding, images, prompts, question)
        shares = self._shares(decoding, images, prompts)
        # Computed once, before the prompts are distributed over the cores.
        ready = ReadyImages(
            images.embeddings,
            details=None if shares else images.details(decoding),
            shared=images.shared(decoding) if shares else None,
        )
        if self.device.type in DEVICES_WITH_FORMS:
            return self._on_device(decoding).decode(ready, prompts, question)
        return self._on_cores(decoding, ready, prompts, question)

    def _on_device(self, decoding: Decoding) -> DeviceDecoder:
        """Return the decoder of a GPU, which keeps its recordings as long as the parts are unchanged."""
        if self._device_decoder is None or self._device_decoder.decoding is not decoding:
            self._device_decoder = DeviceDecoder(decoding, recorder_for(self.device) if decoding.is_formed else None)
        return self._device_decoder

    def _on_cores(
        self, decoding: Decoding, images: ReadyImages, prompts: InputPrompts, question: Question
    ) -> DecodedMasks:
        shared = images.shared

        @torch.inference_mode()
        def decoded(indices: Tensor) -> DecodedMasks:
            chunk = prompts[indices]
            sparse, dense = decoding.encode_prompts(chunk, question.frame_size, images.embeddings.shape[-2:])
            with decoding.computing():
                if shared is not None:
                    look = decoding.look_shared(shared[int(chunk.image_of_prompt[0])], sparse)
                else:
                    look = decoding.look(images.embeddings, images.details, sparse, dense, chunk.image_of_prompt)
                part = _judged(decoding, look, question, images.embeddings)
            return DecodedMasks(indices[part.prompt], part.low_res_logits, part.predicted_iou)

        if shared is not None:
            size = max(1, SHARED_PIXELS_AT_A_TIME // images.embeddings[0, 0].numel())
            parts = map_on_cores(decoded, _chunks(prompts.image_of_prompt, size, by_image=True))
        else:
            parts = [decoded(indices) for indices in _chunks(prompts.image_of_prompt, self._at_a_time, by_image=False)]
        return concatenate_decoded(parts, images.embeddings)

    @property
    def _at_a_time(self) -> int:
        return PROMPTS_AT_A_TIME.get(self.device.type, PROMPTS_AT_A_TIME["cpu"])

    def _shares(self, decoding: Decoding, images: PreparedByTorch, prompts: InputPrompts) -> bool:
        """Return whether these prompts may share image results, being numerous and uniform enough per image."""
        return (
            prompts.masks is None
            and len(prompts) >= MIN_THAT_SHARE.get(self.device.type, math.inf) * len(images.embeddings)
            and images.embeddings.dtype == torch.float32
            and (decoding.is_formed or (is_plain(self.network.mask_decoder) and is_plain(self.network.prompt_encoder)))
        )

    def _by_wholes(
        self, decoding: Decoding, images: PreparedByTorch, prompts: InputPrompts, question: Question
    ) -> DecodedMasks:
        """Call the decoder like the official code, one image after the other."""
        more = {"hq_token_only": True} if self.hq_token_only else {}  # decoders without the token do not accept it
        parts = []
        for indices in _chunks(prompts.image_of_prompt, self._at_a_time, by_image=True):
            chunk = prompts[indices]
            image = int(chunk.image_of_prompt[0])
            embedding = images.embeddings[image : image + 1]
            sparse, dense = decoding.encode_prompts(chunk, question.frame_size, embedding.shape[-2:])
            with decoding.computing():
                logits, iou = self.network.mask_decoder(
                    image_embeddings=embedding,
                    image_pe=decoding.positions(embedding),
                    sparse_prompt_embeddings=sparse,
                    dense_prompt_embeddings=dense,
                    multimask_output=question.multimask,
                    **more,
                )
            scores = scores_of(self.network.mask_decoder, logits, iou).float()
            good = scores > question.threshold
            parts.append(DecodedMasks(indices[good.nonzero()[:, 0]], logits[good].float(), scores[good]))
        return concatenate_decoded(parts, images.embeddings)


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


def _judged(decoding: Decoding, look: Look, question: Question, embeddings: Tensor) -> DecodedMasks:
    """Draw the masks whose score is above the threshold."""
    decoder = decoding.network.mask_decoder
    drawn = decoder.worth_drawing(look.predicted_iou[:, decoding.asked(question.multimask)], question.threshold)  # (N,)
    if not bool(drawn.any()):
        return nothing_decoded(embeddings)
    kept = look if bool(drawn.all()) else look[drawn]
    logits, iou = decoding.drawn(kept, question.multimask)
    scores = decoder.scores_of(logits, iou).float()
    good = scores > question.threshold
    return DecodedMasks(
        prompt=drawn.nonzero()[:, 0][good.nonzero()[:, 0]],
        low_res_logits=logits[good].float(),
        predicted_iou=scores[good],
    )
