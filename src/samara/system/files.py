"""Writing files so that a reader sees the old content or the new, never a part of either.

What cannot be written is found out before the work begins (`require_folder`, `require_file`), and what fails leaves no
folder behind that was not there before.
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

# A disk is full when it does not take so little.
_PROBE_BYTES = 4096
# Of a name, in that of its temporary file: a long name must not become too long by it.
_NAME_SIGNS = 48


def write_atomically(path: Path, data: bytes) -> None:
    """Write through a temporary file in the same folder, which is made if need be. Links to the file stay links.

    Raises:
        OutputError: the folder or disk does not take it; a file that was there before is unharmed.
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
    """Write a file that a power cut cannot halve: give a temporary path, then flush and rename what was written there.

    When the block ends, the content lies on the disk under its final name, and so does the name itself. When the block
    raises, nothing is left.

    Raises:
        OutputError: the folder or disk does not take it; a file that was there before is unharmed.
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
    """As `write_atomically`, and the content has reached the disk when the call returns; the folder must be there.

    Raises:
        OutputError: see `durable_file`.
    """
    with durable_file(path) as partial:
        partial.write_bytes(data)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Be the only process that reads and rewrites a file, at once or after those that came earlier.

    The lock lies beside the file, which need not exist; it ends with its process.

    Raises:
        OutputError: the folder cannot be made, or takes no lock.
    """
    place = path.with_name(f".{path.name[:_NAME_SIGNS]}.lock")
    with ExitStack() as stack:
        with _told(path):
            make_folder(path.parent)
            stack.enter_context(FileLock(place))
        # Removed while it is held: whoever waits on a file without a name begins anew (filelock looks).
        stack.callback(_forget, place)
        yield


def make_folder(folder: Path, remedy: str = "choose another place") -> Path:
    """Make a folder and those above it, if they are not there; returns it.

    Args:
        folder: its path.
        remedy: what to do if that fails, for the sentence that says so.

    Raises:
        OutputError: it is a file, or cannot be made.
    """
    with _usable(folder, remedy):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; if the block raises, remove those of them that are empty.

    Raises:
        OutputError: it cannot be made.
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
    """Find out now whether files can be written into a folder, which need not exist; nothing is left.

    Raises:
        OutputError: it is a file, or cannot be made or written to, or the disk is full.
    """
    _probe(folder)


def require_file(path: Path) -> None:
    """Find out now whether a file of this name can be written or replaced; nothing is left.

    Raises:
        OutputError: it is a folder or a device, its name is not accepted, its folder cannot be made or written to, or
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
    """Say of a folder, in the one sentence there is for it, why it cannot be made or written to."""
    try:
        yield
    except FileExistsError as error:
        raise OutputError(f"{folder} is a file and cannot be used as a folder; {remedy}") from error
    except OSError as error:
        raise OutputError(f"{folder} cannot be used as a folder: {error.strerror or error}; {remedy}") from error


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what the operating system says into a sentence."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def _replaceable(path: Path) -> Path:
    """Where a file really lies, links followed: what is to be replaced, if it may be."""
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target
    if stat.S_ISDIR(mode):
        raise OutputError(f"{path} is a folder, and a file is to be written; choose another name")
    if not stat.S_ISREG(mode):
        raise OutputError(f"{path} is no ordinary file and is not replaced; choose another name")
    return target


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name[:_NAME_SIGNS]}.{os.getpid()}.part")


def _forget(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _remove_empty(folders: list[Path]) -> None:
    """Remove folders, the inner ones first, that have nothing in them."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _flush_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk; where a system cannot open folders, a rename is durable by itself."""
    with suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
