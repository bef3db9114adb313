"""Files of results: CSV that grows by rows, with a head."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path


def add_rows(path: Path, rows: Sequence[dict[str, object]]) -> None:
    """Add rows of the same columns; a new file gets the head of the first."""
    is_new = not path.exists()
    path.parent.mkdir(exist_ok=True)
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        if is_new:
            writer.writeheader()
        writer.writerows(rows)
