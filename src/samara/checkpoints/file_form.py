"""How the official code keeps a network in a file, so that what was trained here loads there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from samara.checkpoints.reading.sam2_names import image_path, to_published
from samara.checkpoints.reading.state_dicts import read_layout, read_state_dict
from samara.engines.loaded import Loaded
from samara.networks.sam import Sam


@dataclass(frozen=True)
class FileForm:
    """What a checkpoint file of a family looks like.

    Attributes:
        is_sam2: whether names are SAM 2's and a file for `torch.load` holds the state dict under "model".
        memory: entries for videos of the file that the network came from; written again, because the official code
            refuses a file without them.
    """

    is_sam2: bool = False
    memory: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def wrapper(self) -> str | None:
        """The key under which a file for `torch.load` holds the state dict; None for a flat one."""
        return "model" if self.is_sam2 else None

    def state(self, network: Sam) -> dict[str, Tensor]:
        """Everything that the file holds, under the published names."""
        own = network.state_dict()
        return {**to_published(own), **self.memory} if self.is_sam2 else dict(own)


def file_form_of(loaded: Loaded) -> FileForm:
    """The form of the files of a checkpoint's family; reads what no image needs of the checkpoint's own file.

    Raises:
        UnrecognisedCheckpoint, UnsafeCheckpoint: the file is not any more what it was.
    """
    if loaded.variant.family != "sam2":
        return FileForm()
    if loaded.provenance.path is None:
        return FileForm(is_sam2=True)
    path = Path(loaded.provenance.path)
    return FileForm(is_sam2=True, memory=read_state_dict(path, only=image_path(read_layout(path).tensors).memory))
