"""The catalogue as a Markdown table, for the README."""

from __future__ import annotations

from samara.checkpoints.catalogue import CATALOGUE, Checkpoint
from samara.networks.variants import VARIANTS


def checkpoint_table() -> str:
    """Build a table with one row per checkpoint: name, network, parameters, size, licence, whether samara runs it."""
    rows = ["| name | network | parameters | file | licence | runs |", "|---|---|--:|--:|---|---|"]
    return "\n".join([*rows, *(_row(checkpoint) for checkpoint in CATALOGUE)])


def _row(checkpoint: Checkpoint) -> str:
    variant = VARIANTS[checkpoint.variant]
    parameters = f"{variant.parameters / 1e6:.1f} M" if variant.parameters else "?"
    size = f"{checkpoint.size_bytes / 1e6:,.1f} MB" if checkpoint.size_bytes else "?"
    runs = "yes" if variant.is_runnable else "identified"
    return f"| `{checkpoint.name}` | {variant.title} | {parameters} | {size} | {checkpoint.licence} | {runs} |"
