"""Base64 of requests."""

from __future__ import annotations

import base64
import binascii

from samara.errors import ImageError

_DATA_URI = "data:"


def bytes_of_base64(text: str) -> bytes:
    """Return the bytes of a Base64 text, which may be a data URI.

    Raises:
        ImageError: it is neither.
    """
    if text.startswith(_DATA_URI):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            raise ImageError("the image is a data URI without Base64; send `data:image/png;base64,...`")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError(f"the image is no Base64 ({error}); encode the bytes of its file") from error
