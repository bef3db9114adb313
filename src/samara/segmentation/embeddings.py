"""The image embedding as a value: made once per image, then predicted from, kept, saved and sent about."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, fields
from pathlib import Path

from torch import Tensor

from samara.errors import EmbeddingError
from samara.images.preprocessing import Fit, Frame
from samara.networks.variant import CELL
from samara.system.files import write_atomically

FORMAT = "samara image embedding 1"


@dataclass(frozen=True, eq=False)
class ImageEmbedding:
    """What the image encoder says about one image.

    Attributes:
        features: (C, h, w), on the device that made it; SAM: C = 256, h = w = 64. HQ-SAM: the V channels of its early
            features follow, C = 256 + V; see `samara.networks.early_features`. Finer maps of an encoder follow in the
            same way, see `samara.networks.finer_maps`.
        original_size_hw: (H, W) of the image in pixels.
        input_size: side of the network input in pixels.
        fingerprint: of the image encoder's weights; an embedding fits no other encoder.
        checkpoint: name of the checkpoint, for messages and reports.
        precision: what the encoder computed in, e.g. "float32".
        fit: how the image lies in the network input.
    """

    features: Tensor = field(repr=False)
    original_size_hw: tuple[int, int]
    input_size: int
    fingerprint: str
    checkpoint: str
    precision: str
    fit: Fit = "pad"

    @property
    def frame(self) -> Frame:
        """How the image lies in the input frame, which prompts are in."""
        return Frame(self.original_size_hw, CELL * self.features.shape[-1], self.fit)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to a safetensors file, completely or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        from safetensors.torch import save

        facts = {name.name: getattr(self, name.name) for name in fields(self) if name.name != "features"}
        if self.fit == "pad":
            del facts["fit"]  # as in files from before there was a choice
        data = save({"features": self.features.contiguous().cpu()}, {"format": FORMAT, "facts": json.dumps(facts)})
        write_atomically(Path(path), data)

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: str = "cpu") -> ImageEmbedding:
        """Read what `save` wrote.

        Whether it fits a checkpoint is checked when it is used, by its fingerprint.

        Raises:
            FileNotFoundError: there is no such file.
            EmbeddingError: the file is something else, or damaged.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="pt", device=device) as file:
                metadata = file.metadata() or {}
                if metadata.get("format") != FORMAT:
                    raise EmbeddingError(f"{path} is a safetensors file, but no image embedding saved by samara")
                facts = json.loads(metadata["facts"])
                # A copy: what safetensors gives shares memory with a file that somebody may rewrite or cut short.
                features = file.get_tensor("features").clone()
        except (SafetensorError, KeyError, json.JSONDecodeError) as error:
            raise EmbeddingError(f"{path} is no image embedding, or damaged ({error}); make it again") from error
        return cls(features=features, **facts | {"original_size_hw": tuple(facts["original_size_hw"])})
