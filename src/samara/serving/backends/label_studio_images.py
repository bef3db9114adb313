"""Images of Label Studio's tasks: fetched from the one Label Studio that the user named, and from nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

import httpx

from samara.errors import ImageError, SettingsError
from samara.serving.addresses import is_web_address
from samara.serving.decoding import bytes_of_base64
from samara.serving.refusals import Refused, too_large

TIMEOUT_S = 30.0
MAX_REDIRECTS = 3
_PERSONAL_TOKEN_DOTS = 2  # a JSON Web Token has three parts
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class LabelStudioImages:
    """The images of one Label Studio.

    Attributes:
        address: its address; None if nobody named one, and tasks may contain images as data URIs alone.
        key: API key: a legacy token, or a personal access token.
        max_bytes: refuse larger images.

    Raises:
        SettingsError: the address is none of http or https.
    """

    address: str | None
    key: str | None
    max_bytes: int

    def __post_init__(self) -> None:
        if self.address is not None and not is_web_address(self.address):
            raise SettingsError(f"`label_studio_url` is {self.address!r:.200}; give an address of http or https")

    def fetch(self, address: str) -> bytes:
        """Fetch an image of a task: a data URI, an address below that of Label Studio, or a path there.

        Raises:
            Refused: it is elsewhere, or too large.
            ImageError: Label Studio does not give it.
        """
        if address.startswith("data:"):
            return bytes_of_base64(address)
        if self.address is None:
            raise _refused("images of tasks are fetched only if `label_studio_url` names Label Studio's address")
        target = self._own(address)
        try:
            with httpx.Client(timeout=TIMEOUT_S, headers=self._headers()) as client:
                return self._followed(client, target)
        except httpx.HTTPError as error:
            raise ImageError(f"{target!r:.200} cannot be fetched ({error!s:.100}); is Label Studio there?") from error

    def _followed(self, client: httpx.Client, target: str) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            with client.stream("GET", target) as response:
                if response.status_code in _REDIRECTS:
                    target = self._own(urljoin(target, response.headers.get("location", "")))
                    continue
                if response.status_code != HTTPStatus.OK:
                    remedy = "; check `label_studio_key`" if response.status_code in (401, 403) else ""
                    raise ImageError(f"Label Studio answers {response.status_code} for {target!r:.200}{remedy}")
                return self._body(response)
        raise ImageError(f"Label Studio redirects {target!r:.200} too often")

    def _own(self, address: str) -> str:
        """Return the whole address of something of Label Studio."""
        assert self.address is not None, "checked by the caller"
        try:
            target = urljoin(self.address.rstrip("/") + "/", address)
            is_own = is_web_address(target) and urlsplit(target)[:2] == urlsplit(self.address)[:2]
        except ValueError:  # of urljoin
            is_own = False
        if not is_own:
            raise _refused(f"the image {address!r:.100} is not at Label Studio's own address, and is not fetched")
        return target

    def _body(self, response: httpx.Response) -> bytes:
        parts, size = [], 0
        for part in response.iter_bytes():
            size += len(part)
            if size > self.max_bytes:
                raise too_large(self.max_bytes)
            parts.append(part)
        return b"".join(parts)

    def _headers(self) -> dict[str, str]:
        if not self.key:
            return {}
        if self.key.count(".") == _PERSONAL_TOKEN_DOTS:
            return {"Authorization": f"Bearer {self._access_token()}"}
        return {"Authorization": f"Token {self.key}"}

    def _access_token(self) -> str:
        """Exchange the personal access token for one of a few minutes."""
        response = httpx.post(self._own("/api/token/refresh"), json={"refresh": self.key}, timeout=TIMEOUT_S)
        try:
            return str(response.json()["access"])
        except (ValueError, LookupError, TypeError) as error:
            sentence = f"Label Studio refuses the personal access token ({response.status_code})"
            raise ImageError(f"{sentence}; check `label_studio_key`") from error


def _refused(sentence: str) -> Refused:
    return Refused(HTTPStatus.FORBIDDEN, sentence)
