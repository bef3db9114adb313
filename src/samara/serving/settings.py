"""Settings of the server.

Importing this loads neither torch nor FastAPI, which keeps the command line's help fast.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from samara.errors import SettingsError

ONLY_THIS_MACHINE = "127.0.0.1"
_LOOPBACK = (ONLY_THIS_MACHINE, "localhost", "::1")


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """Where the server listens, and its limits.

    Attributes:
        host: listen at this address; 0.0.0.0 makes the server reachable from other machines, with its token.
        port: listen at this port, 0 for any free one.
        token: require this token; None for a random one, which is kept for the next start on the same store.
        allowed_hosts: answer requests for these names of this machine too, if it is reached through a proxy or a name.
        max_upload_mb: refuse larger requests, in MB.
        max_megapixels: refuse larger images, in megapixels.
        max_prompts: refuse requests with more points and boxes.
        max_waiting: refuse requests of a kind while this many are waiting.
        timeout_s: give up after this many seconds.
        embedding_cache: keep image embeddings in this folder; None for the user's cache.
        embedding_cache_gb: limit that folder to this size, in GB; the least recently used go first.
        label_studio_url: fetch images of Label Studio's tasks from this address, and from no other; None for
            LABEL_STUDIO_URL.
        label_studio_key: use this API key there; None for LABEL_STUDIO_API_KEY.

    Raises:
        SettingsError: a number is not positive, or the token is short.
    """

    host: str = ONLY_THIS_MACHINE
    port: int = 8421
    token: str | None = None
    allowed_hosts: Sequence[str] = ()
    max_upload_mb: float = 64.0
    max_megapixels: float = 100.0
    max_prompts: int = 256
    max_waiting: int = 64
    timeout_s: float = 300.0
    embedding_cache: str | os.PathLike[str] | None = None
    embedding_cache_gb: float = 4.0
    label_studio_url: str | None = None
    label_studio_key: str | None = None

    def __post_init__(self) -> None:
        for name in ("max_upload_mb", "max_megapixels", "max_prompts", "max_waiting", "timeout_s"):
            if not getattr(self, name) > 0:
                raise SettingsError(f"`{name}` is {getattr(self, name)}; give a number above 0")
        if not 0 <= self.port < 1 << 16:
            raise SettingsError(f"`port` is {self.port}; give a number from 0 to 65535")
        if self.token is not None and len(self.token) < MIN_TOKEN:
            raise SettingsError(f"`token` has {len(self.token)} characters; give at least {MIN_TOKEN}, or leave it out")

    @property
    def is_exposed(self) -> bool:
        """Whether other machines can reach the server."""
        return self.host not in _LOOPBACK

    @property
    def max_upload_bytes(self) -> int:
        """Largest request in bytes."""
        return int(self.max_upload_mb * 1e6)

    @property
    def max_pixels(self) -> int:
        """Largest image in pixels."""
        return int(self.max_megapixels * 1e6)


MIN_TOKEN = 16
