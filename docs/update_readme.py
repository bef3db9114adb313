"""Write the generated parts of the README anew: `make docs`."""

from __future__ import annotations

import re
from pathlib import Path

from samara.reports.checkpoint_table import checkpoint_table

README = Path(__file__).parent.parent / "README.md"


def updated(text: str) -> str:
    """The README with its checkpoint table made from the catalogue."""
    region = re.compile(r"(<!-- checkpoints: made by `make docs` -->\n).*?(<!-- end -->)", re.DOTALL)
    made, count = region.subn(lambda match: f"{match[1]}{checkpoint_table()}\n{match[2]}", text)
    if count != 1:
        raise SystemExit(f"{README.name} has {count} places for the checkpoint table, and must have one")
    return made


if __name__ == "__main__":
    README.write_text(updated(README.read_text()))
