"""Image embedding as a value, computed once per image, to predict from, keep or save."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, fields
from pathlib import Path

from torch import Tensor

from samara.errors import EmbeddingError
from samara.images.preprocessing import Fit, Frame
from samara.networks.variant import CELL, LOGITS_PER_CELL, Interpolation
from samara.system.files import write_atomically

FORMAT = "samara image embedding 1"

_UNSAID = {("fit", "pad"), ("upsampling", "bilinear"), ("frame_cell", CELL)}
"""Facts that a file does not state."""


@dataclass(frozen=True, eq=False)
class ReadyImage:
    """An image before the image encoder: read and resized, still in the host's memory.

    Attributes:
        pixels: (h, w, 3) uint8, see `samara.engines.loaded.Loaded.host_pixels`.
        frame: placement of the image in the input frame.
    """

    pixels: Tensor = field(repr=False)
    frame: Frame


@dataclass(frozen=True, eq=False)
class ImageEmbedding:
    """Output of the image encoder for one image.

    Attributes:
        features: (C, h, w), on the encoder's device; SAM: C = 256, h = w = 64. HQ-SAM appends the V channels of its
            early features, C = 256 + V, see `samara.networks.early_features`; an encoder with finer maps appends these,
            see `samara.networks.finer_maps`.
        original_size_hw: (H, W) of the image in pixels.
        input_size: side length of the network input in pixels.
        fingerprint: fingerprint of the image encoder's weights; an embedding fits no other encoder.
        checkpoint: name of the checkpoint, for messages and reports.
        precision: precision of the encoder, e.g. "float32".
        fit: how the image is fitted into the network input.
        upsampling: how logits are resized to the image.
        frame_cell: side of a cell of the embedding in the input frame, in pixels.
    """

    features: Tensor = field(repr=False)
    original_size_hw: tuple[int, int]
    input_size: int
    fingerprint: str
    checkpoint: str
    precision: str
    fit: Fit = "pad"
    upsampling: Interpolation = "bilinear"
    frame_cell: int = CELL

    @property
    def frame(self) -> Frame:
        """Placement of the image in the input frame, which prompts are in."""
        side, stride = self.frame_cell * self.features.shape[-1], self.frame_cell // LOGITS_PER_CELL
        return Frame(self.original_size_hw, side, self.fit, self.upsampling, stride)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, completely or not at all.

        Raises:
            OutputError: The file cannot be written.
        """
        from safetensors.torch import save

        facts = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "features"}
        # As in files written before these fields existed.
        facts = {name: fact for name, fact in facts.items() if (name, fact) not in _UNSAID}
        data = save({"features": self.features.contiguous().cpu()}, {"format": FORMAT, "facts": json.dumps(facts)})
        write_atomically(Path(path), data)

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: str = "cpu") -> ImageEmbedding:
        """Read a file written by `save`.

        The fingerprint is checked against the checkpoint on use.

        Raises:
            FileNotFoundError: The file does not exist.
            EmbeddingError: The file is damaged or not an embedding.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="pt", device=device) as file:
                metadata = file.metadata() or {}
                if metadata.get("format") != FORMAT:
                    raise EmbeddingError(f"{path} is a safetensors file, but not an image embedding saved by samara")
                facts = json.loads(metadata["facts"])
                # A copy, because safetensors maps the file into memory, and it may be rewritten or truncated.
                features = file.get_tensor("features").clone()
        except (SafetensorError, KeyError, json.JSONDecodeError) as error:
            raise EmbeddingError(f"{path} is damaged or not an image embedding ({error}); compute it again") from error
        return cls(features=features, **facts | {"original_size_hw": tuple(facts["original_size_hw"])})
