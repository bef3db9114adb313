"""Digests of files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

Algorithm = Literal["sha256", "git_blob_sha1", "md5", "xxh128"]

_BLOCK_BYTES = 1 << 20


class Hasher(Protocol):
    """The interface of hashlib's objects."""

    def update(self, data: bytes, /) -> None:
        """Add more data."""

    def hexdigest(self) -> str:
        """Return the digest of the data so far."""


def new_hasher(algorithm: Algorithm, size_bytes: int) -> Hasher:
    """Start a digest of a file of `size_bytes` (git puts the size in front of the content)."""
    if algorithm == "sha256":
        return hashlib.sha256()
    if algorithm == "md5":
        return hashlib.md5(usedforsecurity=False)
    if algorithm == "xxh128":
        import xxhash  # here, because few files need it

        return xxhash.xxh128()
    hasher = hashlib.sha1(usedforsecurity=False)
    hasher.update(b"blob %d\x00" % size_bytes)
    return hasher


def digest_files(files: Sequence[Path], algorithm: Algorithm) -> str:
    """Compute the digest of a file, or of several concatenated, as lower-case hexadecimal digits."""
    hasher = new_hasher(algorithm, sum(file.stat().st_size for file in files))
    for one in files:
        with one.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                hasher.update(block)
    return hasher.hexdigest()
