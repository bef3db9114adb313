"""How large an image may be."""

from __future__ import annotations

# 20,000 × 20,000, so that scanned maps and aerial mosaics pass; decoding them takes 3 GB (Pillow's 4 bytes
# per pixel and our 3). A few kilobytes can declare a thousand times more.
DEFAULT_MAX_PIXELS = 400_000_000
