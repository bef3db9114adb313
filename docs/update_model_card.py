"""Write the tables of samara_mini's model card anew, from `training/results/`: `make docs`."""

from __future__ import annotations

from pathlib import Path

from docs.made_parts import with_parts
from training.table import by_source, overview, read_results

CARD = Path(__file__).parent / "samara_mini.md"
RESULTS = Path(__file__).parent.parent / "training" / "results"
CONTESTANTS = ("samara_mini", "mobile_sam", "mobile_sam_512", "bootstrap", "box_as_mask", "grabcut_flood_fill")


def updated(text: str) -> str:
    """The card with its tables made from the results that are there."""
    files = [RESULTS / f"{name}.json" for name in CONTESTANTS]
    results = read_results([file for file in files if file.exists()])
    return with_parts(CARD, text, {"overview": lambda: overview(results), "sources": lambda: by_source(results[0])})


if __name__ == "__main__":
    CARD.write_text(updated(CARD.read_text()))
