"""A recommendation as text for a terminal: the answer, the next commands, the ranking, and reasons."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from samara.measurement.records.records import Record
from samara.recommendation.answer import Excluded, Recommendation
from samara.recommendation.estimates import file_bytes
from samara.recommendation.evidence import counts
from samara.recommendation.ranking import Ranked
from samara.recommendation.rules import NOT_RUN, RULES, gigabytes, seconds
from samara.recommendation.statement import Certainty

MARKS: Mapping[Certainty, str] = {
    "measured here": "=",
    "measured elsewhere": "+",
    "published": "p",
    "rule of thumb": "~",
}
"""The mark after a number that shows its certainty."""

SHOWN = 5
"""Number of ranks shown by default."""

MEASURED_SHOWN = 12
"""Number of measurements shown."""

NAMES_SHOWN = 14
"""Number of excluded checkpoints shown for each reason."""

NARROWEST, WIDEST = 60, 120


def as_text(found: Recommendation, *, width: int = 80, show_all: bool = False) -> str:
    """Format a recommendation for a terminal.

    Args:
        found: the recommendation.
        width: columns of the terminal, clamped to 60 .. 120.
        show_all: whether to show the whole ranking instead of its beginning.
    """
    columns = min(WIDEST, max(NARROWEST, width))
    blocks = [
        _wrapped(found.answer, columns, ""),
        "\n".join(f"  {command}" for command in found.commands),
        "\n".join(_ranking(found, columns, show_all=show_all)),
        "\n".join(_measured(found.measured)),
        "\n".join(_excluded(found.excluded, columns, most=None if show_all else NAMES_SHOWN)),
        "\n".join(_wrapped(note, columns, "- ") for note in found.notes),
    ]
    return "\n\n".join(block for block in blocks if block)


def _ranking(found: Recommendation, columns: int, *, show_all: bool) -> Iterator[str]:
    if not found.ranking:
        return
    shown = found.ranking if show_all else found.ranking[:SHOWN]
    width = max(len(one.name) for one in shown)
    head = "checkpoint".ljust(width)
    yield f"   {head} {'quality':>7}  {'time':>8}  {'memory':>8}  {'file':>7}  licence"
    for place, one in enumerate(shown, start=1):
        yield f"{place:>2} {one.name:<{width}} {_row(one)}"
        yield _wrapped(found.reason(one), columns, "   ")
    if len(shown) < len(found.ranking):
        yield f"   and {len(found.ranking) - len(shown)} more: --all"
    yield ""
    yield _wrapped(_legend(found), columns, "")


def _row(one: Ranked) -> str:
    row, needs = one.candidate.checkpoint, one.candidate.needs
    quality = "?" if one.quality is None else f"{one.quality.value:.2f} {MARKS[one.quality.certainty]}"
    time = f"{seconds(needs.seconds.value)} {MARKS[needs.seconds.certainty]}"
    memory = f"{gigabytes(needs.memory.value)} {MARKS[needs.memory.certainty]}"
    size = "here" if one.candidate.at_hand else gigabytes(file_bytes(row))
    licence = row.licence.removeprefix("LicenseRef-")  # SPDX's mark of those that it does not list
    return f"{quality:>7}  {time:>8}  {memory:>8}  {size:>7}  {licence}"


def _legend(found: Recommendation) -> str:
    asked = "everything in it, with each checkpoint's own grid" if found.request.asks_everything else "one prompt"
    marks = ", ".join(f"{mark} {certainty}" for certainty, mark in MARKS.items())
    memory = "of fine-tuning the mask decoder" if found.request.trains else "at its peak"
    return f"quality: SAM ViT-H = 1; time: one image and {asked}; memory: {memory}. {marks}. {found.times}"


def _measured(records: tuple[Record, ...]) -> Iterator[str]:
    """One line for each measured quality; those of one data set stand together, the newest first."""
    if not records:
        return
    ordered = sorted(records, key=lambda one: (one.when[:10], one.metric, one.subject.checkpoint), reverse=True)
    yield f"{'Measured':<21} {'with':<12} {'value':>5}  {'95 %':>9} {'objects':>7} {'images':>6} date"
    for one in ordered[:MEASURED_SHOWN]:
        spread = "" if one.interval is None else f"{one.interval.low:.2f}-{one.interval.high:.2f}"
        name, title = one.subject.checkpoint[:21], one.definition.title.partition(",")[0][:12]
        yield (
            f"{name:<21} {title:<12} {one.value or 0.0:>5.2f}{' ' if counts(one) else '*'} {spread:>9} {one.n:>7,} "
            f"{one.images or 0:>6,} {one.when[:10]}"
        )
    if not all(map(counts, ordered)):
        yield "* does not count: too few objects or images, or too wide an interval"
    if len(ordered) > MEASURED_SHOWN:
        yield f"and {len(ordered) - MEASURED_SHOWN} more: samara records list, or --json"


def _excluded(excluded: tuple[Excluded, ...], columns: int, *, most: int | None) -> Iterator[str]:
    """Group excluded checkpoints by reason; those that miss a limit by least come first."""
    if not excluded:
        return
    by_rule: dict[str, dict[str, list[str]]] = {}
    for one in sorted(excluded, key=_size_of_miss):
        for reason in one.reasons:
            name = f"{one.name} {reason.number}" if reason.number else one.name
            by_rule.setdefault(reason.rule, {}).setdefault(reason.limit or reason.text, []).append(name)
    yield "Excluded"
    for rule in (*RULES, NOT_RUN):
        if rule in by_rule:
            told = "; ".join(f"{_listed(names, most)}: {text}" for text, names in by_rule[rule].items())
            yield textwrap.fill(
                told, columns, initial_indent=f"  {rule:<8} ", subsequent_indent=" " * 11, break_on_hyphens=False
            )


def _size_of_miss(one: Excluded) -> float:
    """Return what an excluded checkpoint needs of the first limit that it exceeds; 0 without one."""
    limits = [reason.rule for reason in one.reasons if reason.number]
    if one.contender is None or not limits:
        return 0.0
    needs = one.contender.candidate.needs
    return {"memory": needs.memory.value, "disk": file_bytes(one.checkpoint)}.get(limits[0], needs.seconds.value)


def _listed(names: list[str], most: int | None) -> str:
    if most is None or len(names) <= most + 2:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more (--all)"


def _wrapped(text: str, columns: int, lead: str) -> str:
    # Commands in a sentence get copied, so no line break inside --ground-truth.
    return textwrap.fill(text, columns, initial_indent=lead, subsequent_indent=" " * len(lead), break_on_hyphens=False)
