"""Output paths of a training run: its checkpoint, and next to it a folder with the state for resuming."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from samara.checkpoints.save import require_suffix
from samara.errors import SettingsError
from samara.finetuning.processes import Processes
from samara.system.files import made_folder, require_file, require_folder

_LOCK = "lock"


def work_of(out: Path) -> Path:
    """Return the state folder of a run that writes a checkpoint."""
    return out.with_name(f"{out.name}.work")


def require_checkpoint_place(out: Path) -> None:
    """Check, before hours of work, whether a checkpoint and its run's state can be written; leaves nothing behind.

    Raises:
        SettingsError: the suffix is unknown.
        OutputError: they cannot be written.
    """
    require_suffix(out)
    require_file(out)
    require_folder(work_of(out))


@contextmanager
def only_run(out: Path, processes: Processes) -> Iterator[None]:
    """Keep a second run from the same files; the lock ends with its process, however that ends.

    A run that fails before saving anything leaves no folder.

    Raises:
        SettingsError: another run is in progress.
        OutputError: its state folder cannot be created.
    """
    if not processes.is_first:
        yield
        return
    work, is_done = work_of(out), False
    with made_folder(work):
        lock = FileLock(work / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise SettingsError(f"another run is writing {out}; wait for it, or choose another name") from error
        try:
            yield
            is_done = True
        finally:
            if not is_done and [path.name for path in work.iterdir()] == [_LOCK]:
                (work / _LOCK).unlink(missing_ok=True)  # while it is held
            lock.release()
