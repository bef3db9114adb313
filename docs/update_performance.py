"""Write the tables of docs/performance.md anew from `benchmarks/results/`: `make docs`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.gpu_table import gpu_table
from benchmarks.speed_table import speed_table
from docs.made_parts import with_parts

DOCUMENT = Path(__file__).parent / "performance.md"


def updated(text: str) -> str:
    """The document with its tables made from what was measured."""
    parts = {"speed": speed_table, "sam2": partial(speed_table, variant="sam2.1_hiera_l"), "gpu": gpu_table}
    return with_parts(DOCUMENT, text, parts)


if __name__ == "__main__":
    DOCUMENT.write_text(updated(DOCUMENT.read_text()))
