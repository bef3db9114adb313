"""Trained weights, recomputation of encoder blocks in the backward pass, and the moving average."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from samara.finetuning.settings import FineTuneSettings
from samara.networks.hq_mask_decoder import HQ_PART, DrawsHqMask
from samara.networks.lora import add_lora
from samara.networks.sam import Sam

# MobileSAM's ImageNet classifier is unused; SAM 2's object score does not affect the masks of an image.
UNUSED = ("image_encoder.head.", "image_encoder.norm_head.", "mask_decoder.pred_obj_score_head.")


def choose_trained(network: Sam, settings: FineTuneSettings) -> dict[str, nn.Parameter]:
    """Freeze the weights that are not trained and return the others by name.

    "decoder" freezes image and prompt encoder, following the project's brief; "lora" adds low-rank matrices to the
    encoder's attention; "everything" is everything except MobileSAM's unused classifier. With a frozen encoder, only
    the HQ part of HQ-SAM's decoder is trained, as in its paper (Ke et al. 2023, section 3.3).
    """
    network.prompt_encoder.requires_grad_(False)
    if settings.trained == "lora":
        generator = torch.Generator().manual_seed(settings.seed)
        add_lora(
            network.image_encoder, rank=settings.lora_rank, generator=generator
        )  # the added matrices are trainable
    if settings.trained == "everything":
        network.requires_grad_(True)
    is_hq = isinstance(network.mask_decoder, DrawsHqMask) and settings.trained != "everything"
    for name, parameter in network.mask_decoder.named_parameters():
        parameter.requires_grad_(name.startswith(HQ_PART) or not is_hq)
    # For the decoder alone the encoder is shared and unchanged: its embeddings come from the cache.
    learning = network.mask_decoder.named_parameters("mask_decoder") if settings.trained == "decoder" else None
    return {
        name: parameter
        for name, parameter in learning or network.named_parameters()
        if parameter.requires_grad and not name.startswith(UNUSED)
    }


def recompute_blocks(encoder: nn.Module) -> None:
    """Keep only the input of each block, and rerun the block in the backward pass."""
    from torch.utils.checkpoint import checkpoint

    for blocks in (module for module in encoder.modules() if isinstance(module, nn.ModuleList)):
        for block in blocks:
            plain = block.forward
            block.forward = lambda *inputs, plain=plain: checkpoint(plain, *inputs, use_reentrant=False)


class MovingAverage:
    """Exponential moving average of some parameters.

    Args:
        parameters: parameters by name.
        decay: weight of the past, smaller in early steps so that the initial weights fade quickly.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float) -> None:
        self.parameters = dict(parameters)
        self.decay = decay
        self.values = {name: parameter.detach().clone() for name, parameter in parameters.items()}

    def update(self, step: int) -> None:
        """Update with the parameters after step number `step` (from 1)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, parameter in self.parameters.items():
            self.values[name].lerp_(parameter.detach(), 1 - decay)

    def load(self, values: Mapping[str, Tensor]) -> None:
        """Restore saved values."""
        for name, value in values.items():
            self.values[name].copy_(value)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Temporarily put the average in place of the network's weights."""
        own = {name: parameter.detach().clone() for name, parameter in self.parameters.items()}
        self._put(self.values)
        try:
            yield
        finally:
            self._put(own)

    def _put(self, values: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(values[name])
