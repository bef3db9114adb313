"""`results/speed.csv` as a table for people: every contender of the last run, and how many times as fast it is."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "speed.csv"
OFFICIAL = {"vit_b": "segment-anything", "sam2.1_hiera_l": "sam2"}
"""The official code of a variant."""

WORKS = {"encode": "encode", "decode": "decode 64 clicks", "everything": "everything"}


def speed_table(path: Path = RESULTS, contenders: Iterable[str] | None = None, variant: str = "vit_b") -> str:
    """Markdown: a sentence about the conditions, and a row per contender.

    Args:
        path: what `speed.py` wrote.
        contenders: which to show; None for all.
        variant: of the network that was measured.
    """
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows = [row for row in rows if row["variant"] == variant]
    rows = [row for row in rows if row["machine"] == rows[-1]["machine"]]  # seconds of two machines say nothing
    last = {(row["contender"], row["work"]): row for row in rows}
    names = [name for name in dict.fromkeys(row["contender"] for row in rows) if not contenders or name in contenders]
    facts = last[OFFICIAL[variant], "everything"]
    works = {work: title for work, title in WORKS.items() if any((name, work) in last for name in names)}
    lines = [
        f"{facts['image']}, {facts['variant']} at 1024 px, everything from {facts['points']} points. "
        f"{facts['machine']}; {facts['date']}, commit {facts['commit']}. Medians in seconds; × is how many times as "
        "fast as the official code in the same run.",
        "",
        "| | " + " | ".join(f"{title} | ×" for title in works.values()) + " |",
        "|---|" + "--:|--:|" * len(works),
    ]
    for name in names:
        cells = [cell for work in works for cell in _cells(last.get((name, work)))]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cells(row: dict[str, str] | None) -> tuple[str, str]:
    if row is None:
        return "–", "–"
    seconds, ratio = float(row["median_s"]), float(row["times_as_fast_as_reference"])
    return f"{seconds:.3g}" if seconds < 100 else f"{seconds:.0f}", f"{ratio:.1f}"
