"""Loading of a chosen checkpoint."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from typing import Any

from samara.checkpoints import load
from samara.checkpoints.choice import Choice
from samara.engines.loaded import Loaded
from samara.system.progress import Progress

_log = logging.getLogger(__name__)


def load_chosen(choice: Choice, device: str | None = None, progress: Progress | None = None) -> Loaded:
    """Load a chosen checkpoint.

    Args:
        choice: which checkpoint, and how.
        device: device that overrides the chosen one.
        progress: called during a download.

    Raises:
        CheckpointError, DeviceError, SettingsError: see `samara.load`; a missing checkpoint is downloaded only if
            chosen; otherwise the error says how to get it.
    """
    facts = vars(choice if device is None else replace(choice, device=device))
    loaded = load.load(**facts, progress=progress)
    _log.info(
        "%s: %s, engine %s on %s, %s, input %d px",
        *(loaded.name, loaded.provenance.path or "random weights", loaded.engine, loaded.device, loaded.precision),
        loaded.input_size,
    )
    return loaded


def loaded_from(
    checkpoint: str | os.PathLike[str] | Loaded,
    progress: Progress | None = None,
    **chosen: Any,  # Any: values of the fields of Choice
) -> Loaded:
    """Return a loaded checkpoint unchanged, or load one with the fields of a `Choice`.

    Args:
        checkpoint: a result of `samara.load`, or its argument.
        progress: called during a download.
        chosen: other fields of `Choice`; without effect on a loaded checkpoint.
    """
    if isinstance(checkpoint, Loaded):
        return checkpoint
    return load_chosen(Choice(checkpoint=checkpoint, **chosen), progress=progress)
