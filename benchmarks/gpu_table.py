"""`results/gpu.csv` as a table for people: what was measured on a GPU, beside the official code and the goals."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "gpu.csv"

HIDDEN = ("profile", "tests")
"""Rows that are no time or speed."""


def gpu_table(path: Path = RESULTS, works: Iterable[str] | None = None) -> str:
    """Markdown: a sentence about the conditions, and a row per work and contender.

    Args:
        path: what `gpu.py` wrote.
        works: which to show; None for all.
    """
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["value"] and not row["work"].startswith(HIDDEN)]
    chosen = [row for row in rows if works is None or row["work"] in tuple(works)]
    last = {(row["work"], row["contender"]): row for row in chosen}
    facts = rows[-1]
    lines = [
        f"One {facts['device']}, PyTorch {facts['torch']}, {facts['date']}, commit {facts['commit']}. Medians; × is "
        "how many times as good as the official code in float32 in the same run, GB the peak above the weights.",
        "",
        "| | | | × | GB | goal |",
        "|---|---|--:|--:|--:|---|",
    ]
    shown = ""
    for (work, contender), row in last.items():
        goal = f"{row['goal']}{': ' + row['meets_goal'] if row['meets_goal'] else ''}" if row["goal"] else ""
        own_goal = goal if contender.startswith("samara") else ""
        cells = (f"{float(row['value']):.3g} {row['unit']}", _rounded(row["times_as_good_as_official"]))
        peak = _rounded(row["peak_gb_above_weights"])
        title = work if work != shown else ""
        lines.append(f"| {title} | {contender} | {' | '.join(cells)} | {peak} | {own_goal} |")
        shown = work
    return "\n".join(lines)


def _rounded(number: str) -> str:
    return f"{float(number):.1f}" if number else ""
