"""The results files as Markdown, for the model card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MEASURES: Mapping[str, str] = {"click": "centre click", "box": "box", "recall": "automatic recall"}
DOMAINS = ("natural", "medical", "satellite")

Results = Mapping[str, Any]  # what `python -m training evaluate` wrote


def read_results(files: Sequence[Path]) -> list[Results]:
    """Read result files, in the order given."""
    return [json.loads(file.read_text()) for file in files]


def overview(results: Sequence[Results]) -> str:
    """Mean over the sources of each domain, one row per model."""
    columns = [(domain, measure) for domain in DOMAINS for measure in ("click", "box")]
    head = " | ".join(f"{domain}, {MEASURES[measure]}" for domain, measure in columns)
    rows = [f"| | {head} |", "|---|" + "--:|" * len(columns)]
    for result in results:
        cells = " | ".join(f"{_mean(result, *column):.3f}" for column in columns)
        size = f", {result['input_size']} px" if result.get("input_size") else ""
        rows.append(f"| {result['what']}{size} | {cells} |")
    return "\n".join(rows)


def by_source(result: Results) -> str:
    """Every source of one model, with intervals."""
    titles = ("domain", "source", "measure", "mean", "95 % interval", "images", "objects")
    rows = [f"| {' | '.join(titles)} |", "|---|---|---|--:|---|--:|--:|"]
    for domain in DOMAINS:
        for measure, title in MEASURES.items():
            for source, score in result[domain].get(measure, {}).items():
                interval = "" if score["low"] is None else f"{score['low']:.3f} to {score['high']:.3f}"
                numbers = f"{score['mean']:.3f} | {interval} | {score['images']} | {score['objects']}"
                rows.append(f"| {domain} | {source} | {title} | {numbers} |")
    return "\n".join(rows)


def _mean(result: Results, domain: str, measure: str) -> float:
    means: list[float] = [score["mean"] for score in result[domain][measure].values()]
    return sum(means) / len(means)
