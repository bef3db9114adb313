"""Write the table of docs/checkpoints.md anew from the catalogue: `make docs`."""

from __future__ import annotations

from pathlib import Path

from docs.checkpoint_tables import file_table
from docs.made_parts import with_parts

DOCUMENT = Path(__file__).parent / "checkpoints.md"


def updated(text: str) -> str:
    """The document with its table made from the catalogue."""
    return with_parts(DOCUMENT, text, {"files": file_table})


if __name__ == "__main__":
    DOCUMENT.write_text(updated(DOCUMENT.read_text()))
