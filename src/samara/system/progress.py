"""How far a piece of work is: one shape for whoever works and whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being done, the steps done and the steps in all; 0 in all while nobody knows how many.

Of several pieces of work each has a name of its own; what stands behind a colon in it may change from call to call.
"""


def under_name(progress: Progress | None, name: str) -> Progress | None:
    """The same progress with another name for the work: what a part calls it matters to the part alone."""
    if progress is None:
        return None
    return lambda _, done, total: progress(name, done, total)
