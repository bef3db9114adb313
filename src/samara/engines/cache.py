"""Converted networks on disk, so that only the first start of an engine is slow.

An entry is a folder with files and a seal, their sizes and checksums; it appears complete or not at all, and one that
does not match its seal is made again. The place is the user's cache directory, or SAMARA_CACHE; everything in it can be
deleted at any time.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs

from samara.errors import OutputError
from samara.system.files import make_folder

SEAL = "seal.json"
CHUNK_BYTES = 1 << 24


def cache_directory() -> Path:
    """Where converted networks and what doctor found lie: SAMARA_CACHE, or the user's cache directory."""
    home = os.environ.get("SAMARA_CACHE", "").strip()
    return Path(home).expanduser() if home else platformdirs.user_cache_path("samara") / "engines"


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of an entry, made if it is not there or damaged.

    Args:
        name: a folder's name that tells everything apart that the content depends on.
        make: writes the files into the empty folder that it is given.

    Raises:
        OutputError: the cache directory does not take it.
    """
    folder = cache_directory() / name
    if is_intact(folder):
        return folder
    make_folder(folder.parent, "set SAMARA_CACHE to one that can")
    try:
        made = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=folder.parent))
    except OSError as error:
        raise _unwritable(folder.parent, error) from error
    try:
        make(made)
        (made / SEAL).write_text(json.dumps(_contents(made)))
        if folder.exists() and not is_intact(folder):
            shutil.rmtree(folder, ignore_errors=True)
        # Another process may have been quicker; what it made is the same.
        with contextlib.suppress(FileExistsError):
            _rename(made, folder)
    except OSError as error:
        raise _unwritable(folder.parent, error) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def is_intact(folder: Path) -> bool:
    """Whether an entry is there and every file is as it was written."""
    try:
        sealed: Any = json.loads((folder / SEAL).read_text())  # Any: JSON
        return bool(sealed == _contents(folder))
    except (OSError, ValueError):
        return False


def _rename(made: Path, folder: Path) -> None:
    try:
        made.rename(folder)
    except OSError as error:
        if folder.exists():
            raise FileExistsError(folder) from error
        raise


def _contents(folder: Path) -> dict[str, list[int]]:
    """Size and CRC-32 of each file of an entry: against damage, not against malice."""
    return {path.name: [path.stat().st_size, _checksum(path)] for path in sorted(folder.iterdir()) if path.name != SEAL}


def _checksum(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            checksum = zlib.crc32(chunk, checksum)
    return checksum


def _unwritable(directory: Path, error: OSError) -> OutputError:
    return OutputError(
        f"the cache directory {directory} cannot be used: {error.strerror or error}; set SAMARA_CACHE to one that can"
    )
