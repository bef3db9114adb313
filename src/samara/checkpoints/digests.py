"""Digests of files: which one a checkpoint can be checked by, and computing it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal, Protocol

from samara.checkpoints.folders import files_of
from samara.checkpoints.record import Checkpoint

Algorithm = Literal["sha256", "git_blob_sha1", "md5"]

_BLOCK_BYTES = 1 << 20


class Hasher(Protocol):
    """What hashlib gives."""

    def update(self, data: bytes, /) -> None:
        """Take in more of the file."""

    def hexdigest(self) -> str:
        """Return the digest of what was taken in."""


def known_digest(checkpoint: Checkpoint) -> tuple[Algorithm, str] | None:
    """Return the strongest digest that the catalogue knows of a checkpoint's file; None if it knows none."""
    if checkpoint.sha256 is not None:
        return "sha256", checkpoint.sha256
    if checkpoint.git_blob_sha1 is not None:
        return "git_blob_sha1", checkpoint.git_blob_sha1
    if checkpoint.md5 is not None:
        return "md5", checkpoint.md5
    return None


def new_hasher(algorithm: Algorithm, size_bytes: int) -> Hasher:
    """Start a digest of a file of `size_bytes` (git puts the size in front of the content)."""
    if algorithm == "sha256":
        return hashlib.sha256()
    if algorithm == "md5":
        return hashlib.md5(usedforsecurity=False)
    hasher = hashlib.sha1(usedforsecurity=False)
    hasher.update(b"blob %d\x00" % size_bytes)
    return hasher


def digest_file(path: Path, algorithm: Algorithm) -> str:
    """Compute a digest of a whole checkpoint, as lower-case hexadecimal digits; of several files, one behind the other.

    Raises:
        MalformedFileError, UnsafeCheckpoint: it is a folder or index that is none, see `folders.read_index`.
    """
    files = files_of(path) if path.is_dir() or path.suffix == ".json" else (path,)
    hasher = new_hasher(algorithm, sum(file.stat().st_size for file in files))
    for one in files:
        with one.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                hasher.update(block)
    return hasher.hexdigest()
