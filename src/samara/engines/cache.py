"""On-disk cache of converted networks, so that only the first start of an engine is slow.

An entry is a folder with files and a seal of their sizes and checksums; it appears atomically, and is rebuilt if it
does not match its seal. The cache is in the user's cache directory, or SAMARA_CACHE; everything in it can be deleted at
any time.
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
    """Return the folder of converted networks and doctor's findings: SAMARA_CACHE, or the user's cache directory."""
    home = os.environ.get("SAMARA_CACHE", "").strip()
    return Path(home).expanduser() if home else platformdirs.user_cache_path("samara") / "engines"


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """Return the folder of an entry, building it if missing or damaged.

    Args:
        name: folder name that covers everything the content depends on.
        make: function that writes the files into an empty folder.

    Raises:
        OutputError: the cache directory cannot be written.
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
        # Another process may have been faster; its result is the same.
        with contextlib.suppress(FileExistsError):
            _rename(made, folder)
    except OSError as error:
        raise _unwritable(folder.parent, error) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def is_intact(folder: Path) -> bool:
    """Return whether an entry exists and every file is unchanged."""
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
    """Return size and CRC-32 of each file of an entry: protection against damage, not against attacks."""
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
