"""The maximum size of images."""

from __future__ import annotations

# 20,000 × 20,000, enough for scanned maps and aerial mosaics; decoding takes 3 GB (Pillow's 4 bytes per pixel and our
# 3). A file of a few kilobytes can declare a thousand times more.
DEFAULT_MAX_PIXELS = 400_000_000
