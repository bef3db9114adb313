"""Downloading single images: over http and https only, with a limit of bytes, and only when somebody allowed it."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import httpx

from samara.errors import ImageError
from samara.images.names import is_image_suffix
from samara.system.files import durable_file, make_folder

MAX_BYTES = 512 << 20
"""The largest image that is downloaded."""

_SCHEMES = ("http", "https")
_ATTEMPTS = 3
_TIMEOUT_S = 30.0
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_SUFFIX_OF = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/tiff": ".tif",
    "image/gif": ".gif",
    "image/bmp": ".bmp",
    "image/avif": ".avif",
    "image/heic": ".heic",
}
_ODD = re.compile(r"[^\w.+-]+")
_LONGEST = 80

_log = logging.getLogger(__name__)


def is_address(name: str) -> bool:
    """Return whether a name is a URL."""
    return "://" in name


def place_of_address(url: str) -> Path:
    """Return where an image is kept, relative to the folder of downloads: by host and path, so that names tell it.

    Raises:
        ImageError: the URL is not one of http or https with a host.
    """
    parsed = urlsplit(url)
    if parsed.scheme.lower() not in _SCHEMES or not parsed.hostname:
        raise ImageError(f"{url} is not an address of http or https; images are downloaded from such addresses only.")
    parts = [_ODD.sub("_", part)[-_LONGEST:] for part in PurePosixPath(unquote(parsed.path)).parts]
    parts = [part for part in parts if part.strip("._")] or ["image"]
    if parsed.query:  # the same path with another query is another image
        stem, suffix = PurePosixPath(parts[-1]).stem, PurePosixPath(parts[-1]).suffix
        parts[-1] = f"{stem}-{hashlib.sha256(parsed.query.encode()).hexdigest()[:8]}{suffix}"
    return Path(_ODD.sub("_", parsed.netloc.rpartition("@")[2]), *parts)


def found_download(url: str, folder: Path) -> Path | None:
    """Return the file of an image that was downloaded before; None if it was not.

    Raises:
        ImageError: see `place_of_address`.
    """
    place = folder / place_of_address(url)
    ends = [""] if is_image_suffix(place.name) else _SUFFIX_OF.values()
    return next((one for end in ends if (one := place.with_name(place.name + end)).is_file()), None)


def download_image(
    url: str, folder: Path, *, max_bytes: int = MAX_BYTES, sleep: Callable[[float], None] = time.sleep
) -> Path:
    """Download an image; a busy server or a dropped connection is tried again twice, which is logged as a warning.

    Args:
        url: address of http or https; redirects to other kinds of addresses are refused.
        folder: folder of downloads; the file is in a folder for the host, under its path there.
        max_bytes: larger files are refused.
        sleep: waits; replaced in tests.

    Returns:
        Path of the file.

    Raises:
        ImageError: the address is refused, the server does not deliver an image, or it is too large.
        OutputError: the file cannot be written.
    """
    place = folder / place_of_address(url)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _attempt(url, place, max_bytes)
        except httpx.TransportError as problem:
            if attempt == _ATTEMPTS:
                reason = str(problem) or type(problem).__name__
                raise ImageError(f"{url} could not be downloaded in {_ATTEMPTS} attempts ({reason}).") from problem
            _log.warning("%s: %s; trying again, attempt %d of %d", url, problem, attempt + 1, _ATTEMPTS)
            sleep(2.0 ** (attempt - 1))
    raise AssertionError  # the loop returns or raises


def _attempt(url: str, place: Path, max_bytes: int) -> Path:
    hooks = {"request": [lambda request: place_of_address(str(request.url))]}
    try:
        with (
            httpx.Client(timeout=_TIMEOUT_S, follow_redirects=True, event_hooks=hooks) as client,
            client.stream("GET", url, headers={"User-Agent": "samara"}) as response,
        ):
            _check_answer(url, response, max_bytes)
            target = _with_suffix(url, place, response.headers.get("Content-Type", ""))
            make_folder(target.parent)
            with durable_file(target) as partial, partial.open("wb") as file:
                received = 0
                for data in response.iter_bytes():
                    received += len(data)
                    _check_size(url, received, max_bytes)
                    file.write(data)
            return target
    except httpx.UnsupportedProtocol as problem:
        raise ImageError(f"{url} redirects to an address that is not of http or https; not followed.") from problem
    except (httpx.TooManyRedirects, httpx.InvalidURL, httpx.DecodingError) as problem:
        raise ImageError(f"{url} cannot be downloaded ({problem}); download it with a browser.") from problem


def _check_answer(url: str, response: httpx.Response, max_bytes: int) -> None:
    if response.status_code in _BUSY:
        raise httpx.ReadError(f"the server answers {response.status_code}")
    if response.status_code != 200:
        raise ImageError(f"{url} answers {response.status_code} instead of an image; check the address.")
    length = response.headers.get("Content-Length", "")
    if length.isdecimal():
        _check_size(url, int(length), max_bytes)


def _check_size(url: str, size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise ImageError(f"{url} has more than {max_bytes:,} bytes, the most that is downloaded; download it by hand.")


def _with_suffix(url: str, place: Path, content_type: str) -> Path:
    """Return the path with the suffix of an image, by the server's word if the address has none."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith("text/"):
        raise ImageError(f"{url} answers with {kind} instead of an image; check the address.")
    if is_image_suffix(place.name):
        return place
    if kind not in _SUFFIX_OF:
        raise ImageError(f"{url} is no image by its name, nor by its type, {kind or 'which is not stated'}.")
    return place.with_name(place.name + _SUFFIX_OF[kind])
