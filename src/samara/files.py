"""Writing files so that a reader sees the old content or the new, never a part of either."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from samara.errors import OutputError


def write_atomically(path: Path, data: bytes) -> None:
    """Write through a temporary file in the same folder.

    Raises:
        OutputError: the folder or disk does not take it; a file that was there before is unharmed.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def durable_file(path: Path) -> Iterator[Path]:
    """Write a file that a power cut cannot halve: give a temporary path, then flush and rename what was written there.

    When the block ends, the content lies on the disk under its final name, and so does the name itself. When the block
    raises, nothing is left.

    Raises:
        OutputError: the folder or disk does not take it; a file that was there before is unharmed.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
        _flush_folder(path.parent)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_durably(path: Path, data: bytes) -> None:
    """As `write_atomically`, and the content has reached the disk when the call returns.

    Raises:
        OutputError: see `durable_file`.
    """
    with durable_file(path) as partial:
        partial.write_bytes(data)


def _flush_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk; where a system cannot open folders, a rename is durable by itself."""
    with suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
