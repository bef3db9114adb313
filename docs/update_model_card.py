"""Write the tables of samara_mini's model card anew, from `training/results/`: `make docs`."""

from __future__ import annotations

import re
from pathlib import Path

from training.table import by_source, overview, read_results

CARD = Path(__file__).parent / "samara_mini.md"
RESULTS = Path(__file__).parent.parent / "training" / "results"
CONTESTANTS = ("samara_mini", "bootstrap", "box_as_mask", "grabcut_flood_fill")


def updated(text: str) -> str:
    """The card with its tables made from the results that are there."""
    files = [RESULTS / f"{name}.json" for name in CONTESTANTS]
    results = read_results([file for file in files if file.exists()])
    for mark, table in (("overview", overview(results)), ("sources", by_source(results[0]))):
        region = re.compile(rf"(<!-- {mark}: made by `make docs` -->\n).*?(<!-- end -->)", re.DOTALL)
        text, count = region.subn(lambda match, table=table: f"{match[1]}{table}\n{match[2]}", text)
        if count != 1:
            raise SystemExit(f"{CARD.name} has {count} places for the table {mark!r}, and must have one")
    return text


if __name__ == "__main__":
    CARD.write_text(updated(CARD.read_text()))
