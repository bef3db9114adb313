"""Writing files atomically, so that a reader sees either the old content or the new.

`require_folder` and `require_file` check before the work starts whether results can be written, and failures leave no
new folders behind.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from samara.errors import OutputError

# Size of a test write: if this does not fit, the disk is full.
_PROBE_BYTES = 4096
# Part of a name kept in its temporary file's name, which must not become too long.
_NAME_SIGNS = 48


def write_atomically(path: Path, data: bytes) -> None:
    """Write through a temporary file in the same folder, which is created if missing. Links to the file stay links.

    Raises:
        OutputError: it cannot be written; an existing file is unchanged.
    """
    with _told(path), made_folder(path.parent):
        target = _replaceable(path)
        partial = _partial(target)
        try:
            partial.write_bytes(data)
            os.replace(partial, target)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


@contextmanager
def durable_file(path: Path) -> Iterator[Path]:
    """Write a file that survives power cuts: yield a temporary path, then flush and rename the result.

    When the block ends, content and name are on disk. If the block raises, nothing is left.

    Raises:
        OutputError: it cannot be written; an existing file is unchanged.
    """
    partial = _partial(path)
    try:
        with _told(path):
            target = _replaceable(path)
            partial = _partial(target)
            yield partial
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(partial, target)
            _flush_folder(target.parent)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_durably(path: Path, data: bytes) -> None:
    """Like `write_atomically`, but the content is on disk when the call returns; the folder must exist.

    Raises:
        OutputError: see `durable_file`.
    """
    with durable_file(path) as partial:
        partial.write_bytes(data)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock for reading and rewriting a file, waiting for other processes.

    The lock is next to the file, which need not exist; it ends with its process.

    Raises:
        OutputError: the folder cannot be created or locked.
    """
    place = path.with_name(f".{path.name[:_NAME_SIGNS]}.lock")
    with ExitStack() as stack:
        with _told(path):
            make_folder(path.parent)
            stack.enter_context(FileLock(place))
        # Removed while held: a process waiting on the unlinked file starts over (filelock checks this).
        stack.callback(_forget, place)
        yield


def make_folder(folder: Path, remedy: str = "choose another place") -> Path:
    """Create a folder and its missing parents; return it.

    Args:
        folder: path of the folder.
        remedy: advice for the error message.

    Raises:
        OutputError: it is a file, or cannot be created.
    """
    with _usable(folder, remedy):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Create a folder and its missing parents; if the block raises, remove those that are empty.

    Raises:
        OutputError: it cannot be created.
    """
    missing = [place for place in (folder, *folder.parents) if not os.path.lexists(place)]
    is_done = False
    try:
        make_folder(folder)
        yield
        is_done = True
    finally:
        if not is_done:
            _remove_empty(missing)


def require_folder(folder: Path) -> None:
    """Check whether files can be written into a folder, which need not exist; leaves nothing behind.

    Raises:
        OutputError: it is a file, or cannot be created or written to, or the disk is full.
    """
    _probe(folder)


def require_file(path: Path) -> None:
    """Check whether a file can be written or replaced; leaves nothing behind.

    Raises:
        OutputError: it is a folder or a device, its name is invalid, its folder cannot be created or written to, or
            the disk is full.
    """
    _probe(path.parent)
    missing = [place for place in (path.parent, *path.parent.parents) if not os.path.lexists(place)]
    try:
        make_folder(path.parent)
        target = _replaceable(path)
        if not target.exists():
            target.touch(exist_ok=False)
            target.unlink()
    except OutputError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{path} cannot be written: {reason}; choose another name or place") from error
    finally:
        _remove_empty(missing)


def _probe(folder: Path) -> None:
    missing = [place for place in (folder, *folder.parents) if not os.path.lexists(place)]
    try:
        make_folder(folder)
        with _usable(folder), tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            probe.write(bytes(_PROBE_BYTES))
    finally:
        _remove_empty(missing)


@contextmanager
def _usable(folder: Path, remedy: str = "choose another place") -> Iterator[None]:
    """Convert errors about a folder to the standard message."""
    try:
        yield
    except FileExistsError as error:
        raise OutputError(f"{folder} is a file and cannot be used as a folder; {remedy}") from error
    except OSError as error:
        raise OutputError(f"{folder} cannot be used as a folder: {error.strerror or error}; {remedy}") from error


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Convert operating system errors to a message."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def _replaceable(path: Path) -> Path:
    """Return the real path of a file, following links, if it may be replaced."""
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target
    if stat.S_ISDIR(mode):
        raise OutputError(f"{path} is a folder, but a file must be written; choose another name")
    if not stat.S_ISREG(mode):
        raise OutputError(f"{path} is not a regular file and is not replaced; choose another name")
    return target


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name[:_NAME_SIGNS]}.{os.getpid()}.part")


def _forget(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _remove_empty(folders: list[Path]) -> None:
    """Remove empty folders, inner ones first."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _flush_folder(folder: Path) -> None:
    """Flush a folder's entries to disk; on systems that cannot open folders, renames are durable already."""
    with suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
