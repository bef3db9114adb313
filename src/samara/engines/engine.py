"""What every engine can do: encode images, decode prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class InputPrompts:
    """Prompts of N objects in the input frame; all of one shape.

    Attributes:
        points: (N, P, 2) float32 (x, y) in pixels of the network input, and labels (N, P); None without points.
        boxes: (N, 4) float32 xyxy, or None.
        masks: (N, 1, 4h, 4w) float32 logits, or None.
        image_of_prompt: (N,) int64, the image each belongs to.
    """

    points: tuple[Tensor, Tensor] | None
    boxes: Tensor | None
    masks: Tensor | None
    image_of_prompt: Tensor

    def __len__(self) -> int:
        """N."""
        return len(self.image_of_prompt)

    def __getitem__(self, chunk: slice | Tensor) -> InputPrompts:
        """Some of the prompts, by slice or indices."""
        return InputPrompts(
            points=None if self.points is None else (self.points[0][chunk], self.points[1][chunk]),
            boxes=None if self.boxes is None else self.boxes[chunk],
            masks=None if self.masks is None else self.masks[chunk],
            image_of_prompt=self.image_of_prompt[chunk],
        )


@dataclass(frozen=True)
class Prepared:
    """Image embeddings ready to be asked; engines add to it what they make of images before any prompt.

    Attributes:
        embeddings: (B, C, h, w) float32, on the engine's device.
    """

    embeddings: Tensor


@dataclass(frozen=True)
class Decoded:
    """K masks that came out of N prompts.

    Attributes:
        prompt: (K,) int64, index of the prompt each mask answers; ascending.
        low_res_logits: (K, 4h, 4w) float32.
        predicted_iou: (K,) float32.
    """

    prompt: Tensor
    low_res_logits: Tensor
    predicted_iou: Tensor


class Engine(Protocol):
    """Runs the two halves of a SAM network."""

    def encode(self, images: Tensor) -> Tensor:
        """Encode normalised, padded images: (B, 3, S, S) float32 → (B, C, h, w) float32, early features included."""
        ...

    def prepare(self, embeddings: Tensor) -> Prepared:
        """Get embeddings (B, C, h, w) ready for one or many calls of `decode`."""
        ...

    def decode(
        self,
        images: Prepared,
        prompts: InputPrompts,
        *,
        input_size: int,
        multimask: bool,
        min_predicted_iou: float | None = None,
    ) -> Decoded:
        """Decode prompts against images.

        Args:
            images: from `prepare` of this engine.
            prompts: N of them, N at least 0.
            input_size: side of the input frame in pixels.
            multimask: three masks per prompt instead of one; HQ-SAM: one, built on the best of three.
            min_predicted_iou: leave masks out whose predicted IoU is not above this, ideally before drawing them.
        """
        ...
