"""Write the tables of docs/choosing.md anew from the product's own tables: `make docs`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from docs.made_parts import with_parts
from samara.checkpoints.catalogue import CATALOGUE
from samara.recommendation.costs import COSTS
from samara.recommendation.guide import RULES
from samara.recommendation.quality import published_quality
from samara.recommendation.tasks import CRITERIA, DOMAINS, TASKS
from samara.recommendation.throughput import CARDS

DOCUMENT = Path(__file__).parent / "choosing.md"


def criteria() -> str:
    """The criteria and what their values mean."""
    return _table(("criterion", "value between 0 and 1"), ((name, text) for name, text in CRITERIA.items()))


def tasks() -> str:
    """Weights and requirements of each task."""
    rows = (
        (
            task.name,
            *(f"{task.weights[name]:.2f}" if task.weights[name] else "" for name in CRITERIA),
            f"{task.seconds:g} s",
            f"{task.comfortable_s:g} to {task.too_slow_s:g} s",
            f"{task.min_quality:.2f}",
        )
        for task in TASKS.values()
    )
    return _table(("task", *CRITERIA, "maximum time", "speed from 1 to 0", "minimum quality"), rows)


def domains() -> str:
    """How a domain changes the weights."""
    rows = (
        (domain.name, ", ".join(f"{name} x {factor:g}" for name, factor in domain.factors.items()) or "unchanged")
        for domain in DOMAINS.values()
    )
    return _table(("domain", "weights"), rows)


def qualities() -> str:
    """Quality of each checkpoint with published figures, by kind of prompt, with its basis."""
    rows = []
    for row in CATALOGUE:
        by_prompt = [
            published_quality(row.name, prompt, DOMAINS["natural"]) for prompt in ("point", "box", "everything")
        ]
        if (row.variant, row.input_size) in COSTS and any(by_prompt):
            values = (f"{one.value:.2f}" if one else "" for one in by_prompt)
            rows.append((f"`{row.name}`", *values, by_prompt[1].basis if by_prompt[1] else ""))
    return _table(("checkpoint", "points", "boxes", "everything", "basis (boxes)"), rows)


def cards() -> str:
    """The GPU assumed for an amount of memory."""
    return _table(
        ("memory from", "card", "TFLOP/s"),
        ((f"{card.gigabytes:g} GB", card.name, f"{card.flops / 1e12:.3g}") for card in CARDS),
    )


def guide() -> str:
    """The guide's rules, whether samara follows them, and each reason why not once below."""
    reasons = list(dict.fromkeys(rule.differs for rule in RULES if rule.differs))
    rows = (
        (
            rule.where,
            rule.situation,
            " or ".join(f"`{name}`" for name in rule.primary),
            f"{' or '.join(f'`{name}`' for name in rule.instead)} ({1 + reasons.index(rule.differs)})"
            if rule.instead
            else "followed",
        )
        for rule in RULES
    )
    below = "\n".join(f"{number}. {reason}" for number, reason in enumerate(reasons, start=1))
    return f"{_table(('where', 'situation', 'guide', 'samara, on a typical machine'), rows)}\n\n{below}"


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(headings)
    lines = [head, ["---"] * len(head), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


TABLES = {
    "criteria": criteria,
    "tasks": tasks,
    "domains": domains,
    "qualities": qualities,
    "cards": cards,
    "guide": guide,
}


def updated(text: str) -> str:
    """The document with its tables made from the data."""
    return with_parts(DOCUMENT, text, TABLES)


if __name__ == "__main__":
    DOCUMENT.write_text(updated(DOCUMENT.read_text()))
