"""Writing a network to a file in the published key layout, including its provenance."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from samara.checkpoints.reading.torch_file import add_metadata
from samara.errors import OutputError, SettingsError
from samara.system.files import make_folder

SUFFIXES = (".safetensors", ".pth", ".pt")


def save_checkpoint(
    path: Path, state: Mapping[str, Tensor], metadata: Mapping[str, str], *, wrapper: str | None = None
) -> None:
    """Write a state dict atomically.

    Args:
        path: `.safetensors` (metadata inside), or `.pth` or `.pt` (a state dict that the official code loads; the
            metadata is in a record of the zip that PyTorch ignores).
        state: tensors by published key, any device.
        metadata: facts about the weights, see `samara.checkpoints.identification.identify.METADATA_KEY`.
        wrapper: key of the state dict in a file for `torch.load`; None for a flat file.

    Raises:
        SettingsError: the suffix is neither.
        OutputError: the file cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    require_suffix(path)
    tensors = {name: tensor.detach().to("cpu").contiguous() for name, tensor in state.items()}
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    # The two writers report a full disk differently: safetensors by its own error, torch by RuntimeError.
    make_folder(path.parent)
    try:
        partial.touch()
        permissions = (
            partial.stat().st_mode
        )  # the user's default; safetensors would make the file unreadable for others
        if path.suffix == ".safetensors":
            save_file(tensors, partial, metadata=dict(metadata))
        else:
            torch.save(tensors if wrapper is None else {wrapper: tensors}, partial)
            add_metadata(partial, metadata)
        partial.chmod(permissions)
        os.replace(partial, path)
    except (OSError, RuntimeError, SafetensorError) as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise OutputError(f"{path} cannot be written: {error}") from error


def require_suffix(path: Path) -> None:
    """Check, before hours of work, that a checkpoint can be written under this name.

    Raises:
        SettingsError: the suffix is none of `SUFFIXES`.
    """
    if path.suffix not in SUFFIXES:
        known = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        raise SettingsError(f"{path} has the suffix {path.suffix!r}; a checkpoint is written as {known}")
