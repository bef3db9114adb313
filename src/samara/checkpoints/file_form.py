"""How the code that a checkpoint comes from keeps it in a file, so that what was trained here loads there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from samara.checkpoints.reading.sam2_names import image_path, to_published
from samara.checkpoints.reading.state_dicts import read_layout, read_state_dict, read_transformers_spelling
from samara.engines.loaded import Loaded
from samara.networks.sam import Sam

_ALSO_WRAPPED = {"efficientvit_sam": "state_dict", "sam_med2d_b": "model"}
"""Families and variants whose official loaders take a flat file as well as one with this wrapper."""


@dataclass(frozen=True)
class FileForm:
    """What a checkpoint file of a family looks like.

    Attributes:
        is_sam2: whether names are SAM 2's.
        wrapper: the key under which a file for `torch.load` holds the state dict; None for a flat one.
        memory: entries for videos of the file that the network came from; written again, because the official code
            refuses a file without them.
        spelling: names in the layout of transformers and those that they have here, see `transformers_spelling`; empty
            for the published layout.
    """

    is_sam2: bool = False
    wrapper: str | None = None
    memory: Mapping[str, Tensor] = field(default_factory=dict)
    spelling: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def state(self, network: Sam) -> dict[str, Tensor]:
        """Everything that the file holds, under the names of its layout."""
        own = {**network.state_dict(), **self.memory}
        if self.spelling:
            # Copies, because safetensors refuses a tensor that stands in two places.
            return {name: torch.cat([own[one] for one in rows]) for name, rows in self.spelling.items()}
        return to_published(own) if self.is_sam2 else own


def file_form_of(loaded: Loaded) -> FileForm:
    """The form of the files of a checkpoint's family; reads what no image needs of the checkpoint's own file.

    Raises:
        UnrecognisedCheckpoint, UnsafeCheckpoint: the file is not any more what it was.
    """
    path = None if loaded.provenance.path is None else Path(loaded.provenance.path)
    spelling = read_transformers_spelling(path) if path is not None else {}
    match loaded.variant.family:
        case "sam2":
            memory = () if path is None else image_path(read_layout(path).tensors).memory
            kept = read_state_dict(path, only=memory) if path and memory else {}
            return FileForm(True, None if spelling else "model", kept, spelling)
        case "efficient_sam":
            return FileForm(wrapper="model")
        case family if family in _ALSO_WRAPPED or loaded.variant.name in _ALSO_WRAPPED:
            usual = _ALSO_WRAPPED.get(family) or _ALSO_WRAPPED[loaded.variant.name]
            return FileForm(wrapper=usual if path is not None and read_layout(path).wrapper == usual else None)
        case _:
            return FileForm(spelling=spelling)
