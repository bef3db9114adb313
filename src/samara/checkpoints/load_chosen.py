"""From a choice of a checkpoint to what is loaded."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from samara.checkpoints import load
from samara.checkpoints.choice import Choice
from samara.engines.loaded import Loaded
from samara.system.progress import Progress


def load_chosen(choice: Choice, device: str | None = None, progress: Progress | None = None) -> Loaded:
    """Load a checkpoint as it was chosen.

    Args:
        choice: which, and how.
        device: instead of the one chosen.
        progress: called during a download.

    Raises:
        CheckpointError, DeviceError, SettingsError: see `samara.load`; a checkpoint that is not on this machine is not
            downloaded unless that was chosen, the error says how to get it.
    """
    facts = vars(choice if device is None else replace(choice, device=device))
    return load.load(**facts, progress=progress)


def loaded_from(
    checkpoint: str | os.PathLike[str] | Loaded,
    progress: Progress | None = None,
    **chosen: Any,  # Any: values of the fields of Choice
) -> Loaded:
    """A checkpoint that is loaded already, as it is; or one loaded as a `Choice` says.

    Args:
        checkpoint: what `samara.load` gave, or what it takes.
        progress: called during a download.
        chosen: other fields of `Choice`; without effect on a loaded checkpoint.
    """
    if isinstance(checkpoint, Loaded):
        return checkpoint
    return load_chosen(Choice(checkpoint=checkpoint, **chosen), progress=progress)
