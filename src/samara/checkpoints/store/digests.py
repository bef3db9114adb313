"""Digests of checkpoints: choosing the strongest known one, and computing it."""

from __future__ import annotations

from pathlib import Path

from samara.checkpoints.reading.folders import files_of
from samara.checkpoints.record import Checkpoint
from samara.system.digests import Algorithm, digest_files


def known_digest(checkpoint: Checkpoint) -> tuple[Algorithm, str] | None:
    """Return the strongest digest in the catalogue for a checkpoint's file; None if there is none."""
    if checkpoint.sha256 is not None:
        return "sha256", checkpoint.sha256
    if checkpoint.git_blob_sha1 is not None:
        return "git_blob_sha1", checkpoint.git_blob_sha1
    if checkpoint.md5 is not None:
        return "md5", checkpoint.md5
    if checkpoint.xxh128 is not None:
        return "xxh128", checkpoint.xxh128
    return None


def digest_checkpoint(path: Path, algorithm: Algorithm) -> str:
    """Compute the digest of a checkpoint: a file, or a folder or index of several.

    Raises:
        MalformedFileError, UnsafeCheckpoint: it is an invalid folder or index, see `folders.read_index`.
    """
    return digest_files(files_of(path) if path.is_dir() or path.suffix == ".json" else [path], algorithm)
