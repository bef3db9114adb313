"""The interface of all engines: encode images and decode prompts, without running a network on empty input.

Kernels and compiled graphs fail on empty input, each in its own way (attention over no prompts in 16 bits on a GPU
returns None). So `SparingEngine`, the base of every engine, handles such requests itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from samara.networks.sam import Sam
from samara.networks.variant import CELL


@dataclass(frozen=True)
class InputPrompts:
    """Prompts of N objects in the input frame, all of the same shape.

    Attributes:
        points: (N, P, 2) float32 (x, y) in pixels of the network input, and labels (N, P); None without points.
        boxes: (N, 4) float32 xyxy, or None.
        masks: (N, 1, 4h, 4w) float32 logits, or None.
        image_of_prompt: (N,) int64, index of each prompt's image.
    """

    points: tuple[Tensor, Tensor] | None
    boxes: Tensor | None
    masks: Tensor | None
    image_of_prompt: Tensor

    def __len__(self) -> int:
        """N."""
        return len(self.image_of_prompt)

    def __getitem__(self, chunk: slice | Tensor) -> InputPrompts:
        """Select some of the prompts, by slice or indices."""
        return InputPrompts(
            points=None if self.points is None else (self.points[0][chunk], self.points[1][chunk]),
            boxes=None if self.boxes is None else self.boxes[chunk],
            masks=None if self.masks is None else self.masks[chunk],
            image_of_prompt=self.image_of_prompt[chunk],
        )


@dataclass(frozen=True)
class Prepared:
    """Image embeddings ready for prompts; engines add prompt-independent results.

    Attributes:
        embeddings: (B, C, h, w) float32, on the engine's device.
    """

    embeddings: Tensor


@dataclass(frozen=True)
class DecodedMasks:
    """K masks decoded from N prompts.

    Attributes:
        prompt: (K,) int64, index of each mask's prompt; ascending.
        low_res_logits: (K, 4h, 4w) float32.
        predicted_iou: (K,) float32; see `MaskDecoder.scores_of` for what else it can be.
    """

    prompt: Tensor
    low_res_logits: Tensor
    predicted_iou: Tensor

    def __getitem__(self, masks: Tensor) -> DecodedMasks:
        """Select some of the masks, (J,) indices."""
        return DecodedMasks(self.prompt[masks], self.low_res_logits[masks], self.predicted_iou[masks])

    def best_of_each(self) -> DecodedMasks:
        """Keep each prompt's mask with the best predicted IoU, the first of equal ones."""
        by_quality = self.predicted_iou.sort(descending=True, stable=True).indices
        by_prompt = by_quality[self.prompt[by_quality].sort(stable=True).indices]
        prompt = self.prompt[by_prompt]
        best = by_prompt[torch.cat([prompt.new_ones(min(1, len(prompt))), prompt.diff()]) > 0]
        return self[best]


class Engine(Protocol):
    """Runs the two halves of a SAM network."""

    def encode(self, images: Tensor) -> Tensor:
        """Encode normalised, padded images: (B, 3, S, S) float32 → (B, C, h, w) float32.

        The C channels include early features and finer maps, if the encoder has them.
        """
        ...

    def prepare(self, embeddings: Tensor) -> Prepared:
        """Prepare embeddings (B, C, h, w) for one or more calls of `decode`."""
        ...

    def decode(
        self,
        images: Prepared,
        prompts: InputPrompts,
        *,
        frame_size: int,
        multimask: bool,
        min_predicted_iou: float | None = None,
    ) -> DecodedMasks:
        """Decode prompts against images.

        Args:
            images: from `prepare` of this engine.
            prompts: N prompts, N at least 0.
            frame_size: side of the input frame in pixels.
            multimask: three masks per prompt instead of one; HQ-SAM: one, built on the best of three.
            min_predicted_iou: drop masks whose predicted IoU is not above this, ideally before computing them.
        """
        ...


class SparingEngine(ABC):
    """An engine whose network never gets empty input, which is handled here.

    Attributes:
        network: the network that it runs.
    """

    network: Sam

    def encode(self, images: Tensor) -> Tensor:
        """See `Engine.encode`; B may be 0."""
        if not len(images):
            # A replaced part may have only SAM's own attributes.
            stride = getattr(self.network.image_encoder, "stride", CELL)
            further = getattr(self.network.mask_decoder, "further_channels", 0)
            h, w = images.shape[-2] // stride, images.shape[-1] // stride
            return torch.zeros(0, self.network.prompt_encoder.embed_dim + further, h, w, device=images.device)
        return self._encode(images)

    def decode(
        self,
        images: Prepared,
        prompts: InputPrompts,
        *,
        frame_size: int,
        multimask: bool,
        min_predicted_iou: float | None = None,
    ) -> DecodedMasks:
        """See `Engine.decode`."""
        prepared_by: object = getattr(images, "engine", None)
        if prepared_by is not self:
            raise TypeError("these images were prepared by another engine; prepare them with this one")
        if not len(prompts):
            return nothing_decoded(images.embeddings)
        threshold = -float("inf") if min_predicted_iou is None else min_predicted_iou
        return self._decode(images, prompts, frame_size, multimask, threshold)

    @abstractmethod
    def _encode(self, images: Tensor) -> Tensor:
        """Encode at least one image."""

    @abstractmethod
    def _decode(
        self, images: Prepared, prompts: InputPrompts, frame_size: int, multimask: bool, threshold: float
    ) -> DecodedMasks:
        """Decode at least one prompt; compute only masks whose predicted IoU is above the threshold."""


def nothing_decoded(embeddings: Tensor) -> DecodedMasks:
    """Return no masks, for embeddings (B, C, h, w)."""
    h, w = embeddings.shape[-2:]
    return DecodedMasks(
        prompt=torch.zeros(0, dtype=torch.int64, device=embeddings.device),
        low_res_logits=torch.zeros(0, 4 * h, 4 * w, device=embeddings.device),
        predicted_iou=torch.zeros(0, device=embeddings.device),
    )


def concatenate_decoded(parts: list[DecodedMasks], embeddings: Tensor, *, in_order: bool = False) -> DecodedMasks:
    """Concatenate several results in the order of the prompts; they may be known to be `in_order`."""
    parts = [part for part in parts if len(part.prompt)]
    if not parts:
        return nothing_decoded(embeddings)
    if len(parts) == 1:
        return parts[0]
    prompt = torch.cat([part.prompt for part in parts])
    logits = torch.cat([part.low_res_logits for part in parts])
    iou = torch.cat([part.predicted_iou for part in parts])
    if not in_order and bool((prompt.diff() < 0).any()):  # several images, one after the other
        return DecodedMasks(prompt, logits, iou)[prompt.argsort(stable=True)]
    return DecodedMasks(prompt, logits, iou)
