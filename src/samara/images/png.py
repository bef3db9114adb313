"""A PNG pitfall: metadata may follow the pixels."""

from __future__ import annotations

import struct
from typing import IO

_SIGNATURE_BYTES = 8
_CHECKSUM_BYTES = 4
# Chunks in which Pillow finds an orientation: EXIF, EXIF as text, and XMP.
_METADATA = {b"eXIf", b"tEXt", b"zTXt", b"iTXt"}


def has_late_metadata(stream: IO[bytes]) -> bool:
    """Return whether a chunk that may state the orientation follows the first pixel chunk.

    Chunks are skipped, not read.

    Args:
        stream: The whole file; its position is preserved.
    """
    position = stream.tell()
    try:
        return _walk(stream)
    finally:
        stream.seek(position)


def _walk(stream: IO[bytes]) -> bool:
    stream.seek(_SIGNATURE_BYTES)
    pixels_seen = False
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        pixels_seen = pixels_seen or kind == b"IDAT"
        if pixels_seen and kind in _METADATA:
            return True
        stream.seek(length + _CHECKSUM_BYTES, 1)
    return False
