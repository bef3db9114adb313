"""Tags of TIFFs of both byte orders and sizes; directories that lie."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from samara.errors import ImageError
from samara.images.failures import DECODER_FAILURES
from samara.images.tiff_pages import Page, choose_page, is_tiff, read_pages
from tests.images.encoding import PHOTO, encode, tiff

WIDTH, HEIGHT, BITS, NODATA = 256, 257, 258, 42113
PLAIN = encode(PHOTO, "TIFF", tiffinfo={NODATA: "-9999"})


def big(order, width, height):
    """A BigTIFF of tags alone."""
    entries = b"".join(
        struct.pack(f"{order}HHQ", tag, 3, 1) + struct.pack(f"{order}H", value).ljust(8, b"\0")
        for tag, value in ((WIDTH, width), (HEIGHT, height))
    )
    head = (b"II+\0" if order == "<" else b"MM\0+") + struct.pack(f"{order}HHQ", 8, 0, 16)
    return head + struct.pack(f"{order}Q", 2) + entries + struct.pack(f"{order}Q", 0)


def test_what_tags_say():
    (page,) = read_pages(io.BytesIO(PLAIN))
    assert page.size_hw == (9, 7)
    assert (page.samples, page.bits, page.orientation) == (3, 8, 1)
    assert page.text(NODATA) == "-9999"
    assert page.numbers(NODATA) == ()
    assert not page.has_holes


@pytest.mark.parametrize("order", ["<", ">"])
def test_byte_orders_and_big_ones(order):
    (page,) = read_pages(io.BytesIO(tiff({WIDTH: (3, 70), HEIGHT: (4, 50), BITS: (3, (16, 16, 16))}, b"", order)))
    assert (page.size_hw, page.bits) == ((50, 70), 16)
    (page,) = read_pages(io.BytesIO(big(order, 70, 50)))
    assert page.size_hw == (50, 70)
    assert is_tiff(big(order, 1, 1))


def test_pages():
    stream = io.BytesIO()
    frames = [Image.fromarray(PHOTO[: 3 + at]) for at in range(3)]
    frames[0].save(stream, "TIFF", save_all=True, append_images=frames[1:])
    pages = read_pages(stream)
    assert [(page.number, page.size_hw) for page in pages] == [(0, (3, 7)), (1, (4, 7)), (2, (5, 7))]
    with pytest.raises(ImageError, match="has 3 frames or pages"):
        choose_page(pages, "'a.tif'", None)
    assert choose_page(pages, "'a.tif'", 2) is pages[2]
    with pytest.raises(ImageError, match="no frame 3; it has 3"):
        choose_page(pages, "'a.tif'", 3)


@pytest.mark.parametrize("kind", [{254: (1,)}, {254: (4,)}, {254: (5,)}, {255: (2,)}])
def test_copies_and_masks_are_no_images(kind):
    pages = [Page(0, {}), Page(1, kind)]
    assert choose_page(pages, "'a.tif'", None) is pages[0]
    with pytest.raises(ImageError, match="thumbnail"):
        choose_page(pages[1:], "'a.tif'", None)


def test_pages_that_go_round_in_a_circle():
    data = bytearray(tiff({WIDTH: (3, 7), HEIGHT: (3, 9)}, b""))
    (first,) = struct.unpack_from("<I", data, 4)
    data[-4:] = struct.pack("<I", first)
    with pytest.raises(SyntaxError, match="cyclic"):
        read_pages(io.BytesIO(data))


def test_tags_longer_than_the_file():
    data = bytearray(tiff({WIDTH: (3, 7), HEIGHT: (3, 9), BITS: (3, (8, 8, 8))}, b""))
    at = data.index(struct.pack("<HHI", BITS, 3, 3))
    struct.pack_into("<I", data, at + 4, 1 << 30)
    with pytest.raises(ValueError, match="longer than the file"):
        read_pages(io.BytesIO(data))


@given(st.integers(0, len(PLAIN) - 1), st.binary(min_size=1, max_size=9))
def test_damage_is_one_of_the_failures_that_are_told(place, junk):
    data = bytearray(PLAIN)
    data[place : place + len(junk)] = junk
    try:
        pages = read_pages(io.BytesIO(data))
    except DECODER_FAILURES:
        return
    assert all(np.isfinite(page.size_hw).all() for page in pages)
