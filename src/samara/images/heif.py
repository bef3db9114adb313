"""HEIC photos, with pillow-heif (extra `heif`) if installed.

Its plugin is called directly: registering it with Pillow would affect every other reader in the process.
"""

from __future__ import annotations

from typing import IO

from PIL import ImageFile

from samara.system.extras import is_installed

# Codecs in the HEIF container; AVIF shares the container and is read by Pillow.
_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}


def is_heif(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is a HEIC photo."""
    if head[4:8] != b"ftyp":
        return False
    length = min(int.from_bytes(head[:4], "big"), len(head))
    return bool({head[8:12], *(head[at : at + 4] for at in range(16, length, 4))} & _BRANDS)


def is_readable() -> bool:
    """Return whether pillow-heif is installed."""
    return is_installed("pillow_heif")


def open_heif(stream: IO[bytes]) -> ImageFile.ImageFile:
    """Read the header of a HEIC photo; of several images the primary one is selected."""
    from pillow_heif import HeifImageFile

    stream.seek(0)
    image: ImageFile.ImageFile = HeifImageFile(stream, "")
    return image
