"""A file that is on its way: what has arrived, the server's version tag, the digest so far. Knows no network.

It lies beside its destination as `<file>.part`, with `<file>.part.json`, and takes the destination's place
in one step when it is complete and right; so the destination is never a half or a wrong file.
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
    """What is known of a file before it is fetched; None where nothing is."""

    size_bytes: int | None = None
    digest: tuple[Algorithm, str] | None = None


class PartialFile:
    """The part of `destination` that has arrived.

    Attributes:
        done_bytes: how much of it there is.
        tag: the server's ETag for the version that the part belongs to; None if it gave none.
    """

    def __init__(self, url: str, destination: Path, expected: Expected) -> None:
        """Take up what an earlier attempt left, if there is something to tell later whether it fits."""
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
        """Throw away what has arrived."""
        self._part.unlink(missing_ok=True)
        self._tag_file.unlink(missing_ok=True)
        self.tag = None
        self.done_bytes = 0
        self._hasher = self._new_hasher()

    def remember_tag(self, tag: str | None) -> None:
        """Note the version that the server sends; weak tags do not promise equal bytes and are not kept."""
        if tag is None or tag.startswith("W/"):
            return
        self.tag = tag
        self._tag_file.write_text(json.dumps({"url": self._url, "etag": tag}), encoding="utf-8")

    def append(self, blocks: Iterable[bytes]) -> Iterator[int]:
        """Write blocks as they come, and yield the bytes that are there after each.

        Raises:
            ChecksumMismatch: more comes than the file has; what arrived is thrown away.
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
        """Check what has arrived, as far as a digest is known, and move it to its destination.

        Raises:
            ChecksumMismatch: the digest is another one; what arrived is thrown away.
        """
        if self._expected.digest is not None:
            algorithm, wanted = self._expected.digest
            hasher = self._hasher
            found = hasher.hexdigest() if hasher is not None else digest_files([self._part], algorithm)
            if found != wanted:
                self.start_over()
                raise ChecksumMismatch(
                    f"What {self._url} sent has the {algorithm} {found}, the catalogue states {wanted}; "
                    "it was thrown away. Try again; if it stays so, the file was replaced at its source."
                )
        os.replace(self._part, self._destination)
        self._tag_file.unlink(missing_ok=True)
        _sync_directory(self._destination.parent)

    def _check_length(self) -> None:
        size = self._expected.size_bytes
        if size is not None and self.done_bytes > size:
            self.start_over()
            raise ChecksumMismatch(
                f"{self._url} sends more than the {size:,} bytes of the catalogue; they were thrown away."
            )

    def _new_hasher(self) -> Hasher | None:
        digest, size = self._expected.digest, self._expected.size_bytes
        # A git object id begins with the size: where that is unknown, the digest is computed at the end.
        if digest is None or (digest[0] == "git_blob_sha1" and size is None):
            return None
        return new_hasher(digest[0], size or 0)

    def _digest_what_is_there(self) -> None:
        """Once; what comes is digested as it comes, so that nothing is read a second time at the end."""
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
    """Make the renaming survive a power cut; Windows has no such call and needs none."""
    if os.name == "posix":  # pragma: no branch - Windows
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
