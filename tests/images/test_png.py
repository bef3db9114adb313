"""PNG chunks after the pixels, found without reading them."""

from __future__ import annotations

import io

import pytest

from samara.images.png import has_late_metadata
from tests.images.encoding import PHOTO, encode, png, png_chunk

END = png_chunk(b"IEND", b"")


def with_late(chunk: bytes) -> bytes:
    return encode(PHOTO).removesuffix(END) + chunk + END


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (encode(PHOTO), False),
        (png(1, 1, rows=bytes(2), chunks=png_chunk(b"eXIf", b"early")), False),
        (with_late(png_chunk(b"eXIf", b"late")), True),
        (with_late(png_chunk(b"iTXt", b"late")), True),
        (with_late(png_chunk(b"tIME", bytes(7))), False),
        (encode(PHOTO)[:60], False),
        (b"", False),
        (encode(PHOTO)[:8] + b"\xff\xff\xff\xffIDAT", False),
    ],
)
def test_only_what_comes_after_the_pixels_counts(data, expected):
    stream = io.BytesIO(data)
    stream.seek(min(3, len(data)))
    assert has_late_metadata(stream) is expected
    assert stream.tell() == min(3, len(data))
