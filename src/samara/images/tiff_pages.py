"""The pages of a TIFF and their tags, read whether or not a decoder supports them.

Source: Aldus, "TIFF Revision 6.0", 1992; Adobe, "TIFF Technical Note: BigTIFF".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from PIL.ExifTags import Base

from samara.errors import ImageError

# TIFF and BigTIFF, of either byte order.
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

STRIP_BYTES, TILE_BYTES, XMP = 279, 325, 700
PIXEL_SCALE, TIE_POINTS, TRANSFORMATION, GEO_KEYS, RATIONAL_POLYNOMIALS = 33550, 33922, 34264, 34735, 50844
GDAL_METADATA, GDAL_NODATA = 42112, 42113
_CR2_SLICES = 50752  # tag of Canon's raw files, whose first page is a preview
# No other tags are read: the rest can be anything, of any length.
TAGS = {
    *(Base.NewSubfileType, Base.SubfileType, Base.ImageWidth, Base.ImageLength, Base.BitsPerSample, Base.Compression),
    *(Base.PhotometricInterpretation, Base.Orientation, Base.SamplesPerPixel, Base.PlanarConfiguration, Base.ColorMap),
    *(Base.ExtraSamples, Base.SampleFormat, Base.DNGVersion, STRIP_BYTES, TILE_BYTES, XMP),
    *(PIXEL_SCALE, TIE_POINTS, TRANSFORMATION, GEO_KEYS, RATIONAL_POLYNOMIALS, GDAL_METADATA, GDAL_NODATA),
    _CR2_SLICES,
}
# Type in the file → `struct` format of a value, except texts. Rationals do not occur in the tags above.
_FORMATS = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q"}
_TEXT = 2

_REDUCED, _MASK = 1, 4  # bits of the tag NewSubfileType
_OLD_REDUCED = 2  # value of the tag SubfileType
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')


def is_tiff(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is a TIFF or BigTIFF."""
    return head[:4] in MAGIC


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        number: page number, from 0.
        tags: tag number → values or text.
    """

    number: int
    tags: Mapping[int, tuple[Any, ...] | str]  # Any: int or float

    def numbers(self, tag: int) -> tuple[Any, ...]:  # Any: int or float
        """Return the values of a tag; empty if missing."""
        values = self.tags.get(tag, ())
        return () if isinstance(values, str) else values

    def number_of(self, tag: int, default: int) -> int:
        """Return the first value of a tag."""
        return int((*self.numbers(tag), default)[0])

    def text(self, tag: int) -> str:
        """Return the text of a tag; empty if missing."""
        text = self.tags.get(tag, "")
        return text if isinstance(text, str) else ""

    @property
    def size_hw(self) -> tuple[int, int]:
        """(H, W) in pixels as stored, before rotation; 0 if not stated."""
        return self.number_of(Base.ImageLength, 0), self.number_of(Base.ImageWidth, 0)

    @property
    def is_copy_or_mask(self) -> bool:
        """Whether it is a reduced copy or a mask of another page, as in cloud-optimised GeoTIFFs."""
        kind = self.number_of(Base.NewSubfileType, 0)
        return bool(kind & (_REDUCED | _MASK)) or self.number_of(Base.SubfileType, 0) == _OLD_REDUCED

    @property
    def orientation(self) -> int:
        """Orientation, 1 to 8 as in EXIF, by its tag or, without one, by its XMP block."""
        if Base.Orientation in self.tags:
            stated = self.number_of(Base.Orientation, 1)
        else:
            found = _XMP_ORIENTATION.search(bytes(self.numbers(XMP)))
            stated = int(found[1]) if found else 1
        return stated if stated in range(1, 9) else 1

    @property
    def samples(self) -> int:
        """Values per pixel."""
        return self.number_of(Base.SamplesPerPixel, 1)

    @property
    def bits(self) -> int:
        """Bits of the widest value."""
        return int(max(self.numbers(Base.BitsPerSample), default=1))

    @property
    def has_holes(self) -> bool:
        """Whether blocks are missing, as when GDAL omits empty ones."""
        return 0 in self.numbers(STRIP_BYTES) or 0 in self.numbers(TILE_BYTES)


def read_pages(stream: IO[bytes]) -> list[Page]:
    """Read the tags of all pages.

    Args:
        stream: the whole file; its position changes.

    Raises:
        SyntaxError: it is not a TIFF, or its pages are endless.
        struct.error, ValueError: it is damaged.
    """
    length = stream.seek(0, 2)
    stream.seek(0)
    header = stream.read(16)
    if not is_tiff(header):
        raise SyntaxError("not a TIFF")
    order = "<" if header[:2] == b"II" else ">"
    reader = _Reader(stream, order, is_big=b"+" in header[2:4], max_bytes=length)
    following = reader.unpack("Q", header[8:16]) if reader.is_big else reader.unpack("I", header[4:8])
    pages: list[Page] = []
    seen: set[int] = set()
    while following:
        if following in seen:
            raise SyntaxError("cyclic pages")
        seen.add(following)
        tags, following = reader.directory(following)
        pages.append(Page(len(pages), tags))
    if not pages:
        raise SyntaxError("a TIFF without pages")
    return pages


@dataclass
class _Reader:
    """Reads directories; the total size of all tags must not exceed the file."""

    stream: IO[bytes]
    order: str
    is_big: bool
    max_bytes: int

    def unpack(self, kind: str, data: bytes) -> int:
        return int(struct.unpack(f"{self.order}{kind}", data)[0])

    def directory(self, at: int) -> tuple[dict[int, tuple[Any, ...] | str], int]:  # Any: int or float
        """Return the tags of a page, and the offset of the next page (0 after the last)."""
        count_kind, entry, offset_kind = ("Q", "HHQ8s", "Q") if self.is_big else ("H", "HHI4s", "I")
        self.stream.seek(at)
        count = self.unpack(count_kind, self.stream.read(struct.calcsize(count_kind)))
        size = struct.calcsize(f"={entry}")
        if count * size > self.max_bytes:
            raise ValueError("a page with more tags than the file has room for")
        table = self.stream.read(count * size)
        following = self.stream.read(struct.calcsize(offset_kind))
        tags = {
            tag: self._values(kind, number, value, offset_kind)
            for tag, kind, number, value in struct.iter_unpack(f"{self.order}{entry}", table[: count * size])
            if tag in TAGS and (kind in _FORMATS or kind == _TEXT)
        }
        return tags, self.unpack(offset_kind, following)

    def _values(self, kind: int, count: int, value: bytes, offset_kind: str) -> tuple[Any, ...] | str:  # Any: see above
        one = _FORMATS.get(kind, "B")
        size = count * struct.calcsize(f"={one}")
        if size > len(value):
            self.max_bytes -= size
            if self.max_bytes < 0:
                raise ValueError("tags that are longer than the file")
            self.stream.seek(self.unpack(offset_kind, value))
            value = self.stream.read(size)
        values = struct.unpack(f"{self.order}{count}{one}", value[:size])
        return bytes(values).split(b"\0")[0].decode("utf-8", "replace") if kind == _TEXT else values


def choose_page(pages: Sequence[Page], name: str, frame: int | None) -> Page:
    """Choose the page with the image.

    Args:
        pages: all pages of a file.
        name: name of the file in messages.
        frame: requested page; None if there is only one candidate.

    Raises:
        ImageError: there is no such page, the choice is ambiguous, or the only one is a thumbnail.
    """
    if any(_CR2_SLICES in page.tags for page in pages) or (frame is None and Base.DNGVersion in pages[0].tags):
        raise ImageError(f"{name} is a camera raw file or a thumbnail; develop or export the full image first.")
    if frame is not None:
        if frame >= len(pages):
            raise ImageError(f"{name} has no frame {frame}; it has {len(pages)}, counted from 0.")
        return pages[frame]
    first, *others = pages
    if not all(page.is_copy_or_mask for page in others):
        raise ImageError(f"{name} has {len(pages)} frames or pages; choose one, for example frame=0.")
    if first.is_copy_or_mask:
        raise ImageError(f"{name} is a camera raw file or a thumbnail; develop or export the full image first.")
    return first
