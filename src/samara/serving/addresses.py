"""What an address of the web is, judged before anything is asked."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx


def is_web_address(text: str) -> bool:
    """Return whether a text is an address of http or https with a host, of which a request can be made."""
    try:
        parts = urlsplit(text)
        httpx.URL(text)  # stricter: no control characters, no more than 65,536 characters
    except (ValueError, httpx.InvalidURL):
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
