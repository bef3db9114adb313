"""The catalogue as Markdown tables: for the README what each costs and gives, for docs/checkpoints.md the files."""

from __future__ import annotations

from collections.abc import Iterable

from samara.checkpoints.catalogue import CATALOGUE, Checkpoint
from samara.networks.variants import VARIANTS
from samara.recommendation.costs import cost_of
from samara.recommendation.quality import FIRST_RELEASE, published_quality
from samara.recommendation.tasks import DOMAINS


def promptable_table() -> str:
    """One row per promptable checkpoint that samara runs, without first releases and those of one domain."""
    rows = (
        _cost_row(row)
        for row in CATALOGUE
        if VARIANTS[row.variant].is_runnable
        and VARIANTS[row.variant].embeds_images
        and not row.speciality
        and row.name not in FIRST_RELEASE
    )
    return _table(
        "| checkpoint | parameters | GFLOP | s per image | s per click | quality | licence |",
        "|---|--:|--:|--:|--:|--:|---|",
        rows,
    )


def file_table() -> str:
    """One row per checkpoint: name, network, parameters, size of the file, licence, whether samara runs it."""
    return _table(
        "| name | network | parameters | file | licence | runs |",
        "|---|---|--:|--:|---|---|",
        map(_file_row, CATALOGUE),
    )


def _cost_row(checkpoint: Checkpoint) -> str:
    cost = cost_of(checkpoint)
    quality = published_quality(checkpoint.name, "box", DOMAINS["natural"])
    cells = (
        f"`{checkpoint.name}`",
        _parameters(checkpoint),
        f"{cost.encoder_flops / 1e9:,.0f}",
        f"{cost.encode_s:.2g}",
        f"{cost.prompt_s:.2g}",
        "?" if quality is None else f"{quality.value:.2f}",
        checkpoint.licence,
    )
    return f"| {' | '.join(cells)} |"


def _file_row(checkpoint: Checkpoint) -> str:
    variant = VARIANTS[checkpoint.variant]
    size = f"{checkpoint.size_bytes / 1e6:,.1f} MB" if checkpoint.size_bytes else "?"
    runs = "yes" if variant.is_runnable else "identified"
    cells = (f"`{checkpoint.name}`", variant.title, _parameters(checkpoint), size, checkpoint.licence, runs)
    return f"| {' | '.join(cells)} |"


def _parameters(checkpoint: Checkpoint) -> str:
    parameters = VARIANTS[checkpoint.variant].parameters
    return f"{parameters / 1e6:.1f} M" if parameters else "?"


def _table(head: str, rule: str, rows: Iterable[str]) -> str:
    return "\n".join((head, rule, *rows))
