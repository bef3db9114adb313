"""Progress reporting: one callback type for all work."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the name of the task, the steps done and the total number of steps; the total is 0 while unknown.

Each of several tasks has its own name; text after a colon in it may change between calls.
"""


def under_name(progress: Progress | None, name: str) -> Progress | None:
    """Wrap a progress callback to report under another name."""
    if progress is None:
        return None
    return lambda _, done, total: progress(name, done, total)
