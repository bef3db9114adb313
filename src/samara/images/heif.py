"""HEIC photos of phones, with pillow-heif (extra `heif`) where it is installed.

Its plugin is asked directly: registering it with Pillow would change every other reader of the process.
"""

from __future__ import annotations

from typing import IO

from PIL import ImageFile

from samara.system.extras import is_installed

# Codings in HEIF's container; AVIF shares the container and is Pillow's own.
_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}


def is_heif(head: bytes) -> bool:
    """Whether a file that begins with these bytes is a HEIC photo."""
    if head[4:8] != b"ftyp":
        return False
    length = min(int.from_bytes(head[:4], "big"), len(head))
    return bool({head[8:12], *(head[at : at + 4] for at in range(16, length, 4))} & _BRANDS)


def is_readable() -> bool:
    """Whether pillow-heif is installed."""
    return is_installed("pillow_heif")


def open_heif(stream: IO[bytes]) -> ImageFile.ImageFile:
    """Read the header of a HEIC photo; of several images the file's own first choice is in front."""
    from pillow_heif import HeifImageFile

    stream.seek(0)
    image: ImageFile.ImageFile = HeifImageFile(stream, "")
    return image
