"""Adding a checkpoint file to the store, so that it can be loaded by name."""

from __future__ import annotations

from pathlib import Path

from samara.checkpoints.identification.identify import identify
from samara.checkpoints.store.added import AddedCheckpoint, AddedCheckpoints
from samara.checkpoints.store.store import CheckpointStore


def add_checkpoint(
    file: Path, name: str | None = None, *, copy: bool = False, directory: Path | None = None
) -> AddedCheckpoint:
    """Give a checkpoint file a name.

    Args:
        file: a checkpoint file, which is identified; nothing in it is run.
        name: its name; None for that of the file, without suffix.
        copy: keep a copy in the store, instead of only noting where the file is.
        directory: the store; None for the usual one.

    Raises:
        CheckpointError: it is not a checkpoint of a known family, or is unsafe.
        SettingsError: the name is not accepted, or belongs to another file.
        OutputError: the store cannot be written.
    """
    description = identify(file).description
    store = AddedCheckpoints(CheckpointStore(directory).directory)
    return store.add(file.stem if name is None else name, file, description, copy=copy)
