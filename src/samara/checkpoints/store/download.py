"""Downloading one file over HTTPS: resumed, checked, and moved into place atomically. For checkpoints."""

from __future__ import annotations

import errno
import logging
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock
import httpx

from samara.checkpoints.store.partial_file import Expected, PartialFile
from samara.errors import ChecksumMismatch, DownloadFailed
from samara.system.digests import digest_files
from samara.system.progress import Progress

_log = logging.getLogger(__name__)

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Bytes after which the connection counts as working again, which resets the failure count.
_PROGRESS_BYTES = 8 << 20
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_REFUSED = frozenset({401, 403})


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Limits for retrying.

    Attributes:
        attempts: consecutive failures without progress after which to give up.
        first_wait_s: pause after the first failure; doubles with each further one, up to a minute.
        timeout_s: seconds without data after which a connection counts as dropped.
        sleep: function that waits; replaced in tests.
    """

    attempts: int = 6
    first_wait_s: float = 1.0
    timeout_s: float = 30.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, failures: int) -> None:
        """Pause after a number of consecutive failures, with jitter so that many clients spread out."""
        spread = random.uniform(0.75, 1.25)  # noqa: S311 - not a secret
        self.sleep(min(60.0, self.first_wait_s * 2 ** (failures - 1)) * spread)


class _DroppedError(Exception):
    """The transfer failed in a way that is worth retrying."""


def fetch(
    url: str,
    destination: Path,
    *,
    expected: Expected | None = None,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> None:
    """Download a file, or finish downloading it.

    A second process that needs the same file waits for the first.

    Args:
        url: https address; http only for localhost.
        destination: path of the file; its directory is created. An existing file is kept if it is as expected, and
            replaced otherwise.
        expected: size and digest to compare with.
        progress: called with the file's name, the bytes done and the total, 0 if the server does not state it.
        patience: how often and how long to try.

    Raises:
        DownloadFailed: the server does not deliver the file; the received part is kept for resuming.
        ChecksumMismatch: it delivers a different file, which is deleted.
    """
    _check_url(url)
    expected = expected or Expected()
    with _disk_problems(destination):
        destination.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(f"{destination}.lock"):
            if _is_complete(destination, expected):
                return
            part = PartialFile(url, destination, expected)
            _Transfer(url, destination, expected.size_bytes, part, progress, patience or Patience()).run()
            part.complete()


def _is_complete(destination: Path, expected: Expected) -> bool:
    """Return whether the file exists and matches everything that is known about it."""
    if not destination.is_file() or expected.size_bytes not in (None, destination.stat().st_size):
        return False
    return expected.digest is None or digest_files([destination], expected.digest[0]) == expected.digest[1]


def _check_url(url: str) -> None:
    parsed = httpx.URL(url)
    if parsed.scheme != "https" and not (parsed.scheme == "http" and parsed.host in _LOOPBACK):
        raise DownloadFailed(f"{url} is not an https address; checkpoints are downloaded over https only.")


@contextmanager
def _disk_problems(destination: Path) -> Iterator[None]:
    try:
        yield
    except (DownloadFailed, ChecksumMismatch):
        raise
    except OSError as problem:
        if problem.errno == errno.ENOSPC:
            raise DownloadFailed(_disk_full(destination)) from problem
        reason = problem.strerror or problem
        raise DownloadFailed(f"{destination} cannot be written: {reason}; choose another directory.") from problem


def _disk_full(destination: Path) -> str:
    return (
        f"The disk is full: {destination.name} does not fit into {destination.parent}; free space, or choose another "
        "directory with SAMARA_HOME. The received part is kept."
    )


class _Transfer:
    """The HTTP side of one download: sends requests until the file is complete."""

    def __init__(
        self,
        url: str,
        destination: Path,
        size_bytes: int | None,
        part: PartialFile,
        progress: Progress | None,
        patience: Patience,
    ) -> None:
        self._url = url
        self._destination = destination
        self._size_bytes = size_bytes
        self._part = part
        self._progress = progress
        self._patience = patience

    def run(self) -> None:
        """Download the missing bytes.

        Raises:
            DownloadFailed: see `fetch`.
        """
        failures, mark = 0, self._part.done_bytes
        while self._size_bytes is None or self._part.done_bytes < self._size_bytes:
            try:
                return self._attempt()
            except (_DroppedError, httpx.TransportError) as problem:
                if self._part.done_bytes - mark >= _PROGRESS_BYTES:
                    failures, mark = 0, self._part.done_bytes
                failures += 1
                if failures >= self._patience.attempts:
                    raise DownloadFailed(self._gave_up(problem)) from problem
                _log.warning(
                    "%s; trying again, attempt %d of %d", _told(problem), failures + 1, self._patience.attempts
                )
                self._patience.wait(failures)

    def _gave_up(self, problem: Exception) -> str:
        done = self._part.done_bytes
        kept = f" {done:,} bytes are kept: run again to resume." if done else ""
        reason = _told(problem)
        return f"{self._url} could not be downloaded in {self._patience.attempts} attempts ({reason}).{kept}"

    def _attempt(self) -> None:
        hooks = {"request": [lambda request: _check_url(str(request.url))]}
        timeout = httpx.Timeout(self._patience.timeout_s)
        with httpx.Client(timeout=timeout, follow_redirects=True, event_hooks=hooks) as client:
            try:
                with client.stream("GET", self._url, headers=self._headers()) as response:
                    self._receive(response)
            except httpx.TooManyRedirects as problem:
                raise DownloadFailed(f"{self._url} redirects in a loop; download it with a browser.") from problem

    def _headers(self) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity", "User-Agent": "samara"}
        if self._part.done_bytes:
            headers["Range"] = f"bytes={self._part.done_bytes}-"
            if self._part.tag is not None:
                headers["If-Range"] = self._part.tag
        return headers

    def _receive(self, response: httpx.Response) -> None:
        if response.status_code == 416:
            return self._range_refused(response)
        self._check_answer(response)
        if response.status_code == 200 and self._part.done_bytes:
            # The server ignores ranges, or now has another version.
            self._part.start_over()
        if response.status_code == 206 and _range_start(response) != self._part.done_bytes:
            self._part.start_over()
            raise _DroppedError("the server sent a different range than requested")
        total = self._offered_bytes(response)
        self._check_offer(total)
        self._part.remember_tag(response.headers.get("ETag"))
        # Without a chunk size, since httpx would buffer a whole chunk and lose it if the connection drops.
        for done in self._part.append(response.iter_raw()):
            if self._progress is not None:
                self._progress(self._destination.name, done, total or 0)
        if total is not None and self._part.done_bytes < total:
            raise _DroppedError(f"the connection ended after {self._part.done_bytes:,} of {total:,} bytes")

    def _range_refused(self, response: httpx.Response) -> None:
        """Handle status 416: the part is the whole file, or of another version."""
        total = response.headers.get("Content-Range", "").rpartition("/")[2]
        if not (total.isdecimal() and int(total) == self._part.done_bytes):
            self._part.start_over()
            raise _DroppedError("the server refused to resume")

    def _check_answer(self, response: httpx.Response) -> None:
        status = response.status_code
        by_hand = f"download the file with a browser and save it as {self._destination}."
        if status in _BUSY:
            raise _DroppedError(f"the server answers {status}")
        if status in _REFUSED:
            raise DownloadFailed(f"{self._url} answers {status}: it requires an account, or denies access; {by_hand}")
        if status not in (200, 206):
            raise DownloadFailed(f"{self._url} answers {status} instead of the file; {by_hand}")
        if "html" in response.headers.get("Content-Type", ""):
            raise DownloadFailed(f"{self._url} answers with a web page (a login form, or an error); {by_hand}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise DownloadFailed(f"{self._url} sends the file compressed despite the request header; {by_hand}")

    def _offered_bytes(self, response: httpx.Response) -> int | None:
        """Return the length of the whole file as stated by the server, or else by the catalogue."""
        whole = response.headers.get("Content-Range", "").rpartition("/")[2]
        rest = response.headers.get("Content-Length", "")
        if whole.isdecimal():
            return int(whole)
        return self._part.done_bytes + int(rest) if rest.isdecimal() else self._size_bytes

    def _check_offer(self, total: int | None) -> None:
        if total is None:
            return
        if self._size_bytes is not None and total != self._size_bytes:
            self._part.start_over()
            raise ChecksumMismatch(
                f"{self._url} offers {total:,} bytes, but the catalogue states {self._size_bytes:,}; nothing was kept. "
                "The file was replaced at its source, or a proxy answers in its place."
            )
        if shutil.disk_usage(self._destination.parent).free < total - self._part.done_bytes:
            raise DownloadFailed(_disk_full(self._destination))


def _told(problem: Exception) -> str:
    return str(problem) or type(problem).__name__


def _range_start(response: httpx.Response) -> int | None:
    first = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdecimal() else None
