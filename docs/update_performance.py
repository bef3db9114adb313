"""Write the table of docs/performance.md anew from `benchmarks/results/`: `make docs`."""

from __future__ import annotations

from pathlib import Path

from benchmarks.speed_table import speed_table
from docs.made_parts import with_parts

DOCUMENT = Path(__file__).parent / "performance.md"


def updated(text: str) -> str:
    """The document with its table made from what was measured."""
    return with_parts(DOCUMENT, text, {"speed": speed_table})


if __name__ == "__main__":
    DOCUMENT.write_text(updated(DOCUMENT.read_text()))
