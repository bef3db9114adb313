"""Write the generated parts of the README anew: `make docs`."""

from __future__ import annotations

import re
from pathlib import Path

from samara.reports.checkpoint_table import checkpoint_table

README = Path(__file__).parent.parent / "README.md"


def updated(text: str) -> str:
    """The README with its checkpoint table made from the catalogue."""
    region = re.compile(r"(<!-- checkpoints: made by `make docs` -->\n).*?(\n<!-- end -->)", re.DOTALL)
    return region.sub(lambda match: match[1] + checkpoint_table() + match[2], text)


if __name__ == "__main__":
    README.write_text(updated(README.read_text()))
