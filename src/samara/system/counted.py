"""Counts in sentences."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, "1 mask" or "1,200 masks"; the noun has a regular plural."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
