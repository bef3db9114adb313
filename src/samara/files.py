"""Writing files so that a reader sees the old content or the new, never a part of either."""

from __future__ import annotations

import os
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
