"""A partially downloaded file: the received bytes, the server's version tag, the digest so far. No networking.

It is stored next to its destination as `<file>.part`, with `<file>.part.json`, and is moved there atomically once
complete and verified, so the destination is never a partial or wrong file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from samara.errors import ChecksumMismatch
from samara.system.digests import Algorithm, Hasher, digest_files, new_hasher

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What is known about a file before the download; None for unknown facts."""

    size_bytes: int | None = None
    digest: tuple[Algorithm, str] | None = None


class PartialFile:
    """The received part of `destination`.

    Attributes:
        done_bytes: number of bytes received.
        tag: the server's ETag for the version that the part belongs to; None if it sent none.
    """

    def __init__(self, url: str, destination: Path, expected: Expected) -> None:
        """Continue an earlier attempt's part, if its version can be checked later."""
        self._url = url
        self._destination = destination
        self._expected = expected
        self._part = destination.with_name(f"{destination.name}.part")
        self._tag_file = destination.with_name(f"{destination.name}.part.json")
        self.tag = self._read_tag()
        self.done_bytes = self._part.stat().st_size if self._part.is_file() else 0
        self._hasher = self._new_hasher()
        size = expected.size_bytes
        can_tell = expected.digest is not None or self.tag is not None
        if self.done_bytes and can_tell and (size is None or self.done_bytes <= size):
            self._digest_what_is_there()
        else:
            self.start_over()

    def start_over(self) -> None:
        """Delete the received part."""
        self._part.unlink(missing_ok=True)
        self._tag_file.unlink(missing_ok=True)
        self.tag = None
        self.done_bytes = 0
        self._hasher = self._new_hasher()

    def remember_tag(self, tag: str | None) -> None:
        """Store the version tag of the server; weak tags do not guarantee equal bytes and are ignored."""
        if tag is None or tag.startswith("W/"):
            return
        self.tag = tag
        self._tag_file.write_text(json.dumps({"url": self._url, "etag": tag}), encoding="utf-8")

    def append(self, blocks: Iterable[bytes]) -> Iterator[int]:
        """Write blocks as they arrive, and yield the bytes received after each.

        Raises:
            ChecksumMismatch: more data arrives than the file has; the part is deleted.
        """
        with self._part.open("ab") as file:
            try:
                for block in blocks:
                    file.write(block)
                    self.done_bytes += len(block)
                    if self._hasher is not None:
                        self._hasher.update(block)
                    if self._expected.size_bytes is not None and self.done_bytes > self._expected.size_bytes:
                        break
                    yield self.done_bytes
            finally:
                file.flush()
                os.fsync(file.fileno())
        self._check_length()

    def complete(self) -> None:
        """Verify the file, as far as a digest is known, and move it to its destination.

        Raises:
            ChecksumMismatch: the digest differs; the file is deleted.
        """
        if self._expected.digest is not None:
            algorithm, wanted = self._expected.digest
            hasher = self._hasher
            found = hasher.hexdigest() if hasher is not None else digest_files([self._part], algorithm)
            if found != wanted:
                self.start_over()
                raise ChecksumMismatch(
                    f"{self._url} sent a file with {algorithm} {found}, but the catalogue states {wanted}; it was "
                    "deleted. Try again; if the error persists, the file was replaced at its source."
                )
        os.replace(self._part, self._destination)
        self._tag_file.unlink(missing_ok=True)
        _sync_directory(self._destination.parent)

    def _check_length(self) -> None:
        size = self._expected.size_bytes
        if size is not None and self.done_bytes > size:
            self.start_over()
            raise ChecksumMismatch(f"{self._url} sends more than the catalogue's {size:,} bytes; they were deleted.")

    def _new_hasher(self) -> Hasher | None:
        digest, size = self._expected.digest, self._expected.size_bytes
        # A git object id hashes the size first: if that is unknown, the digest is computed at the end.
        if digest is None or (digest[0] == "git_blob_sha1" and size is None):
            return None
        return new_hasher(digest[0], size or 0)

    def _digest_what_is_there(self) -> None:
        """Digest the existing part once; new data is digested as it arrives, so nothing is read twice."""
        if self._hasher is not None:
            with self._part.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    self._hasher.update(block)

    def _read_tag(self) -> str | None:
        try:
            known = json.loads(self._tag_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        match known:
            case {"url": str() as url, "etag": str() as tag} if url == self._url:
                return tag
            case _:
                return None


def _sync_directory(directory: Path) -> None:
    """Make the rename survive a power cut; Windows has no such call and needs none."""
    if os.name == "posix":  # pragma: no branch - Windows
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
