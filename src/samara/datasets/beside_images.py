"""Sidecar files that georeference an image: world files, and GDAL's `.aux.xml`.

Source: ESRI, "World files for raster datasets"; GDAL, "Persistent Auxiliary Metadata (PAM)".
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import NamedTuple, TypeAlias

Transform: TypeAlias = tuple[float, ...]
"""See `GeoReference.transform`."""

_MAX_BYTES = 1 << 20  # such files have a few lines; a longer one is something else
_TRANSFORM = re.compile(r"<GeoTransform>([^<]*)</GeoTransform>")
_SYSTEM = re.compile(r"<SRS[^>]*>([^<]*)</SRS>")
_AUTHORITY = re.compile(r'(?:AUTHORITY\["(\w+)","(\d+)"\]|ID\["(\w+)",(\d+)\])\s*\]\s*$')


class Sidecar(NamedTuple):
    """The georeference in a sidecar file."""

    transform: Transform | None = None
    crs: str | None = None
    is_tied_by_points: bool = False


def read_auxiliary(image: Path) -> Sidecar:
    """Read the `.aux.xml` of an image.

    Raises:
        ValueError: its numbers are invalid.
    """
    text = _text(image.with_name(f"{image.name}.aux.xml"))
    if text is None:
        return Sidecar()
    transform, system = _TRANSFORM.search(text), _SYSTEM.search(text)
    crs = named_system(html.unescape(system[1])) if system else None
    if transform is None:
        return Sidecar(None, crs, "<GCPList" in text)
    c, a, b, f, d, e = _numbers(transform[1].split(","), "GeoTransform")
    return Sidecar((a, b, c, d, e, f), crs)


def read_world_file(image: Path) -> Transform | None:
    """Read the world file of an image: `.tfw` and `.tifw` of a `.tif`, `.wld` of any.

    Raises:
        ValueError: it exists, but does not have six numbers.
    """
    suffix = image.suffix[1:].lower()
    names = [f"{suffix[:1]}{suffix[-1:]}w", f"{suffix}w", "wld"]
    for name in (*names, *map(str.upper, names)):
        text = _text(image.with_suffix(f".{name}"))
        if text is not None:
            a, d, b, e, c, f = _numbers(text.split(), f"world file .{name}")
            # The file refers to the centre of the first pixel, we to its corner.
            return a, b, c - (a + b) / 2, d, e, f - (d + e) / 2
    return None


def named_system(definition: str) -> str | None:
    """Return the code of a coordinate reference system, e.g. "EPSG:32633", else its definition; None if empty."""
    found = _AUTHORITY.search(definition)
    if found is None:
        return definition.strip() or None
    return f"{found[1] or found[3]}:{found[2] or found[4]}"


def _text(path: Path) -> str | None:
    """Return the content of a small file; None if there is none."""
    if not path.is_file() or path.stat().st_size > _MAX_BYTES:
        return None
    return path.read_text(encoding="utf-8-sig", errors="replace")


def _numbers(texts: list[str], what: str) -> list[float]:
    if len(texts) != 6:
        raise ValueError(f"the {what} next to it has {len(texts)} numbers, not 6")
    return [float(text) for text in texts]
