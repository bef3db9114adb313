"""The network in PyTorch, on any device: the engine that every other one is compared with."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from samara.cores import map_on_cores
from samara.devices import Precision
from samara.engines.engine import Decoded, InputPrompts, Prepared
from samara.networks.hq_mask_decoder import HqMaskDecoder
from samara.networks.mask_decoder import SINGLE_MASK, THREE_MASKS, Look, Shared
from samara.networks.sam import Sam

# Prompts that go through the mask decoder together. In the plain form each holds about 12 copies of the embedding (4 MB
# at 1024 px) alive: a few keep a CPU's cores busy, a GPU wants more.
PROMPTS_AT_A_TIME = {"cpu": 8, "cuda": 64}

# Prompts that share an image go through together on one core: four of 64 × 64 embeddings, more of smaller ones, so that
# what does not depend on the image is done for many.
SHARED_PIXELS_AT_A_TIME = 4 * 64 * 64

# From so many prompts on an image on, a CPU first makes what they share: that costs as much as three plain prompts.
FEWEST_THAT_SHARE = 6

# Where sharing pays. It trades arithmetic for many small steps, which suits a CPU; on a GPU nobody measured it yet.
SHARING_DEVICES = {"cpu"}


@dataclass(frozen=True, eq=False)
class PreparedByTorch(Prepared):
    """Embeddings, and what the decoder makes of them when it is needed first.

    Attributes:
        engine: that prepared them.
    """

    engine: TorchEngine

    @cached_property
    def details(self) -> Tensor | None:
        """Of all images, see `MaskDecoder.details_of`."""
        return self.engine.details_of(self.embeddings)

    @cached_property
    def shared(self) -> tuple[Shared, ...]:
        """What the prompts on each image share."""
        return tuple(self.engine.share(embedding[None]) for embedding in self.embeddings)


class TorchEngine:
    """Run a network with PyTorch.

    Args:
        network: in eval mode, on `device`, weights in float32.
        device: where it lies.
        precision: what to compute in; below float32 through autocast, so that norms and weights stay float32.
        hq_token_only: give the HQ mask alone, see `Loaded`.
    """

    def __init__(
        self, network: Sam, device: str, precision: Precision = "float32", *, hq_token_only: bool = False
    ) -> None:
        self.network = network
        self.image_encoder: Callable[[Tensor], Tensor] = network.image_encoder
        self.hq_token_only = hq_token_only
        self.device = torch.device(device)
        self.precision: Precision = precision

    @torch.inference_mode()
    def encode(self, images: Tensor) -> Tensor:
        """See `Engine.encode`."""
        with self._autocast():
            features = self.image_encoder(images.to(self.device))
        return features.float()

    def prepare(self, embeddings: Tensor) -> PreparedByTorch:
        """See `Engine.prepare`. What costs time is done when it is first needed."""
        return PreparedByTorch(embeddings.to(self.device), self)

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
        """See `Engine.decode`. Prompts do not influence each other, so they pass in chunks that bound the memory."""
        if not isinstance(images, PreparedByTorch) or images.engine is not self:
            raise TypeError("these images were prepared by another engine; prepare them with this one")
        masks = THREE_MASKS if multimask else SINGLE_MASK
        threshold = -float("inf") if min_predicted_iou is None else min_predicted_iou
        shares = self._shares(images, prompts)
        look = self._look_shared if shares else self._look

        @torch.inference_mode()
        def decoded(indices: Tensor) -> Decoded:
            chunk = self._judged(look(images, prompts[indices], input_size), masks, threshold)
            return Decoded(indices[chunk.prompt], chunk.low_res_logits, chunk.predicted_iou)

        if shares:
            _ = images.shared  # on all cores, before the prompts take one each
            size = max(1, SHARED_PIXELS_AT_A_TIME // images.embeddings[0, 0].numel())
            parts = map_on_cores(decoded, _chunks(prompts.image_of_prompt, size, by_image=True))
        else:
            size = PROMPTS_AT_A_TIME.get(self.device.type, PROMPTS_AT_A_TIME["cpu"])
            parts = [decoded(indices) for indices in _chunks(prompts.image_of_prompt, size, by_image=False)]
        return concatenate_decoded(parts, images.embeddings)

    @torch.inference_mode()
    def details_of(self, embeddings: Tensor) -> Tensor | None:
        """See `MaskDecoder.details_of`."""
        with self._autocast():
            return self.network.mask_decoder.details_of(embeddings)

    @torch.inference_mode()
    def share(self, embedding: Tensor) -> Shared:
        """See `MaskDecoder.share`: what all prompts without a mask on one image (1, C, h, w) share."""
        grid_hw = (embedding.shape[-2], embedding.shape[-1])
        encoder = self.network.prompt_encoder
        no_mask = encoder.no_mask_embed.weight.view(1, -1, 1, 1)
        positions = encoder.get_dense_pe(grid_hw)
        return self.network.mask_decoder.share(embedding, positions, no_mask, getattr(torch, self.precision))

    def _shares(self, images: PreparedByTorch, prompts: InputPrompts) -> bool:
        """Whether these prompts are many enough on each image, and alike enough, to share it."""
        alike = prompts.masks is None and self.device.type in SHARING_DEVICES
        return alike and len(prompts) >= FEWEST_THAT_SHARE * len(images.embeddings)

    def _look(self, images: PreparedByTorch, prompts: InputPrompts, input_size: int) -> Look:
        """The plain form: any prompts."""
        grid_hw = (images.embeddings.shape[-2], images.embeddings.shape[-1])
        sparse, dense = self._encode_prompts(prompts, input_size, grid_hw)
        positions = self.network.prompt_encoder.get_dense_pe(grid_hw)
        of_prompt = prompts.image_of_prompt if len(images.embeddings) > 1 else None
        with self._autocast():
            return self.network.mask_decoder.look(
                images.embeddings, positions, sparse, dense, image_of_prompt=of_prompt, details=images.details
            )

    def _look_shared(self, images: PreparedByTorch, prompts: InputPrompts, input_size: int) -> Look:
        """The quick form: prompts without masks on one image. Its precision is that of what they share."""
        grid_hw = (images.embeddings.shape[-2], images.embeddings.shape[-1])
        sparse, _ = self._encode_prompts(prompts, input_size, grid_hw)
        return self.network.mask_decoder.look_shared(images.shared[int(prompts.image_of_prompt[0])], sparse)

    def _encode_prompts(
        self, prompts: InputPrompts, input_size: int, grid_hw: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        # Outside autocast: in bfloat16 neighbouring pixels would share one position.
        sparse, dense = self.network.prompt_encoder(
            prompts.points,
            prompts.boxes,
            prompts.masks,
            input_size_hw=(input_size, input_size),
            grid_hw=grid_hw,
        )
        return sparse, dense

    def _judged(self, look: Look, masks: slice, threshold: float) -> Decoded:
        """Draw the masks whose predicted IoU is above the threshold."""
        confident = look.predicted_iou[:, masks].float() > threshold  # (N, M)
        drawn = confident.any(dim=1)
        kept = look if bool(drawn.all()) else look[drawn]
        with self._autocast():
            logits = self._draw(kept, masks)  # (drawn prompts, M, 4h, 4w)
        kept_masks = confident[drawn]
        return Decoded(
            prompt=confident.nonzero()[:, 0],
            low_res_logits=logits[kept_masks].float(),
            predicted_iou=kept.predicted_iou[:, masks][kept_masks].float(),
        )

    def _draw(self, look: Look, masks: slice) -> Tensor:
        decoder = self.network.mask_decoder
        if self.hq_token_only and isinstance(decoder, HqMaskDecoder):
            return decoder.draw_hq(look)
        return decoder.draw(look, masks)

    @contextlib.contextmanager
    def _autocast(self) -> Iterator[None]:
        if self.precision == "float32":
            yield
        else:
            with torch.autocast(self.device.type, dtype=getattr(torch, self.precision)):
                yield


class CompiledTorchEngine(TorchEngine):
    """The same with an image encoder that `torch.compile` made kernels for, once per process and batch size.

    The first call takes a minute or so, which a long job gets back.
    """

    def __init__(
        self, network: Sam, device: str, precision: Precision = "float32", *, hq_token_only: bool = False
    ) -> None:
        super().__init__(network, device, precision, hq_token_only=hq_token_only)
        self.image_encoder = torch.compile(network.image_encoder, dynamic=False)
        self._batch_size = 0

    def encode(self, images: Tensor) -> Tensor:
        """See `Engine.encode`. A batch smaller than one before is filled up: another size would compile anew."""
        self._batch_size = max(self._batch_size, len(images))
        filling = images[-1:].expand(self._batch_size - len(images), -1, -1, -1)
        return super().encode(torch.cat([images, filling]))[: len(images)]


def _chunks(image_of_prompt: Tensor, size: int, *, by_image: bool) -> Iterator[Tensor]:
    """Indices of prompts that go through together: at most `size`, and of one image if so wanted."""
    indices = torch.arange(len(image_of_prompt), device=image_of_prompt.device)
    groups = [indices]
    if by_image:
        groups = [indices[image_of_prompt == image] for image in sorted(set(image_of_prompt.tolist()))]
    for group in groups:
        yield from torch.split(group, size)


def concatenate_decoded(parts: list[Decoded], embeddings: Tensor) -> Decoded:
    """One result from several, in the order of the prompts."""
    if not parts:
        h, w = embeddings.shape[-2:]
        return Decoded(
            prompt=torch.zeros(0, dtype=torch.int64, device=embeddings.device),
            low_res_logits=embeddings.new_zeros(0, 4 * h, 4 * w),
            predicted_iou=embeddings.new_zeros(0),
        )
    if len(parts) == 1:
        return parts[0]
    prompt = torch.cat([part.prompt for part in parts])
    logits = torch.cat([part.low_res_logits for part in parts])
    iou = torch.cat([part.predicted_iou for part in parts])
    if bool((prompt.diff() < 0).any()):  # several images, one after the other
        order = prompt.argsort(stable=True)
        return Decoded(prompt[order], logits[order], iou[order])
    return Decoded(prompt, logits, iou)
