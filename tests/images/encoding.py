"""Images to read, written by real encoders."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
from PIL import Image

# Every value differs from its neighbours', and no symmetry hides a wrong turn.
PHOTO = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)


def encode(pixels, format="PNG", **options) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    stream = io.BytesIO()
    image.save(stream, format=format, **options)
    return stream.getvalue()


def encode_with_cv2(pixels: np.ndarray, extension: str, *options: int) -> bytes:
    """For 16-bit colours, which Pillow cannot write; takes RGB(A)."""
    order = [2, 1, 0, 3][: pixels.shape[2]] if pixels.ndim == 3 else slice(None)
    return cv2.imencode(extension, pixels[..., order], options)[1].tobytes()


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(
    width: int, height: int, *, bits: int = 8, colour_type: int = 0, rows: bytes = b"", chunks: bytes = b""
) -> bytes:
    """A PNG with any header, and `rows` (filter bytes included) as its pixels."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + chunks
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )


def tiff(tags: dict[int, tuple[int, int | tuple[int, ...]]], strip: bytes, order: str = "<") -> bytes:
    """A TIFF of one strip from {tag: (type 1, 3 or 4, value or values)}; the strip's own tags are added."""
    size = {1: "B", 3: "H", 4: "I"}
    entries = {**tags, 273: (4, 8), 279: (4, len(strip))}
    body = bytearray((b"II*\x00" if order == "<" else b"MM\x00*") + bytes(4) + strip)
    directory = b""
    for tag, (kind, value) in sorted(entries.items()):
        values = value if isinstance(value, tuple) else (value,)
        packed = struct.pack(f"{order}{len(values)}{size[kind]}", *values)
        if len(packed) > 4:
            offset = struct.pack(f"{order}I", len(body))
            body.extend(packed)
            packed = offset
        directory += struct.pack(f"{order}HHI", tag, kind, len(values)) + packed.ljust(4, b"\x00")
    struct.pack_into(f"{order}I", body, 4, len(body))
    return bytes(body) + struct.pack(f"{order}H", len(entries)) + directory + bytes(4)
