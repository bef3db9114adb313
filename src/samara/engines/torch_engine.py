"""The network in PyTorch, on any device: the engine that every other one is compared with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

from samara.devices import Precision
from samara.engines.engine import Decoded, InputPrompts
from samara.errors import DeviceError
from samara.loaded import Loaded
from samara.networks.hq_mask_decoder import HqMaskDecoder
from samara.networks.mask_decoder import SINGLE_MASK, THREE_MASKS, Look
from samara.networks.sam import Sam

# Prompts that go through the mask decoder together. Each holds about 12 copies of the embedding (4 MB at 1024 px)
# alive: a few keep a CPU's cores busy, a GPU wants more.
PROMPTS_AT_A_TIME = {"cpu": 8, "cuda": 64}


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
        self.hq_token_only = hq_token_only
        self.device = torch.device(device)
        self.precision: Precision = precision

    @torch.inference_mode()
    def encode(self, images: Tensor) -> Tensor:
        """See `Engine.encode`."""
        with self._autocast():
            features: Tensor = self.network.image_encoder(images.to(self.device))
        return features.float()

    @torch.inference_mode()
    def decode(
        self,
        embeddings: Tensor,
        prompts: InputPrompts,
        *,
        input_size: int,
        multimask: bool,
        min_predicted_iou: float | None = None,
    ) -> Decoded:
        """See `Engine.decode`. Prompts do not influence each other, so they pass in chunks that bound the memory."""
        masks = THREE_MASKS if multimask else SINGLE_MASK
        size = PROMPTS_AT_A_TIME.get(self.device.type, PROMPTS_AT_A_TIME["cpu"])
        starts = range(0, len(prompts), size)
        threshold = -float("inf") if min_predicted_iou is None else min_predicted_iou
        with self._autocast():
            details = self.network.mask_decoder.details_of(embeddings) if len(prompts) else None
        parts = []
        for start in starts:
            chunk = self._decode_chunk(
                embeddings, prompts[start : start + size], input_size, masks, threshold, details=details
            )
            parts.append(Decoded(chunk.prompt + start, chunk.low_res_logits, chunk.predicted_iou))
        return _concatenate(parts, embeddings)

    def _decode_chunk(
        self,
        embeddings: Tensor,
        prompts: InputPrompts,
        input_size: int,
        masks: slice,
        threshold: float,
        *,
        details: Tensor | None,
    ) -> Decoded:
        decoder, encoder = self.network.mask_decoder, self.network.prompt_encoder
        grid_hw = (embeddings.shape[-2], embeddings.shape[-1])
        # Positions are computed outside autocast: in bfloat16 neighbouring pixels would share one.
        sparse, dense = encoder(
            prompts.points,
            prompts.boxes,
            prompts.masks,
            input_size_hw=(input_size, input_size),
            grid_hw=grid_hw,
        )
        positions = encoder.get_dense_pe(grid_hw)
        of_prompt = prompts.image_of_prompt if len(embeddings) > 1 else None
        with self._autocast():
            look = decoder.look(embeddings, positions, sparse, dense, image_of_prompt=of_prompt, details=details)
            confident = look.predicted_iou[:, masks].float() > threshold  # (N, M)
            drawn = confident.any(dim=1)
            kept = look if bool(drawn.all()) else look[drawn]
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


def _concatenate(parts: list[Decoded], embeddings: Tensor) -> Decoded:
    if not parts:
        h, w = embeddings.shape[-2:]
        return Decoded(
            prompt=torch.zeros(0, dtype=torch.int64, device=embeddings.device),
            low_res_logits=embeddings.new_zeros(0, 4 * h, 4 * w),
            predicted_iou=embeddings.new_zeros(0),
        )
    return Decoded(
        prompt=torch.cat([part.prompt for part in parts]),
        low_res_logits=torch.cat([part.low_res_logits for part in parts]),
        predicted_iou=torch.cat([part.predicted_iou for part in parts]),
    )


def open_engine(loaded: Loaded) -> TorchEngine:
    """The engine that a loaded checkpoint asks for."""
    if loaded.engine != "torch":
        raise DeviceError(f"there is no engine {loaded.engine!r}; samara has torch")
    return TorchEngine(loaded.network, loaded.device, loaded.precision, hq_token_only=loaded.hq_token_only)
